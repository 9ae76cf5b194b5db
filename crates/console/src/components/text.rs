//! Texts, amounts and times on pages. All times are UTC.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

/// Untrusted text, escaped and isolated: right-to-left text does not change the direction of its surroundings.
/// Control characters become escapes in [`layout`](crate::layout).
pub(crate) fn untrusted(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// Untrusted text of at most `max` characters, shortened in the middle: an error begins with what happened and
/// ends with why.
pub(crate) fn short(text: &str, max: usize) -> Markup {
    let line: Vec<char> = text.chars().take(INSPECTED).collect();
    let cut = line.len() < INSPECTED || text.chars().count() == INSPECTED;
    if cut && line.len() <= max {
        return untrusted(text);
    }
    let tail = text.chars().rev().take(max / 3).collect::<Vec<_>>().into_iter().rev();
    let cut: String = line[..max - max / 3 - 1].iter().copied().chain(['…']).chain(tail).collect();
    untrusted(&cut)
}

/// Characters inspected, so that a line of a text of megabytes is cheap.
const INSPECTED: usize = 4096;

/// Trusted text with `code` in backticks.
pub(crate) fn with_code(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// Multi-line text in a block.
pub(crate) fn long(text: &str) -> Markup {
    html! { pre.payload dir="auto" tabindex="0" { (text) } }
}

/// A word in a colour: `ok`, `warn`, `bad`, `off`, or none.
pub(crate) fn badge(kind: &str, word: &str) -> Markup {
    html! { span class={ "badge " (kind) } { (word) } }
}

/// An amount of hundredths.
pub(crate) fn amount(hundredths: i64, currency: &str) -> Markup {
    html! { span.amount { (events::Hundredths::new(hundredths)) " " (untrusted(currency)) } }
}

/// `1 letter`, `2 letters`.
pub(crate) fn plural(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {several}", grouped(count)) }
}

/// Thin spaces between thousands.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) && digits.len() > 4 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// How long ago, with the exact time as title.
pub(crate) fn ago(now: DateTime<Utc>, time: DateTime<Utc>) -> Markup {
    let exact = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    html! { span.tight { time datetime=(exact) title=(exact) { (span(time, now)) } " ago" } }
}

/// The time, and how long ago.
pub(crate) fn when(now: DateTime<Utc>, time: DateTime<Utc>) -> Markup {
    html! { time datetime=(time.to_rfc3339()) { (moment(time)) } " " span.muted { "(" (span(time, now)) " ago)" } }
}

/// To the second.
pub(crate) fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Duration in one unit: `119 s`, `2 min`, `2 h`, `2 d`.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let seconds = (to - from).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn shortens_in_the_middle() {
        let shown = |text: &str, max| short(text, max).into_string();
        assert_eq!(shown("short", 12), "<bdi>short</bdi>");
        assert_eq!(shown("0123456789abcdef", 12), "<bdi>0123456…cdef</bdi>");
        let long = "x".repeat(1_000_000);
        assert_eq!(shown(&long, 12).chars().count(), 12 + "<bdi></bdi>".len());
        let just = "y".repeat(INSPECTED);
        assert_eq!(shown(&just, 5000).len(), INSPECTED + "<bdi></bdi>".len());
    }

    #[test]
    fn escapes_untrusted_markup() {
        let shown = untrusted("<script>alert('1')</script>").into_string();
        assert_eq!(shown, "<bdi>&lt;script&gt;alert('1')&lt;/script&gt;</bdi>");
    }

    #[test]
    fn groups_thousands() {
        assert_eq!(plural(1, "letter", "letters"), "1 letter");
        assert_eq!(plural(0, "letter", "letters"), "0 letters");
        assert_eq!(plural(9999, "letter", "letters"), "9999 letters");
        assert_eq!(plural(1_234_567, "letter", "letters"), "1\u{202f}234\u{202f}567 letters");
    }

    #[test]
    fn spans_have_one_unit() {
        let from = DateTime::from_timestamp(1_760_000_000, 0).expect("a time");
        for (seconds, expected) in
            [(-5, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")]
        {
            assert_eq!(span(from, from + TimeDelta::seconds(seconds)), expected);
        }
    }
}
