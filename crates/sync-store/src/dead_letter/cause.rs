//! The cause of a dead letter: its error with the variable parts taken out, so that dead letters that died of
//! the same thing are one group.

use sha2::{Digest, Sha256};

/// Of a cause, in bytes: an index takes no longer text, and the beginning of an error says most.
const MAX_LENGTH: usize = 400;

/// The cause of an empty error.
const NO_ERROR: &str = "no error is told";

/// An error without its variable parts. Quoted values become `"…"`, but not the sentence that a service
/// answered; a word with a digit in it (a number, a uid, a voucher, a time, a hash) becomes `#`, and so
/// does such a part of a URL or of a path; a number of three digits after "answered" or "status" stays,
/// because 400 is another cause than 503. Of clauses that differ in nothing else, the first stays: the same
/// mistake in two lines of a receipt is one cause. Never empty; at most 400 bytes.
pub fn cause(error: &str) -> String {
    let mut cause = String::new();
    let mut before = String::new();
    let unquoted = without_quoted(error);
    for word in unquoted.split_whitespace() {
        let word = if is_status(&before, word) { word.to_owned() } else { without_variable_parts(word) };
        let again = word == "#" && cause.ends_with('#');
        if !again {
            if !cause.is_empty() {
                cause.push(' ');
            }
            cause.push_str(&word);
        }
        before = word;
    }
    let mut cause = without_repeats(&cause);
    if cause.is_empty() {
        return NO_ERROR.to_owned();
    }
    cause.truncate(cause.floor_char_boundary(MAX_LENGTH));
    cause
}

/// Each clause once, without a closing "and more".
fn without_repeats(cause: &str) -> String {
    const SEPARATOR: &str = "; ";
    let mut clauses: Vec<&str> = Vec::new();
    for clause in cause.split(SEPARATOR) {
        if !clauses.contains(&clause) && (clause != "and more" || clauses.is_empty()) {
            clauses.push(clause);
        }
    }
    clauses.join(SEPARATOR)
}

/// Names a group of dead letters: eight hexadecimal digits, the same for the same stage, reason and cause on
/// every machine.
pub fn group_id(stage: &str, reason: &str, cause: &str) -> String {
    let mut hash = Sha256::new();
    for part in [stage, reason, cause] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..4])
}

/// Quoted text is a value, unless it is the answer of a service. A quote that is never closed is an apostrophe.
fn without_quoted(error: &str) -> String {
    const QUOTES: [(char, char); 3] = [('"', '"'), ('\u{201c}', '\u{201d}'), ('`', '`')];
    let mut text = String::new();
    let mut rest = error;
    while let Some(first) = rest.chars().next() {
        let after = &rest[first.len_utf8()..];
        let quote = QUOTES.iter().find(|(open, _)| *open == first);
        let end = quote.and_then(|(_, close)| Some((after.find(*close)?, *close)));
        match end {
            Some((end, close)) => {
                let (quoted, after) = after.split_at(end);
                let kept = if is_answer(&text, quoted) { quoted } else { "…" };
                text.push(first);
                text.push_str(kept);
                text.push(close);
                rest = &after[close.len_utf8()..];
            }
            None => {
                text.push(first);
                rest = after;
            }
        }
    }
    text
}

/// Whether a quote is a service's whole answer: a sentence after a colon.
fn is_answer(before: &str, quoted: &str) -> bool {
    const WORDS: usize = 3;
    before.trim_end().ends_with(':') && quoted.split_whitespace().nth(WORDS - 1).is_some()
}

/// Whether a word is the status of an answer: `answered 400:`, `status 503`.
fn is_status(before: &str, word: &str) -> bool {
    let word = word.trim_end_matches([':', ',', ';', '.', ')']);
    ["answered", "status", "with"].contains(&before)
        && word.len() == 3
        && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// A word whose parts with a digit are `#`. Parts end at what separates those of a URL, of a path, and
/// of an index.
fn without_variable_parts(word: &str) -> String {
    const SEPARATORS: &str = "/?&=,;()[]{}<>'\"";
    let mut text = String::new();
    for part in word.split_inclusive(|c| SEPARATORS.contains(c)) {
        let end = part.len()
            - part.chars().next_back().filter(|c| SEPARATORS.contains(*c)).map_or(0, char::len_utf8);
        let (part, separator) = part.split_at(end);
        let bare = part.trim_end_matches([':', '.']);
        if is_variable(bare) {
            text.push('#');
            text.push_str(&part[bare.len()..]);
        } else {
            text.push_str(part);
        }
        text.push_str(separator);
    }
    text
}

/// A number, a uid, a voucher, a time or a hash: it has a digit, or is hexadecimal and long. The version
/// at the end of an event's type is none.
fn is_variable(part: &str) -> bool {
    let is_version = part
        .rsplit_once(".v")
        .is_some_and(|(name, version)| is_number(version) && !name.bytes().any(|byte| byte.is_ascii_digit()));
    let is_hash = part.len() >= 16 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    !is_version && (is_hash || part.chars().any(char::is_numeric))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_variable_parts_and_keeps_the_cause() {
        for (error, expected) in [
            ("Omnium answered 400: \"Store 70 is unknown\"", "Omnium answered 400: \"Store # is unknown\""),
            ("the store \"Oslo City East\" is closed", "the store \"…\" is closed"),
            ("Omnium answered 503: later", "Omnium answered 503: later"),
            ("it ended with status 404", "it ended with status 404"),
            (
                "receipt 7/rcpt-2 was received before with different content",
                "receipt #/# was received before with different content",
            ),
            ("at orderReceipt.items[3].total: expected 249.00", "at orderReceipt.items[#].total: expected #"),
            (
                "PUT https://omnium.example/api/Invoices/0af76519-16cd-43dd-8448-eb211c80319c?page=2 failed",
                "PUT https://omnium.example/api/Invoices/#?page=# failed",
            ),
            ("no answer since 2026-11-22T10:11:12.345Z", "no answer since #"),
            ("voucher V-20991 of store 70, 71 72", "voucher # of store #, #"),
            ("sha deadbeefdeadbeefdeadbeef differs", "sha # differs"),
            (
                "it is no receipt.settled.v1: a member is missing",
                "it is no receipt.settled.v1: a member is missing",
            ),
            (
                "the body is not JSON: it ends too early at line 1, column 9",
                "the body is not JSON: it ends too early at line #, column #",
            ),
            ("the package's number isn't known", "the package's number isn't known"),
            ("a \"quote that never ends", "a \"quote that never ends"),
            ("the field “navn” and `x y`", "the field “…” and `…`"),
            ("two\nlines  and spaces", "two lines and spaces"),
            (" ", "no error is told"),
        ] {
            assert_eq!(cause(error), expected, "{error}");
        }
    }

    #[test]
    fn the_same_mistake_in_several_lines_is_one_cause() {
        let faults = |lines: usize| -> String {
            let faults = (0..lines).map(|line| format!("at items[{line}].total: expected an integer"));
            faults.collect::<Vec<_>>().join("; ")
        };
        let one = "at items[#].total: expected an integer";
        for error in [faults(1), faults(2), faults(12), faults(12) + "; and more"] {
            assert_eq!(cause(&error), one, "{error}");
        }
        let another = format!("at id: expected a text; {}; at type: expected a text", faults(3));
        assert_eq!(cause(&another), format!("at id: expected a text; {one}; at type: expected a text"));
    }

    #[test]
    fn a_cause_fits_an_index_and_ends_between_characters() {
        let cause = cause(&"ø ".repeat(4_000));
        assert!(cause.len() <= MAX_LENGTH && cause.starts_with("ø ø"), "{cause}");
    }

    #[test]
    fn group_ids_are_stable_and_distinct() {
        assert_eq!(group_id("upload", "omnium_rejected", "a"), group_id("upload", "omnium_rejected", "a"));
        let others =
            [("render", "omnium_rejected", "a"), ("upload", "x", "a"), ("upload", "omnium_rejected", "b")];
        for (stage, reason, cause) in others {
            assert_ne!(group_id(stage, reason, cause), group_id("upload", "omnium_rejected", "a"));
        }
    }
}
