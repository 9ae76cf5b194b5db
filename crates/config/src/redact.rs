//! Redaction of the secrets that this process knows from text of other services, in whatever encoding.
//!
//! A service may repeat what it was called with: the bearer token, the basic authentication, the query. Its
//! answer is kept for the operator, so secrets in it are found by their value.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use parking_lot::RwLock;

const REDACTED: &str = "[secret]";

/// In bytes. Shorter values occur in any text by chance.
const MIN_LENGTH: usize = 4;

/// Values known at once, earlier ones of files and tokens included; the oldest is dropped first.
const MAX_KNOWN: usize = 1024;

static KNOWN: RwLock<VecDeque<Arc<Known>>> = RwLock::new(VecDeque::new());

/// A secret's value, and how it may be written.
struct Known {
    value: Box<str>,
    forms: Vec<Form>,
}

/// A text, character by character: each with all the ways of writing it.
struct Form {
    chars: Vec<Vec<String>>,
    /// Part of a longer run of base64, which goes with it.
    is_base64: bool,
}

/// Makes a value known, so that [`redact_secrets`] finds it.
pub fn remember(value: &str) {
    let is_known = |known: &VecDeque<Arc<Known>>| known.iter().any(|known| *known.value == *value);
    if value.len() < MIN_LENGTH || is_known(&KNOWN.read()) {
        return;
    }
    let mut known = KNOWN.write();
    if !is_known(&known) {
        if known.len() == MAX_KNOWN {
            known.pop_front();
        }
        known.push_back(Arc::new(Known::of(value)));
    }
}

/// The text with `[secret]` for each known secret: as it is, percent-encoded, escaped as in JSON, HTML or a
/// form, or in base64, alone or within something longer. Where the text `is_truncated` beyond what is here, so does
/// a secret at its end.
pub fn redact_secrets(text: &str, is_truncated: bool) -> String {
    let known: Vec<_> = KNOWN.read().iter().cloned().collect();
    let forms = known.iter().flat_map(|known| &known.forms);
    let mut found: Vec<_> = forms.flat_map(|form| form.find(text, is_truncated)).collect();
    found.sort_by_key(|found| found.start);
    let (mut cut, mut end) = (String::with_capacity(text.len()), 0);
    for found in found {
        if found.start >= end {
            cut.push_str(&text[end..found.start]);
            cut.push_str(REDACTED);
        }
        end = end.max(found.end);
    }
    cut.push_str(&text[end..]);
    cut
}

impl Known {
    fn of(value: &str) -> Self {
        let plain = Form { chars: value.chars().map(ways).collect(), is_base64: false };
        let encoded = (0..3).flat_map(|shift| base64_within(value, shift));
        let encoded = encoded.map(|text| Form { chars: text.chars().map(ways).collect(), is_base64: true });
        Self { value: value.into(), forms: [plain].into_iter().chain(encoded).collect() }
    }
}

impl Form {
    fn find(&self, text: &str, is_truncated: bool) -> Vec<Range<usize>> {
        let starts = text.char_indices().map(|(at, _)| at);
        let found = starts.filter_map(|at| Some(at..at + self.length_at(&text[at..], is_truncated)?));
        found.map(|found| if self.is_base64 { run_around(text, found) } else { found }).collect()
    }

    /// How much of the text's beginning it takes up, where the text begins with it.
    fn length_at(&self, text: &str, is_truncated: bool) -> Option<usize> {
        let mut ends = vec![0];
        for (i, ways) in self.chars.iter().enumerate() {
            let mut next = Vec::new();
            for end in ends {
                let rest = &text[end..];
                let is_cut_off = |way: &str| {
                    let rest = rest.trim_end_matches('\u{fffd}');
                    rest.len() < way.len() && begins_with(way, rest)
                };
                if is_truncated && i >= MIN_LENGTH && ways.iter().any(|way| is_cut_off(way)) {
                    return Some(text.len());
                }
                next.extend(ways.iter().filter(|way| begins_with(rest, way)).map(|way| end + way.len()));
            }
            ends = next;
            if ends.is_empty() {
                return None;
            }
        }
        ends.into_iter().max()
    }
}

/// How a character is written: as it is, percent-encoded, in a form, in JSON, in HTML.
fn ways(c: char) -> Vec<String> {
    let mut ways = vec![c.to_string()];
    ways.push(c.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect());
    ways.push(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect());
    let more: &[&str] = match c {
        ' ' => &["+"],
        '"' => &["\\\"", "&quot;", "&#34;"],
        '\\' => &["\\\\"],
        '/' => &["\\/"],
        '&' => &["&amp;"],
        '<' => &["&lt;"],
        '>' => &["&gt;"],
        '\'' => &["&#39;", "&#x27;", "&apos;"],
        _ => &[],
    };
    ways.extend(more.iter().map(|way| (*way).to_owned()));
    ways
}

/// Whether a text begins with another; escapes are the same in upper and lower case.
fn begins_with(text: &str, start: &str) -> bool {
    let Some(beginning) = text.as_bytes().get(..start.len()) else { return false };
    match start.len() > 1 && start.starts_with(['%', '\\', '&']) {
        true => beginning.eq_ignore_ascii_case(start.as_bytes()),
        false => beginning == start.as_bytes(),
    }
}

/// What a value comes to in base64 wherever so many bytes (modulo three) stand before it, without the chars
/// that depend on its neighbours; in both alphabets where they differ.
fn base64_within(value: &str, shift: usize) -> Vec<String> {
    let bytes = [&[0; 2][..shift], value.as_bytes()].concat();
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    let shared_before = [0, 2, 3][shift];
    let shared_after = usize::from(bytes.len() % 3 != 0);
    let own = encoded.get(shared_before..encoded.len() - shared_after).unwrap_or_default();
    if own.len() <= MIN_LENGTH {
        return Vec::new();
    }
    let mut texts = vec![own.to_owned(), own.replace('+', "-").replace('/', "_")];
    texts.dedup();
    texts
}

/// The whole of the base64 that something was found in.
fn run_around(text: &str, found: Range<usize>) -> Range<usize> {
    let is_of_it = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=');
    let start = text[..found.start].trim_end_matches(is_of_it).len();
    let end = text.len() - text[found.end..].trim_start_matches(is_of_it).len();
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redacts_a_secret_in_every_encoding() {
        remember("cut-S3cret/of \"\u{f8}&1");
        for (text, cut) in [
            ("", ""),
            ("an answer without one: cut-S3cret", "an answer without one: cut-S3cret"),
            ("<cut-S3cret/of \"\u{f8}&1>", "<[secret]>"),
            ("?a=cut-S3cret%2Fof%20%22%C3%B8%261&b=2", "?a=[secret]&b=2"),
            ("?a=cut-S3cret%2fof+%22%c3%b8%261&b=2", "?a=[secret]&b=2"),
            ("?a=cut%2DS3cret/of+%22\u{f8}%261", "?a=[secret]"),
            ("{\"a\":\"cut-S3cret\\/of \\\"\\u00f8\\u00261\"}", "{\"a\":\"[secret]\"}"),
            ("<p>cut-S3cret/of &quot;\u{f8}&amp;1</p>", "<p>[secret]</p>"),
            ("cut-S3cret/of \"\u{f8}&1 cut-S3cret/of \"\u{f8}&1", "[secret] [secret]"),
        ] {
            assert_eq!(redact_secrets(text, false), cut);
        }
    }

    #[test]
    fn redacts_the_whole_base64_run_around_a_secret() {
        remember("cut-in-base64?>");
        for before in ["", "u", "us", "user:", "a longer user:"] {
            for after in ["", "x", "xy"] {
                let encoded = base64::engine::general_purpose::STANDARD
                    .encode(format!("{before}cut-in-base64?>{after}"));
                for written in [encoded.clone(), encoded.replace('+', "-").replace('/', "_")] {
                    let cut = redact_secrets(&format!("Basic {written}, and more"), false);
                    assert_eq!(cut, "Basic [secret], and more", "{before:?} {after:?}");
                }
            }
        }
    }

    #[test]
    fn redacts_a_secret_truncated_by_the_end_of_the_text() {
        remember("cut-off-at-the-end/\u{f8}");
        for (text, cut) in [
            ("token cut-off-at", "token [secret]"),
            ("token cut-off-at-the-end%2", "token [secret]"),
            ("token cut-off-at-the-end/\u{fffd}", "token [secret]"),
            ("token cut", "token cut"),
        ] {
            assert_eq!(redact_secrets(text, true), cut);
            assert_eq!(redact_secrets(text, false), text, "where it ends there, that is no secret");
        }
    }

    #[test]
    fn leaves_values_below_the_minimum_length() {
        remember("abc");
        remember("");
        assert_eq!(redact_secrets("abcabc", true), "abcabc");
    }
}
