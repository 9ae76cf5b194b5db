//! What `docs/reasons.md` says of a reason, on the page where it is needed.

use std::sync::LazyLock;

use maud::{Markup, html};

const REASONS: &str = include_str!("../../../docs/reasons.md");

/// A reason's section.
struct Section {
    reason: &'static str,
    text: &'static str,
}

/// Sections of reasons begin with a heading that is the reason as code.
static SECTIONS: LazyLock<Vec<Section>> = LazyLock::new(|| {
    let sections = REASONS.split("\n### ").skip(1);
    let reason = |section: &'static str| {
        let (heading, text) = section.split_once('\n')?;
        let reason = heading.trim().strip_prefix('`')?.strip_suffix('`')?;
        let text = text.split("\n## ").next()?;
        Some(Section { reason, text })
    };
    sections.filter_map(reason).collect()
});

/// More about a reason, to be opened; nothing where nothing is known.
pub(crate) fn more(reason: &str) -> Markup {
    let section = SECTIONS.iter().find(|section| section.reason == reason);
    html! {
        @if let Some(section) = section {
            details {
                summary { "More about " code { (section.reason) } ", from docs/reasons.md" }
                (shown(section.text))
            }
        }
    }
}

/// Paragraphs and blocks of code, and within them code, emphasis and the texts of links: all that those
/// sections have.
fn shown(text: &str) -> Markup {
    html! {
        @for (i, part) in text.split("```").enumerate() {
            @if i % 2 == 1 {
                pre.payload { (part.split_once('\n').map_or(part, |(_, code)| code)) }
            } @else {
                @for paragraph in part.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty()) {
                    p { (inline(paragraph)) }
                }
            }
        }
    }
}

fn inline(text: &str) -> Markup {
    html! {
        @for (i, part) in without_links(text).split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else {
                @for (i, part) in part.split('*').enumerate() {
                    @if i % 2 == 1 { em { (part) } } @else { (part) }
                }
            }
        }
    }
}

/// The links lead to files beside the document, which a console does not have; their texts name them.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        match after.split_once("](").and_then(|(name, link)| Some((name, link.split_once(')')?.1))) {
            Some((name, after)) => {
                plain.push_str(name);
                rest = after;
            }
            None => {
                plain.push('[');
                rest = after;
            }
        }
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_common_reason_has_its_section() {
        for reason in amqp::Reason::COMMON {
            let shown = more(reason.as_str()).into_string();
            assert!(shown.contains("<pre") && shown.contains("bilag dead"), "{}: {shown}", reason.as_str());
            assert!(!shown.contains("](") && !shown.contains("```"), "{shown}");
        }
        assert_eq!(more("no_such_reason").into_string(), "");
    }

    #[test]
    fn the_little_of_markdown_that_is_used_is_shown() {
        let text = "Of *two* `a<b` and [the *rules*](../x.md), [not a link.\n\n```sh\nbilag x  # <y>\n```\n";
        assert_eq!(
            shown(text).into_string(),
            "<p>Of <em>two</em> <code>a&lt;b</code> and the <em>rules</em>, [not a link.</p>\
             <pre class=\"payload\">bilag x  # &lt;y&gt;\n</pre>"
        );
    }
}
