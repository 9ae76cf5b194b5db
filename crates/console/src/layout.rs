//! The frame of every page. Control and direction characters of untrusted text become escapes here, wherever they
//! are on the page.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::assets::{ICON, SCRIPT, STYLE};
use crate::auth::viewer::Viewer;
use crate::state::Settings;

/// Entries of the navigation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Chain,
    DeadLetters,
    Receipts,
    Packages,
    Report,
    Audit,
    /// Of a page outside the navigation.
    None,
}

impl Section {
    const NAMED: [(Self, &'static str, &'static str); 6] = [
        (Self::Chain, "/", "Chain"),
        (Self::DeadLetters, "/letters", "Dead letters"),
        (Self::Receipts, "/receipts", "Receipts"),
        (Self::Packages, "/packages", "Packages"),
        (Self::Report, "/report", "Report"),
        (Self::Audit, "/audit", "Audit"),
    ];
}

/// A page with navigation. `title` is also its heading.
pub(crate) fn page(viewer: &Viewer, title: &str, section: Section, content: Markup) -> Markup {
    document(
        title,
        html! {
            header.top {
                a.brand href="/" { (mark()) "Bilag" }
                (test_badge(viewer.test_label()))
                nav aria-label="Pages" {
                    ul {
                        @for (named, path, name) in Section::NAMED {
                            li { a href=(path) aria-current=[(named == section).then_some("page")] { (name) } }
                        }
                    }
                }
                (who(viewer))
            }
            main #main tabindex="-1" {
                h1 { (title) }
                (content)
            }
            footer {
                p { "Bilag " (env!("CARGO_PKG_VERSION")) ". Press " kbd { "?" } " for keyboard shortcuts." }
                p #connection role="status" hidden { }
            }
        },
    )
}

/// A page before the login, without navigation.
pub(crate) fn plain(settings: &Settings, title: &str, content: Markup) -> Markup {
    document(
        title,
        html! {
            main.plain #main tabindex="-1" {
                p.brand { (mark()) "Bilag" (test_badge(settings.test_environment())) }
                h1 { (title) }
                (content)
            }
        },
    )
}

/// The hidden field that every POST form needs.
pub(crate) fn csrf_field(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name="csrf" value=(viewer.csrf().expose()); }
}

fn test_badge(label: Option<&str>) -> Markup {
    html! {
        @if let Some(label) = label { span.badge.warn title="Omnium's test environment" { (label) } }
    }
}

fn document(title: &str, body: Markup) -> Markup {
    visible(html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) " – Bilag" }
                link rel="icon" type="image/svg+xml" href=(ICON.path());
                link rel="stylesheet" href=(STYLE.path());
                script src=(SCRIPT.path()) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (body)
            }
        }
    })
}

/// Name, role and logout.
fn who(viewer: &Viewer) -> Markup {
    let user = viewer.user();
    let anonymous = viewer.is_anonymous();
    html! {
        div.who {
            span { (user.name) " " span.role { (user.role.as_str()) } }
            @if !anonymous {
                form method="post" action="/logout" { (csrf_field(viewer)) button.quiet { "Log out" } }
            } @else {
                span.hint { "no login: this machine only" }
            }
        }
    }
}

/// The logo: a voucher.
fn mark() -> PreEscaped<&'static str> {
    PreEscaped(
        r#"<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path d="M3 1.5h10v13l-2-1.5-1.5 1.5L8 13l-1.5 1.5L5 13l-2 1.5z"/><path d="M5.5 5h5M5.5 8h5"/></svg>"#,
    )
}

/// Edited text must stay unchanged.
const EXACT: (&str, &str) = ("<textarea", "</textarea>");

/// Passes all text of a page, title included, through [`untrusted_text::lines`]. Attributes and text areas keep
/// their values: they are sent back.
fn visible(page: Markup) -> Markup {
    let mut rest = &*page.0;
    let mut safe = String::with_capacity(rest.len());
    // In escaped markup, `<` and `>` delimit tags only.
    while let Some(tag) = rest.find('<') {
        safe.push_str(&untrusted_text::lines(&rest[..tag]));
        let end = if rest[tag..].starts_with(EXACT.0) { EXACT.1 } else { ">" };
        let end = rest[tag..].find(end).map_or(rest.len(), |at| tag + at + end.len());
        safe.push_str(&rest[tag..end]);
        rest = &rest[end..];
    }
    safe.push_str(&untrusted_text::lines(rest));
    PreEscaped(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_control_characters_in_text_but_not_in_values() {
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
