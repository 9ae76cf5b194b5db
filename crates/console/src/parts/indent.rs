//! JSON as people read it: in lines, and otherwise as it came. Order, numbers and repeated members stay.

use serde::de::IgnoredAny;

/// JSON in lines; `None` where it is none.
pub(crate) fn indented(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut lines = String::with_capacity(text.len() * 2);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut signs = text.chars().filter(|c| in_text(*c, &mut in_string, &mut escaped)).peekable();
    let mut within = (false, false);
    while let Some(sign) = signs.next() {
        if is_within(sign, &mut within) {
            lines.push(sign);
            continue;
        }
        match sign {
            '{' | '[' => {
                lines.push(sign);
                if !matches!(signs.peek(), Some('}' | ']')) {
                    depth += 1;
                    break_line(&mut lines, depth);
                }
            }
            '}' | ']' => {
                if !lines.ends_with(['{', '[']) {
                    depth = depth.saturating_sub(1);
                    break_line(&mut lines, depth);
                }
                lines.push(sign);
            }
            ',' => {
                lines.push(sign);
                break_line(&mut lines, depth);
            }
            ':' => lines.push_str(": "),
            _ => lines.push(sign),
        }
    }
    Some(lines)
}

/// Whether a sign is part of the text: white space between tokens is not.
fn in_text(sign: char, in_string: &mut bool, escaped: &mut bool) -> bool {
    let mut state = (*in_string, *escaped);
    let within = is_within(sign, &mut state);
    (*in_string, *escaped) = state;
    within || !sign.is_ascii_whitespace()
}

/// Whether a sign is part of a string, its quotes included. The state is whether a string has begun, and
/// whether a backslash came before.
fn is_within(sign: char, (in_string, escaped): &mut (bool, bool)) -> bool {
    let was = *in_string;
    match sign {
        _ if *escaped => *escaped = false,
        '\\' if *in_string => *escaped = true,
        '"' => *in_string = !*in_string,
        _ => {}
    }
    was || sign == '"'
}

fn break_line(lines: &mut String, depth: usize) {
    lines.push('\n');
    lines.extend(std::iter::repeat_n("  ", depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_put_into_lines_and_stays_what_it_was() {
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
