//! A page on which nothing hides and nothing acts: control characters and marks of direction in what others
//! wrote are shown as escapes, wherever on the page it stands.

use maud::{Markup, PreEscaped};

/// What is edited must stay as it is.
const EXACT: (&str, &str) = ("<textarea", "</textarea>");

/// The page with its texts, title included, through [`untrusted_text::lines`]. Attributes and text areas keep their
/// values: they are sent back.
pub(crate) fn visible(page: Markup) -> Markup {
    let mut rest = &*page.0;
    let mut shown = String::with_capacity(rest.len());
    // Markup has no `<` or `>` but those of its tags.
    while let Some(tag) = rest.find('<') {
        shown.push_str(&untrusted_text::lines(&rest[..tag]));
        let end = if rest[tag..].starts_with(EXACT.0) { EXACT.1 } else { ">" };
        let end = rest[tag..].find(end).map_or(rest.len(), |at| tag + at + end.len());
        shown.push_str(&rest[tag..end]);
        rest = &rest[end..];
    }
    shown.push_str(&untrusted_text::lines(rest));
    PreEscaped(shown)
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    #[test]
    fn what_acts_is_shown_in_every_text_and_what_is_sent_back_stays() {
        let hostile = "1\u{202e}fdp\u{1b}[31m\u{9b}\n<b>";
        let page = html! {
            title { (hostile) }
            td title=(hostile) { (hostile) }
            textarea name="body" { (hostile) }
            (hostile)
        };
        let escaped = "1\\u{202e}fdp\\u{1b}[31m\\u{9b}\n&lt;b&gt;";
        let exact = "1\u{202e}fdp\u{1b}[31m\u{9b}\n&lt;b&gt;";
        assert_eq!(
            visible(page).0,
            format!(
                "<title>{escaped}</title><td title=\"{exact}\">{escaped}</td>\
                 <textarea name=\"body\">{exact}</textarea>{escaped}"
            )
        );
    }
}
