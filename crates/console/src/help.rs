//! Excerpts of `docs/reasons.md` on the pages where they are needed.

use std::sync::LazyLock;

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

const REASONS: &str = include_str!("../../../docs/reasons.md");

/// The section of a reason for dead letters.
struct Section {
    reason: &'static str,
    text: &'static str,
}

/// Headings of these sections are the reason as code.
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

/// Expandable help about a reason; empty if there is none.
pub(crate) fn about_reason(reason: &str) -> Markup {
    let section = SECTIONS.iter().find(|section| section.reason == reason);
    html! {
        @if let Some(section) = section {
            details {
                summary { "More about " code { (section.reason) } ", from docs/reasons.md" }
                (to_html(section.text))
            }
        }
    }
}

/// Markdown as HTML. Raw HTML is escaped; links lose their target, which is a file that the console does not serve.
fn to_html(markdown: &str) -> Markup {
    let events = Parser::new(markdown).filter_map(|event| match event {
        Event::Start(Tag::Link { .. } | Tag::HtmlBlock) | Event::End(TagEnd::Link | TagEnd::HtmlBlock) => {
            None
        }
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        event => Some(event),
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    PreEscaped(html.replace("<pre>", "<pre class=\"payload\">"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_common_reason_has_help() {
        for reason in amqp::Reason::COMMON {
            let help = about_reason(reason.as_str()).into_string();
            assert!(help.contains("<pre") && help.contains("bilag dead"), "{}: {help}", reason.as_str());
            assert!(!help.contains("](") && !help.contains("```") && !help.contains("<a "), "{help}");
        }
        assert_eq!(about_reason("no_such_reason").into_string(), "");
    }

    #[test]
    fn escapes_raw_html_and_drops_link_targets() {
        let markdown = "Of *two* `a<b` and [the *rules*](../x.md) <b onclick=x>.\n\n<script>x</script>\n\n```sh\nbilag x  # <y>\n```\n";
        let html = to_html(markdown).into_string();
        assert!(
            html.starts_with(
                "<p>Of <em>two</em> <code>a&lt;b</code> and the <em>rules</em> &lt;b onclick=x&gt;.</p>\n"
            ),
            "{html}"
        );
        assert!(html.contains("&lt;script&gt;") && !html.contains("<script"), "{html}");
        assert!(
            html.contains(
                "<pre class=\"payload\"><code class=\"language-sh\">bilag x  # &lt;y&gt;\n</code></pre>"
            ),
            "{html}"
        );
    }
}
