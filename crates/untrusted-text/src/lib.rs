//! Escapes untrusted text for logs, terminals, pages and tables.
//!
//! A voucher number, a customer's name or a service's answer may contain characters that act on the reader's screen
//! instead of showing: a newline that forges a log line, an escape sequence that clears a terminal, a mark that
//! reverses the direction of the text. Each is replaced by an escape (`\n`, `\u{1b}`, `\u{202e}`). Everything else
//! stays as it is.
//!
//! ```
//! assert_eq!(untrusted_text::line("V-1\nERROR \u{1b}[2J"), r"V-1\nERROR \u{1b}[2J");
//! ```

use std::borrow::Cow;
use std::fmt::Write;

/// A text on one line: line breaks and tabs are escaped as well.
pub fn line(text: &str) -> Cow<'_, str> {
    escaped(text, acts, as_rust)
}

/// A text of several lines, in which line breaks and tabs of its own are meant.
pub fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| acts(c) && c != '\n' && c != '\t', as_rust)
}

/// A JSON document that says the same, with nothing in its strings that acts: a reader of JSON sees no
/// difference, and a terminal shows the escapes. Line breaks between its tokens stay.
pub fn json(document: &str) -> Cow<'_, str> {
    // A serializer escapes U+0000 to U+001F itself: what is left of them stands between tokens.
    escaped(document, |c| acts(c) && !matches!(c, '\n' | '\r' | '\t'), as_json)
}

/// The same of an XML document, whose texts hold no control characters.
pub fn xml(document: &str) -> Cow<'_, str> {
    escaped(document, |c| acts(c) && !matches!(c, '\n' | '\r' | '\t'), as_xml)
}

/// Whether a character acts on what shows it, or does not show at all: control characters (C0, DEL, C1), line
/// and paragraph separators, marks and overrides of direction, and what is invisible. Joiners (U+200C, U+200D)
/// are part of the spelling of Persian, Hindi and others, and stay.
pub const fn acts(c: char) -> bool {
    matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{2028}' | '\u{2029}'
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        | '\u{ad}' | '\u{180e}' | '\u{200b}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

fn escaped(text: &str, is_escaped: impl Fn(char) -> bool, escape: fn(&mut String, char)) -> Cow<'_, str> {
    let Some(first) = text.find(&is_escaped) else { return Cow::Borrowed(text) };
    let mut shown = String::with_capacity(text.len() + 16);
    shown.push_str(&text[..first]);
    for c in text[first..].chars() {
        if is_escaped(c) { escape(&mut shown, c) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// `\n`, `\t`, `\u{1b}`.
fn as_rust(shown: &mut String, c: char) {
    shown.extend(c.escape_default());
}

/// `\u001b`, in UTF-16 as JSON has it.
fn as_json(shown: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(shown, "\\u{unit:04x}").expect("a String takes any text");
    }
}

/// `&#x202e;`.
fn as_xml(shown: &mut String, c: char) {
    write!(shown, "&#x{:x};", u32::from(c)).expect("a String takes any text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_acting_characters_and_nothing_else() {
        for (text, shown) in [
            ("", ""),
            (
                "K\u{e6}rsti \u{11e}\u{fc}lsah \u{645}\u{631}\u{62d}\u{628}\u{627} \u{65e5}\u{672c} 1/2 \\n",
                "K\u{e6}rsti \u{11e}\u{fc}lsah \u{645}\u{631}\u{62d}\u{628}\u{627} \u{65e5}\u{672c} 1/2 \\n",
            ),
            (
                "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
                "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            ),
            ("1\nERROR x\r\t2", "1\\nERROR x\\r\\t2"),
            ("\u{1b}[2J\u{7}\0\u{7f}", "\\u{1b}[2J\\u{7}\\u{0}\\u{7f}"),
            ("\u{9b}31m\u{85}", "\\u{9b}31m\\u{85}"),
            ("1001\u{202e}fdp.exe", "1001\\u{202e}fdp.exe"),
            ("\u{2066}\u{2069}\u{200e}\u{200f}\u{61c}", "\\u{2066}\\u{2069}\\u{200e}\\u{200f}\\u{61c}"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("a\u{200b}b\u{feff}c\u{ad}d\u{e0041}", "a\\u{200b}b\\u{feff}c\\u{ad}d\\u{e0041}"),
        ] {
            assert_eq!(line(text), shown);
            assert_eq!(line(shown), shown, "once more changes nothing");
        }
        assert_eq!(lines("a\n\tb\u{1b}\rc"), "a\n\tb\\u{1b}\\rc");
        assert!(matches!(line("plain"), Cow::Borrowed(_)));
    }

    #[test]
    fn escapes_json_without_changing_its_meaning() {
        let document = "{\n  \"a\": \"\\u001b \u{9b}\u{202e}\u{2028}\u{e0041}\u{e6}\"\n}";
        let expected = "{\n  \"a\": \"\\u001b \\u009b\\u202e\\u2028\\udb40\\udc41\u{e6}\"\n}";
        assert_eq!(json(document), expected);
    }

    #[test]
    fn escapes_xml_without_changing_its_meaning() {
        assert_eq!(xml("<a>\n  1\u{202e}2\u{e6}\n</a>"), "<a>\n  1&#x202e;2\u{e6}\n</a>");
    }
}
