//! Texts that others wrote: shown as text, whatever is in them, and kept from spilling over. Characters that
//! act instead of showing become escapes where the whole page is made, in `visible`.

use maud::{Markup, html};

/// A text of somebody else, on its own: it can neither be read as markup nor, where it is written from right
/// to left, turn the direction of what stands beside it.
pub(crate) fn foreign(text: &str) -> Markup {
    html! { bdi { (text) } }
}

/// The same in a list: one that is too long loses its middle, because an error begins with what happened
/// and ends with why.
pub(crate) fn short(text: &str, most: usize) -> Markup {
    let line: Vec<char> = text.chars().take(LOOKED_AT).collect();
    let cut = line.len() < LOOKED_AT || text.chars().count() == LOOKED_AT;
    if cut && line.len() <= most {
        return foreign(text);
    }
    let tail = text.chars().rev().take(most / 3).collect::<Vec<_>>().into_iter().rev();
    let cut: String = line[..most - most / 3 - 1].iter().copied().chain(['…']).chain(tail).collect();
    foreign(&cut)
}

/// So that a text of megabytes is not taken apart to show a line of it.
const LOOKED_AT: usize = 4096;

/// A sentence of ours, with what stands between backticks as code.
pub(crate) fn with_code(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// A text of several lines, as it is.
pub(crate) fn long(text: &str) -> Markup {
    html! { pre.payload dir="auto" tabindex="0" { (text) } }
}

/// A word with a colour: `ok`, `warn`, `bad`, `off`, or none. The word says it; the colour helps.
pub(crate) fn badge(kind: &str, word: &str) -> Markup {
    html! { span class={ "badge " (kind) } { (word) } }
}

/// An amount in hundredths with its currency.
pub(crate) fn amount(hundredths: i64, currency: &str) -> Markup {
    html! { span.amount { (events::Hundredths::new(hundredths)) " " (foreign(currency)) } }
}

/// A number of things, in words.
pub(crate) fn plural(count: u64, one: &str, several: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{} {several}", grouped(count)) }
}

/// With a thin space between thousands.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_loses_its_middle() {
        let shown = |text: &str, most| short(text, most).into_string();
        assert_eq!(shown("short", 12), "<bdi>short</bdi>");
        assert_eq!(shown("0123456789abcdef", 12), "<bdi>0123456…cdef</bdi>");
        let long = "x".repeat(1_000_000);
        assert_eq!(shown(&long, 12).chars().count(), 12 + "<bdi></bdi>".len());
        let just = "y".repeat(LOOKED_AT);
        assert_eq!(shown(&just, 5000).len(), LOOKED_AT + "<bdi></bdi>".len());
    }

    #[test]
    fn what_others_wrote_is_no_markup() {
        let shown = foreign("<script>alert('1')</script>").into_string();
        assert_eq!(shown, "<bdi>&lt;script&gt;alert('1')&lt;/script&gt;</bdi>");
    }

    #[test]
    fn many_things_are_counted_legibly() {
        assert_eq!(plural(1, "letter", "letters"), "1 letter");
        assert_eq!(plural(0, "letter", "letters"), "0 letters");
        assert_eq!(plural(9999, "letter", "letters"), "9999 letters");
        assert_eq!(plural(1_234_567, "letter", "letters"), "1\u{202f}234\u{202f}567 letters");
    }
}
