//! The events of an export, one after the other, whatever stands between them: nothing, line breaks, or
//! the commas of an array.

use std::io::{self, BufRead};

use ::events::MAX_EVENT;

/// An event's bytes, and the line it begins on.
#[derive(Debug, PartialEq, Eq)]
pub struct Exported {
    /// Counted from 1.
    pub line: u64,
    /// As they stand there; of one that is too large, just so many that it is seen to be.
    pub body: Vec<u8>,
}

/// Reads events without holding more than one.
///
/// A brace at the beginning of a line begins an event, even inside another: so one that is cut off takes
/// no other along. What is no object is given as it stands, up to the end of its line.
pub struct Events<R> {
    input: R,
    line: u64,
    at_line_start: bool,
    current: Option<Exported>,
    depth: u32,
    in_text: bool,
    escaped: bool,
}

impl<R: BufRead> Events<R> {
    /// From its beginning.
    pub fn new(input: R) -> Self {
        let (in_text, escaped) = (false, false);
        Self { input, line: 1, at_line_start: true, current: None, depth: 0, in_text, escaped }
    }

    /// Takes one byte; gives an event where that ends one. The byte that begins the next event must be
    /// given again: then the second is true.
    fn take(&mut self, byte: u8) -> (Option<Exported>, bool) {
        let starts_line = std::mem::replace(&mut self.at_line_start, byte == b'\n');
        if byte == b'{' && starts_line && self.current.is_some() {
            self.at_line_start = true;
            return (self.end(), true);
        }
        let line = self.line;
        if byte == b'\n' {
            self.line += 1;
            // No text of JSON goes over the end of a line.
            (self.in_text, self.escaped) = (false, false);
        }
        let Some(current) = &mut self.current else {
            match byte {
                b'{' => (self.current, self.depth) = (Some(Exported { line, body: vec![byte] }), 1),
                b',' | b'[' | b']' => {}
                byte if byte.is_ascii_whitespace() => {}
                // No event: it goes to the end of its line.
                byte => (self.current, self.depth) = (Some(Exported { line, body: vec![byte] }), 0),
            }
            return (None, false);
        };
        if self.depth == 0 && byte == b'\n' {
            return (self.end(), false);
        }
        if current.body.len() <= MAX_EVENT {
            current.body.push(byte);
        }
        match (self.in_text, byte) {
            (true, _) if self.escaped => self.escaped = false,
            (true, b'\\') => self.escaped = true,
            (_, b'"') => self.in_text = !self.in_text,
            (false, b'{') if self.depth > 0 => self.depth += 1,
            (false, b'}') if self.depth > 0 => {
                self.depth -= 1;
                if self.depth == 0 {
                    return (self.end(), false);
                }
            }
            _ => {}
        }
        (None, false)
    }

    fn end(&mut self) -> Option<Exported> {
        (self.depth, self.in_text, self.escaped) = (0, false, false);
        self.current.take()
    }
}

impl<R: BufRead> Iterator for Events<R> {
    type Item = io::Result<Exported>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let bytes = match self.input.fill_buf() {
                Ok([]) => return self.end().map(Ok),
                Ok(bytes) => bytes.to_vec(),
                Err(error) => return Some(Err(error)),
            };
            for (i, byte) in bytes.iter().enumerate() {
                let (ended, again) = self.take(*byte);
                if let Some(event) = ended {
                    self.input.consume(if again { i } else { i + 1 });
                    return Some(Ok(event));
                }
            }
            self.input.consume(bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::Events;

    /// Lines and bodies, read a few bytes at a time.
    fn read(text: &str) -> Vec<(u64, String)> {
        let events = Events::new(BufReader::with_capacity(3, text.as_bytes()));
        let event = |event: super::Exported| (event.line, String::from_utf8(event.body).expect("a text"));
        events.map(|read| event(read.expect("read"))).collect()
    }

    fn owned(expected: &[(u64, &str)]) -> Vec<(u64, String)> {
        expected.iter().map(|(line, body)| (*line, (*body).to_owned())).collect()
    }

    #[test]
    fn events_are_found_whatever_stands_between_them() {
        for (text, expected) in [
            ("", &[][..]),
            ("{}", &[(1, "{}")]),
            ("{\"a\": 1}\n{\"a\": 2}\n", &[(1, "{\"a\": 1}"), (2, "{\"a\": 2}")]),
            ("[{\"a\": {}},{\"a\": 2}]", &[(1, "{\"a\": {}}"), (1, "{\"a\": 2}")]),
            ("[\n  {\n  \"a\": [{}]\n  },\n\n  {}\n]\n", &[(2, "{\n  \"a\": [{}]\n  }"), (6, "{}")]),
            ("{\"a\": \"}{\\\"\"}{}", &[(1, "{\"a\": \"}{\\\"\"}"), (1, "{}")]),
        ] {
            assert_eq!(read(text), owned(expected), "{text}");
        }
    }

    #[test]
    fn one_that_is_broken_takes_no_other_along() {
        for (text, expected) in [
            ("{\"a\": \"cut\n{\"a\": 2}", &[(1, "{\"a\": \"cut\n"), (2, "{\"a\": 2}")][..]),
            ("id;amount\n{}", &[(1, "id;amount"), (2, "{}")]),
            ("{} null\n{}", &[(1, "{}"), (1, "null"), (2, "{}")]),
            ("[{}, {\"a\":", &[(1, "{}"), (1, "{\"a\":")]),
        ] {
            assert_eq!(read(text), owned(expected), "{text}");
        }
    }

    #[test]
    fn of_one_that_is_too_large_no_more_is_held_than_shows_it() {
        let large = format!("{{\"a\": \"{}\"}}\n{{}}", "x".repeat(3 * super::MAX_EVENT));
        let events: Vec<_> = Events::new(large.as_bytes()).map(|read| read.expect("read")).collect();
        assert_eq!((events.len(), events[0].body.len(), events[1].line), (2, super::MAX_EVENT + 1, 2));
    }
}
