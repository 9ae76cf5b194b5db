//! Text of a service with every secret cut out that this process knows, in whatever way it is written there.
//!
//! A service may repeat what it was called with: the bearer token, the basic authentication, the query. Its
//! words are kept for the operator, so what is secret in them is found by its value.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What stands where a secret stood.
const CUT: &str = "[secret]";

/// Shorter values are in any text by chance.
const SHORTEST: usize = 4;

/// Values that are known at once, earlier ones of files and tokens included; the oldest goes first.
const MOST: usize = 1024;

static KNOWN: RwLock<VecDeque<Arc<Known>>> = RwLock::new(VecDeque::new());

/// A secret's value, and how it may be written.
struct Known {
    value: Box<str>,
    forms: Vec<Form>,
}

/// A text, sign by sign: each with all the ways of writing it.
struct Form {
    signs: Vec<Vec<String>>,
    /// Part of a longer run of base64, which goes with it.
    is_base64: bool,
}

/// Makes a value known, so that [`cut_secrets`] finds it.
pub fn remember(value: &str) {
    let is_known = |known: &VecDeque<Arc<Known>>| known.iter().any(|known| *known.value == *value);
    if value.len() < SHORTEST || is_known(&KNOWN.read().unwrap_or_else(PoisonError::into_inner)) {
        return;
    }
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    if !is_known(&known) {
        if known.len() == MOST {
            known.pop_front();
        }
        known.push_back(Arc::new(Known::of(value)));
    }
}

/// The text with `[secret]` for each known secret: as it is, percent-encoded, escaped as in JSON, HTML or a
/// form, or in base64, alone or within something longer. Where the text `goes_on` beyond what is here, so does
/// a secret at its end.
pub fn cut_secrets(text: &str, goes_on: bool) -> String {
    let known: Vec<_> = KNOWN.read().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect();
    let forms = known.iter().flat_map(|known| &known.forms);
    let mut found: Vec<_> = forms.flat_map(|form| form.find(text, goes_on)).collect();
    found.sort_by_key(|found| found.start);
    let (mut cut, mut end) = (String::with_capacity(text.len()), 0);
    for found in found {
        if found.start >= end {
            cut.push_str(&text[end..found.start]);
            cut.push_str(CUT);
        }
        end = end.max(found.end);
    }
    cut.push_str(&text[end..]);
    cut
}

impl Known {
    fn of(value: &str) -> Self {
        let plain = Form { signs: value.chars().map(ways).collect(), is_base64: false };
        let encoded = (0..3).flat_map(|shift| base64_within(value, shift));
        let encoded = encoded.map(|text| Form { signs: text.chars().map(ways).collect(), is_base64: true });
        Self { value: value.into(), forms: [plain].into_iter().chain(encoded).collect() }
    }
}

impl Form {
    fn find(&self, text: &str, goes_on: bool) -> Vec<Range<usize>> {
        let starts = text.char_indices().map(|(at, _)| at);
        let found = starts.filter_map(|at| Some(at..at + self.length_at(&text[at..], goes_on)?));
        found.map(|found| if self.is_base64 { run_around(text, found) } else { found }).collect()
    }

    /// How much of the text's beginning it takes up, where the text begins with it.
    fn length_at(&self, text: &str, goes_on: bool) -> Option<usize> {
        let mut ends = vec![0];
        for (i, ways) in self.signs.iter().enumerate() {
            let mut next = Vec::new();
            for end in ends {
                let rest = &text[end..];
                let is_cut_off = |way: &str| {
                    let rest = rest.trim_end_matches('\u{fffd}');
                    rest.len() < way.len() && begins_with(way, rest)
                };
                if goes_on && i >= SHORTEST && ways.iter().any(|way| is_cut_off(way)) {
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

/// How a sign is written: as it is, percent-encoded, in a form, in JSON, in HTML.
fn ways(sign: char) -> Vec<String> {
    let mut ways = vec![sign.to_string()];
    ways.push(sign.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect());
    ways.push(sign.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect());
    let more: &[&str] = match sign {
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

/// What a value comes to in base64 wherever so many bytes (modulo three) stand before it, without the signs
/// that depend on its neighbours; in both alphabets where they differ.
fn base64_within(value: &str, shift: usize) -> Vec<String> {
    let bytes = [&[0; 2][..shift], value.as_bytes()].concat();
    let encoded = STANDARD_NO_PAD.encode(&bytes);
    let shared_before = [0, 2, 3][shift];
    let shared_after = usize::from(bytes.len() % 3 != 0);
    let own = encoded.get(shared_before..encoded.len() - shared_after).unwrap_or_default();
    if own.len() <= SHORTEST {
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
    fn a_secret_is_cut_out_however_it_is_written() {
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
            assert_eq!(cut_secrets(text, false), cut);
        }
    }

    #[test]
    fn a_secret_is_cut_out_of_base64_with_what_stands_around_it() {
        remember("cut-in-base64?>");
        for before in ["", "u", "us", "user:", "a longer user:"] {
            for after in ["", "x", "xy"] {
                let encoded = base64::engine::general_purpose::STANDARD
                    .encode(format!("{before}cut-in-base64?>{after}"));
                for written in [encoded.clone(), encoded.replace('+', "-").replace('/', "_")] {
                    let cut = cut_secrets(&format!("Basic {written}, and more"), false);
                    assert_eq!(cut, "Basic [secret], and more", "{before:?} {after:?}");
                }
            }
        }
    }

    #[test]
    fn a_secret_that_the_end_of_the_text_cuts_off_is_cut_out_as_well() {
        remember("cut-off-at-the-end/\u{f8}");
        for (text, cut) in [
            ("token cut-off-at", "token [secret]"),
            ("token cut-off-at-the-end%2", "token [secret]"),
            ("token cut-off-at-the-end/\u{fffd}", "token [secret]"),
            ("token cut", "token cut"),
        ] {
            assert_eq!(cut_secrets(text, true), cut);
            assert_eq!(cut_secrets(text, false), text, "where it ends there, that is no secret");
        }
    }

    #[test]
    fn what_is_too_short_to_be_found_is_left() {
        remember("abc");
        remember("");
        assert_eq!(cut_secrets("abcabc", true), "abcabc");
    }
}
