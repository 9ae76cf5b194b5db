//! The cause of a dead letter: its error with the variable parts taken out, so that dead letters that died of
//! the same thing are one group.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// Of a cause, in bytes: an index takes no longer text, and the beginning of an error says most.
const MAX_LENGTH: usize = 400;

/// The cause of an empty error.
const NO_ERROR: &str = "no error is told";

/// An error without its variable parts. Quoted values become `"…"`, but not the sentence that a service
/// answered; a word with a digit in it (a number, a uid, a voucher, a time, a hash) becomes `#`, and so
/// does such a part of a URL or of a path; a number of three digits after "answered" or "status" stays,
/// because 400 is another cause than 503. Of clauses that differ in nothing else, the first stays: the same
/// mistake in two lines of a receipt is one cause. Of an answer in JSON, its messages and the names of its other
/// members stay. Never empty; at most 400 bytes.
pub fn cause(error: &str) -> String {
    let cause = match json_answer(error) {
        Some((before, answer, after)) => {
            let parts = [without_variable_words(before), told(&answer), without_variable_words(after)];
            parts.join(" ").trim_end().to_owned()
        }
        None => without_variable_words(error),
    };
    let mut cause = without_repeats(&cause);
    if cause.is_empty() {
        return NO_ERROR.to_owned();
    }
    cause.truncate(cause.floor_char_boundary(MAX_LENGTH));
    cause
}

fn without_variable_words(error: &str) -> String {
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
    cause
}

/// A service's answer in JSON, with what the error says before and after it. Only its beginning may be kept.
fn json_answer(error: &str) -> Option<(&str, Value, &str)> {
    let at = error.match_indices(": ").map(|(at, colon)| at + colon.len()).chain([0]);
    let mut starts = at.filter(|start| error[*start..].starts_with(['{', '[']));
    starts.find_map(|start| {
        let (before, json) = error.split_at(start);
        let mut values = serde_json::Deserializer::from_str(json).into_iter();
        let (answer, after): (Value, _) = match values.next()? {
            Ok(answer) => (answer, &json[values.byte_offset()..]),
            Err(error) if error.is_eof() => (serde_json::from_str(&up_to_last_member(json)?).ok()?, ""),
            Err(_) => return None,
        };
        let has_members = |value: &Value| value.as_object().is_some_and(|members| !members.is_empty());
        let is_told =
            has_members(&answer) || answer.as_array().is_some_and(|items| items.iter().any(has_members));
        is_told.then_some((before, answer, after))
    })
}

/// JSON that was cut off, without its last member or item, and closed.
fn up_to_last_member(json: &str) -> Option<String> {
    let (mut is_text, mut is_escaped, mut open, mut whole) = (false, false, Vec::new(), None);
    for (at, character) in json.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            _ if is_text => {}
            '{' => open.push('}'),
            '[' => open.push(']'),
            '}' | ']' => drop(open.pop()),
            ',' => whole = Some((at, open.clone())),
            _ => {}
        }
    }
    let (end, open) = whole?;
    Some(json[..end].chars().chain(open.into_iter().rev()).collect())
}

/// The messages of an answer, then in brackets the names of its other members.
fn told(answer: &Value) -> String {
    let mut told = Told::default();
    told.read("", answer);
    let messages = told.messages.into_iter().collect::<Vec<_>>().join(", ");
    let others = told.others.into_iter().collect::<Vec<_>>().join(", ");
    match (messages.is_empty(), others.is_empty()) {
        (_, true) => messages,
        (true, false) => format!("({others})"),
        (false, false) => format!("{messages} ({others})"),
    }
}

/// What an answer in JSON says, without what is different each time.
#[derive(Default)]
struct Told {
    messages: BTreeSet<String>,
    others: BTreeSet<String>,
}

impl Told {
    fn read(&mut self, name: &str, value: &Value) {
        match value {
            Value::Object(members) => self.read_members(name, members),
            Value::Array(items) => items.iter().for_each(|item| self.read(name, item)),
            value => match message(name, value) {
                Some(message) => drop(self.messages.insert(format!("{name}: {message}"))),
                None => drop(self.others.insert(name.to_owned())),
            },
        }
    }

    fn read_members(&mut self, name: &str, members: &Map<String, Value>) {
        for (member, value) in members {
            let member = without_variable_parts(member);
            match name {
                "" => self.read(&member, value),
                name => self.read(&format!("{name}.{member}"), value),
            }
        }
    }
}

/// A value that says what is wrong: an error code, a member that problem JSON (RFC 9457) or another habit names for
/// it, or a sentence below `errors`. What other members say may be a customer's name or address.
fn message(name: &str, value: &Value) -> Option<String> {
    const NAMES: [&str; 8] =
        ["detail", "error", "error_description", "errormessage", "message", "reason", "title", "type"];
    const CODES: [&str; 5] = ["code", "errorcode", "error_code", "statuscode", "status_code"];
    const LONGEST_CODE: usize = 40;
    let is_of_errors = name.split('.').any(|part| part.eq_ignore_ascii_case("errors"));
    let name = name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase();
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if CODES.contains(&&*name) && text.len() <= LONGEST_CODE && !text.contains(char::is_whitespace) {
        return Some(text);
    }
    let says = value.is_string() && (NAMES.contains(&&*name) || is_of_errors && is_sentence(&text));
    says.then(|| without_variable_words(&text))
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
    before.trim_end().ends_with(':') && is_sentence(quoted)
}

fn is_sentence(text: &str) -> bool {
    const WORDS: usize = 3;
    text.split_whitespace().nth(WORDS - 1).is_some()
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
    fn groups_json_answers_by_messages_and_names() {
        let problem = |detail: &str, trace: u32| {
            format!(
                r#"Omnium answered 400: {{"type":"https://omnium.example/problems/7","title":"Bad Request","status":400,"detail":"{detail}","traceId":"00-{trace}"}}"#
            )
        };
        let of_title = "title: Bad Request, type: https://omnium.example/problems/# (status, traceId)";
        for (error, expected) in [
            (problem("customer is blocked", 1), format!("detail: customer is blocked, {of_title}")),
            (problem("customer is blocked", 2), format!("detail: customer is blocked, {of_title}")),
            (problem("market does not exist", 1), format!("detail: market does not exist, {of_title}")),
            (problem("blocked", 1), format!("detail: blocked, {of_title}")),
            (problem(r#"store \"Oslo\" of 70"#, 1), format!("detail: store \"…\" of #, {of_title}")),
        ] {
            assert_eq!(cause(&error), format!("Omnium answered 400: {expected}"), "{error}");
        }
        for (answer, expected) in [
            (r#"{"code":1043,"customer":"Kari"}"#, "code: 1043 (customer)"),
            (r#"{"errorCode":"E-17"} (twice)"#, "errorCode: E-17 (twice)"),
            (
                r#"{"errors":{"lines[0].sku":["A sku is required."],"lines[1].sku":["A sku is required."]}}"#,
                "errors.lines[#].sku: A sku is required.",
            ),
            (r#"[{"message":"no stock of 7"},{"message":"no stock of 9"}]"#, "message: no stock of #"),
            (r#"{"id":"7"}"#, "(id)"),
            // Cut off after a kilobyte.
            (
                r#"{"title":"Not known","more":[1,{"sku":"a, b","name":"Le"#,
                "title: Not known (more, more.sku)",
            ),
            (r#"{"title":"Not kn"#, "{\"…\":\"Not kn"),
            ("{}", "{}"),
            ("[7] is no answer", "[#] is no answer"),
        ] {
            assert_eq!(
                cause(&format!("Omnium answered 400: {answer}")),
                format!("Omnium answered 400: {expected}")
            );
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
