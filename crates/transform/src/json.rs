//! JSON with exact numbers, read with the place of each value.

use std::fmt;
use std::rc::Rc;

use hifijson::SliceLexer;
use hifijson::num::LexWrite;
use hifijson::str::LexAlloc;
use hifijson::token::Lex;

use crate::meter::{MAX_DEPTH, charge_bytes};
use crate::place::{Key, Place};
use crate::val::{Kind, Object, Val, number};

/// Why a text is no JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotJson {
    problem: String,
    line: usize,
    column: usize,
}

impl fmt::Display for NotJson {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at line {}, column {}", self.problem, self.line, self.column)
    }
}

/// Reads one value, which comes from `place`.
pub(crate) fn read(text: &str, place: Place) -> Result<Val, NotJson> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut lexer = SliceLexer::new(text.as_bytes());
    let value = lexer.exactly_one(Lex::ws_peek, |next, lexer| value(next, lexer, place, 0));
    value.map_err(|problem| {
        let read = &text.as_bytes()[..text.len() - lexer.as_slice().len()];
        let line = read.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = read.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        NotJson { problem: problem.to_string(), line, column }
    })
}

/// The lines of a text that has one event a line, one of which at least is an object. What the others are is
/// found out by whoever reads them.
pub(crate) fn lines(text: &str) -> Option<Vec<Vec<u8>>> {
    let lines: Vec<&str> =
        text.trim_start_matches('\u{feff}').lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    charge_bytes(text.len());
    let is_object = |line: &&str| line.starts_with('{') && read(line, Place::MIXED).is_ok();
    let is_lines = lines.len() > 1 && lines.iter().any(is_object);
    is_lines.then(|| lines.into_iter().map(|line| line.as_bytes().to_vec()).collect())
}

/// Why the reader stopped.
enum Problem {
    Syntax(hifijson::Error),
    Twice,
    TooDeep,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "not JSON: {error}"),
            Self::Twice => f.write_str("a member is there twice"),
            Self::TooDeep => write!(f, "more than {MAX_DEPTH} levels"),
        }
    }
}

impl<E: Into<hifijson::Error>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Syntax(error.into())
    }
}

fn value(next: u8, lexer: &mut SliceLexer<'_>, place: Place, depth: u8) -> Result<Val, Problem> {
    use hifijson::token::Expect;
    if depth > MAX_DEPTH {
        return Err(Problem::TooDeep);
    }
    let kind = match next {
        b'a'..=b'z' => match lexer.null_or_bool().ok_or(Expect::Value)? {
            Some(flag) => Kind::Bool(flag),
            None => Kind::Null(0),
        },
        b'0'..=b'9' | b'-' => {
            let (text, _) = lexer.num_string().validated().map_err(hifijson::Error::from)?;
            number(text).unwrap_or_else(|| Kind::Huge(text.into()))
        }
        b'"' => Kind::Text(lexer.discarded().str_string().map_err(hifijson::Error::Str)?.into()),
        b'[' => {
            let mut elements = Vec::new();
            lexer.discarded().seq(b']', Lex::ws_peek, |next, lexer| {
                let place = place.within(|| Key::Element(elements.len()));
                elements.push(value(next, lexer, place, depth + 1)?);
                Ok::<_, Problem>(())
            })?;
            return Ok(Val::array(elements, place));
        }
        b'{' => {
            let mut object = Object::default();
            lexer.discarded().seq(b'}', Lex::ws_peek, |next, lexer| {
                lexer.expect(|_| Some(next), b'"').ok_or(Expect::String)?;
                let key: Rc<str> = lexer.str_string().map_err(hifijson::Error::Str)?.into();
                lexer.expect(Lex::ws_peek, b':').ok_or(Expect::Colon)?;
                let place = place.within(|| Key::Member(Rc::clone(&key)));
                let value = value(lexer.ws_peek().ok_or(Expect::Value)?, lexer, place, depth + 1)?;
                match object.insert(key, value) {
                    Some(_) => Err(Problem::Twice),
                    None => Ok(()),
                }
            })?;
            return Ok(Val::object(object, place));
        }
        _ => return Err(Expect::Value.into()),
    };
    Ok(Val::new(kind, place))
}
