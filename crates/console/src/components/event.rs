//! The content of events: decoded bodies, and PDFs in the browser's viewer.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use operate::dead_letters::{Decoded, DecodedLine};

use crate::auth::user::Role;
use crate::auth::viewer::Viewer;
use crate::components::list::Facts;
use crate::components::text::{short, untrusted};
use crate::components::url::encoded;
use crate::redaction;

/// Facts without personal data.
const IMPERSONAL: [&str; 13] = [
    "voucher",
    "type",
    "order",
    "store",
    "created",
    "settled",
    "total",
    "without VAT",
    "VAT",
    "pays voucher",
    "package",
    "event",
    "for",
];

/// A PDF in the browser's viewer.
pub(crate) fn document(href: &str, name: &str) -> Markup {
    html! {
        p { a href=(href) download=(name) { "Download " (untrusted(name)) } }
        iframe.document src=(href) title={ "The document " (name) } loading="lazy" {}
    }
}

/// An error in a list, redacted for viewers.
pub(crate) fn error_text(viewer: &Viewer, error: &str) -> Markup {
    const MAX: usize = 240;
    match viewer.is(Role::Operator) {
        true => short(error, MAX),
        false => short(&redaction::error(error), MAX),
    }
}

/// A decoded event, without personal data for viewers.
pub(crate) fn event(viewer: &Viewer, decoded: &Decoded) -> Markup {
    let all = viewer.is(Role::Operator);
    let facts = decoded.facts.iter().filter(|(name, _)| all || IMPERSONAL.contains(name));
    let facts = facts.fold(Facts::default(), |facts, (name, value)| facts.with(name, untrusted(value)));
    html! {
        div.two {
            div { (facts) }
            div {
                @if !decoded.lines.is_empty() { (lines(&decoded.lines)) }
                @if !decoded.settlements.is_empty() { (settlements(&decoded.settlements)) }
            }
        }
    }
}

fn lines(lines: &[DecodedLine]) -> Markup {
    html! {
        table {
            caption { "Lines" }
            thead {
                tr {
                    th scope="col" { "Article" } th scope="col" { "Name" }
                    th.number scope="col" { "Quantity" } th.number scope="col" { "Total" }
                }
            }
            tbody {
                @for line in lines {
                    tr {
                        td data-label="Article" { (untrusted(&line.code)) }
                        td data-label="Name" { (untrusted(&line.name)) }
                        td.number data-label="Quantity" { (untrusted(&line.quantity)) }
                        td.number data-label="Total" { (untrusted(&line.total)) }
                    }
                }
            }
        }
    }
}

fn settlements(settlements: &[(String, String, String)]) -> Markup {
    html! {
        table {
            caption { "Paid by" }
            thead {
                tr { th scope="col" { "By" } th.number scope="col" { "Amount" } th scope="col" { "State" } }
            }
            tbody {
                @for (by, amount, state) in settlements {
                    tr {
                        td data-label="By" { (untrusted(by)) }
                        td.number data-label="Amount" { (untrusted(amount)) }
                        td data-label="State" { (untrusted(state)) }
                    }
                }
            }
        }
    }
}

/// The browser's viewer needs nothing; nothing may be loaded or run.
const CSP: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'self'");

/// A response with a PDF for the browser's viewer.
pub(crate) fn pdf_response(name: &str, bytes: Vec<u8>) -> Response {
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/pdf"));
    headers.insert(CONTENT_SECURITY_POLICY, CSP);
    // RFC 6266, in the form that allows any name.
    let disposition = format!("inline; filename*=UTF-8''{}", encoded(name));
    let disposition = HeaderValue::from_str(&disposition).expect("a segment is ASCII");
    headers.insert(CONTENT_DISPOSITION, disposition);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_any_file_name() {
        let response = pdf_response("Ø \"1\"\r\nx: y.pdf", vec![1]);
        assert_eq!(
            response.headers()[CONTENT_DISPOSITION],
            "inline; filename*=UTF-8''%C3%98%20%221%22%0D%0Ax%3A%20y.pdf"
        );
    }
}
