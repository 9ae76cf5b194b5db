//! What all pages have in common: the frame around their content.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::access::Viewer;
use crate::assets::{ICON, SCRIPT, STYLE};
use crate::visible::visible;

/// The parts of the console, as the navigation names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    /// The stages, with their numbers.
    Chain,
    /// What a person must look at.
    DeadLetters,
    /// How far each receipt has come.
    Receipts,
    /// The packages of the OMS.
    Packages,
    /// What became of everything in a time.
    Report,
    /// Who did what.
    Audit,
    /// None of them.
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

/// A whole page with navigation. `title` is its heading as well; `content` follows the heading.
pub(crate) fn page(viewer: &Viewer, title: &str, section: Section, content: Markup) -> Markup {
    document(
        title,
        html! {
            header.top {
                a.brand href="/" { (mark()) "Bilag" }
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
                p { "Bilag " (env!("CARGO_PKG_VERSION")) ". Press " kbd { "?" } " for the keys." }
                p #connection role="status" hidden { }
            }
        },
    )
}

/// A whole page for who is not known (yet): without navigation.
pub(crate) fn plain(title: &str, content: Markup) -> Markup {
    document(
        title,
        html! {
            main.plain #main tabindex="-1" {
                p.brand { (mark()) "Bilag" }
                h1 { (title) }
                (content)
            }
        },
    )
}

/// The hidden field that every form which changes something must carry.
pub(crate) fn csrf_field(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name="csrf" value=(viewer.csrf().expose()); }
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

/// Who is here, what they may do, and the way out.
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

/// The mark beside the name: a voucher.
fn mark() -> PreEscaped<&'static str> {
    PreEscaped(
        r#"<svg class="mark" viewBox="0 0 16 16" aria-hidden="true"><path d="M3 1.5h10v13l-2-1.5-1.5 1.5L8 13l-1.5 1.5L5 13l-2 1.5z"/><path d="M5.5 5h5M5.5 8h5"/></svg>"#,
    )
}
