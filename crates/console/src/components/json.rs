//! JSON indented, and otherwise unchanged: order, number formats and duplicate members stay.

use serde::de::IgnoredAny;

/// Indented JSON; `None` if invalid.
pub(crate) fn indented(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut lines = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut chars = text.chars().filter(|c| in_text(*c, &mut in_string, &mut escaped)).peekable();
    let mut within = (false, false);
    while let Some(c) = chars.next() {
        if is_within(c, &mut within) {
            lines.push(c);
            continue;
        }
        match c {
            '{' | '[' => {
                lines.push(c);
                if !matches!(chars.peek(), Some('}' | ']')) {
                    depth += 1;
                    break_line(&mut lines, depth);
                }
            }
            '}' | ']' => {
                if !lines.ends_with(['{', '[']) {
                    depth = depth.saturating_sub(1);
                    break_line(&mut lines, depth);
                }
                lines.push(c);
            }
            ',' => {
                lines.push(c);
                break_line(&mut lines, depth);
            }
            ':' => lines.push_str(": "),
            _ => lines.push(c),
        }
    }
    Some(lines)
}

/// Whether a character is not white space between tokens.
fn in_text(c: char, in_string: &mut bool, escaped: &mut bool) -> bool {
    let mut state = (*in_string, *escaped);
    let within = is_within(c, &mut state);
    (*in_string, *escaped) = state;
    within || !c.is_ascii_whitespace()
}

/// Whether a character is part of a string, quotes included. The state: inside a string, after a backslash.
fn is_within(c: char, (in_string, escaped): &mut (bool, bool)) -> bool {
    let was = *in_string;
    match c {
        _ if *escaped => *escaped = false,
        '\\' if *in_string => *escaped = true,
        '"' => *in_string = !*in_string,
        _ => {}
    }
    was || c == '"'
}

fn break_line(lines: &mut String, depth: usize) {
    lines.push('\n');
    lines.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indents_json_without_changing_it() {
        for (text, expected) in [
            (
                "{\"b\":1.50,\"a\":[1e400,{ }, [ ]],\"b\":\"{,:} \\\" \\\\\"}",
                "{\n  \"b\": 1.50,\n  \"a\": [\n    1e400,\n    {},\n    []\n  ],\n  \"b\": \"{,:} \\\" \\\\\"\n}",
            ),
            (" [ true , null ] ", "[\n  true,\n  null\n]"),
            ("{}", "{}"),
            ("\"a b\"", "\"a b\""),
        ] {
            assert_eq!(indented(text).as_deref(), Some(expected));
            assert_eq!(indented(expected).as_deref(), Some(expected), "once more changes nothing");
        }
        for text in ["", "{", "{\"a\":}", "<a/>", "{} {}"] {
            assert_eq!(indented(text), None, "{text}");
        }
    }
}
