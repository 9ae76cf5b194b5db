//! What is in a dead letter: the receipt as people read it, headers and payload beside each other, the PDF.
//! Viewers see none of what is personal.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, html};
use operate::letters::{Decoded, DecodedLine, decoded};
use serde_json::Value;
use sync_store::DeadLetterInFull;

use super::address_of;
use super::letter::is_whole;
use crate::access::{Role, Viewer};
use crate::mask;
use crate::parts::{Facts, foreign, indented, long};

/// What may be told to viewers of a body that could be read.
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

/// All that is in it.
pub(super) fn shown(viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    let decoded = decoded(&found.body);
    let pdf = decoded.as_ref().and_then(|decoded| decoded.pdf.as_ref());
    html! {
        @if !viewer.is(Role::Operator) {
            p.notice { "What is personal is withheld from viewers." }
        }
        @if let Some(decoded) = &decoded {
            section aria-labelledby="decoded" {
                h2 #decoded { "What it says (" code { (decoded.event) } ")" }
                (read(viewer, decoded))
            }
        }
        div.two {
            section aria-labelledby="headers" {
                h2 #headers { "Headers" }
                (headers(viewer, &found.headers))
            }
            section aria-labelledby="payload" {
                h2 #payload { "Payload" }
                (payload(viewer, found))
            }
        }
        @if let Some(pdf) = pdf && viewer.is(Role::Operator) {
            section aria-labelledby="document" {
                h2 #document { "Document" }
                (document(&format!("{}/document.pdf", address_of(&found.noted.letter.id)), &pdf.file_name))
            }
        }
    }
}

/// A PDF of ours, in the browser's own viewer.
pub(crate) fn document(href: &str, name: &str) -> Markup {
    html! {
        p { a href=(href) download=(name) { "Download " (foreign(name)) } }
        iframe.document src=(href) title={ "The document " (name) } loading="lazy" {}
    }
}

/// A body as people read it.
pub(crate) fn read(viewer: &Viewer, decoded: &Decoded) -> Markup {
    let all = viewer.is(Role::Operator);
    let facts = decoded.facts.iter().filter(|(name, _)| all || IMPERSONAL.contains(name));
    let facts = facts.fold(Facts::default(), |facts, (name, value)| facts.with(name, foreign(value)));
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
                        td data-label="Article" { (foreign(&line.code)) }
                        td data-label="Name" { (foreign(&line.name)) }
                        td.number data-label="Quantity" { (foreign(&line.quantity)) }
                        td.number data-label="Total" { (foreign(&line.total)) }
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
                        td data-label="By" { (foreign(by)) }
                        td.number data-label="Amount" { (foreign(amount)) }
                        td data-label="State" { (foreign(state)) }
                    }
                }
            }
        }
    }
}

fn headers(viewer: &Viewer, headers: &str) -> Markup {
    let headers: Value = serde_json::from_str(headers).unwrap_or_default();
    let all = viewer.is(Role::Operator);
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    html! {
        dl.fields.headers {
            @for (name, value) in headers.as_object().into_iter().flatten() {
                @let value = text(value);
                dt { code { @if all || name.starts_with("x-bilag-") || name == "traceparent" { (foreign(name)) } @else { (mask::WITHHELD) } } }
                dd { @if all { (foreign(&value)) } @else { (foreign(&mask::header(name, &value))) } }
            }
        }
    }
}

fn payload(viewer: &Viewer, found: &DeadLetterInFull) -> Markup {
    if !viewer.is(Role::Operator) {
        return match mask::body(&found.body) {
            Some(masked) => long(&format!("{masked:#}")),
            None => html! {
                p.notice { "It is no JSON object, or the index has not all of it: what of it is personal is not known, so none of it is shown to viewers." }
            },
        };
    }
    let body = events::legible(&found.body);
    let compressed = html! {
        @if *body != *found.body { p.muted { "It is compressed. This is what is in it." } }
    };
    if let Some(lines) = std::str::from_utf8(&body).ok().and_then(indented) {
        return html! { (compressed) (long(&without_base64(lines, &body))) };
    }
    html! {
        (compressed)
        @if std::str::from_utf8(&body).is_err() {
            p.muted { "Not all of it is text in UTF-8; what is not is shown as \u{fffd}." }
        }
        (long(&String::from_utf8_lossy(&body)))
        @if !is_whole(found) {
            p.muted { "These are the first " (found.body.len()) " of " (found.noted.body_size) " bytes." }
        }
    }
}

/// The bytes of a PDF tell nobody anything.
fn without_base64(lines: String, body: &[u8]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    match json.pointer("/pdf/content").and_then(Value::as_str).filter(|content| !content.is_empty()) {
        Some(content) => {
            let bytes = BASE64_STANDARD.decode(content).map_or(0, |bytes| bytes.len());
            lines.replace(content, &format!("(a document of {bytes} bytes in base64)"))
        }
        None => lines,
    }
}
