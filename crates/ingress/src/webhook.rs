//! One webhook, from request to response.

use std::sync::Arc;
use std::time::{Duration, Instant};

use amqp::Outgoing;
use axum::body::Body;
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use events::{EncodingError, MAX_EVENT};
use futures_util::StreamExt;
use tokio::time::timeout;
use tracing::Instrument;
use tracing::field::Empty;

use crate::bus::NotPublished;
use crate::event::{RECEIPT, THIN_ORDER, THIN_RECEIPT, Vendor, Webhook, classify};
use crate::hydrate::Hydrated;
use crate::invoice::{PackedRequest, Request, RequestedPackage};
use crate::outcome::{Outcome, record};
use crate::state::AppState;

/// Bytes of an oversized body that are read before the response, which a sender that is still writing would
/// not see.
const READ_AND_DROPPED: usize = 8 * MAX_EVENT;

/// Of the store's last answer while an invoice is waited for.
const STORE_TIMEOUT: Duration = Duration::from_secs(2);

const CLOUD_EVENT: &str = "application/cloudevents+json";
const JSON: &str = "application/json";

/// Handles a webhook within its timeout.
pub(crate) async fn handle(
    app: Arc<AppState>,
    vendor: Vendor,
    request: axum::http::Request<Body>,
) -> Outcome {
    let began = Instant::now();
    let traceparent = traceparent(request.headers());
    let span = tracing::info_span!(
        target: "bilag::trace",
        "webhook",
        otel.name = "POST /webhooks",
        otel.kind = "server",
        http.request.method = "POST",
        http.response.status_code = Empty,
    );
    amqp::continue_from(&span, traceparent.as_deref());
    let outcome = async {
        let mut requested = None;
        let outcome = admitted(&app, vendor, request, traceparent.as_deref(), &mut requested).await;
        match requested {
            Some(package) if outcome == Outcome::Accepted => {
                invoice(&app, &package).await.map_or(outcome, Outcome::Invoice)
            }
            _ => outcome,
        }
    };
    let outcome = outcome.instrument(span.clone()).await;
    span.record("http.response.status_code", outcome.status().as_u16());
    record(vendor, &outcome, began.elapsed());
    outcome
}

/// Processes a webhook if there is a slot, within its timeout.
async fn admitted(
    app: &AppState,
    vendor: Vendor,
    request: axum::http::Request<Body>,
    traceparent: Option<&str>,
    requested: &mut Option<RequestedPackage>,
) -> Outcome {
    let Ok(_slot) = app.slots.try_acquire() else {
        tracing::warn!(?vendor, "more concurrent webhooks than BILAG_INGRESS_MAX_CONCURRENT_REQUESTS");
        return Outcome::Retry("busy");
    };
    match timeout(app.timeout, process(app, vendor, request, traceparent, requested)).await {
        Ok(outcome) => outcome,
        Err(_) => {
            tracing::warn!(?vendor, "a webhook took longer than BILAG_INGRESS_TIMEOUT");
            Outcome::Retry("too slow")
        }
    }
}

/// Waits for the invoice that was requested; `None` if it comes later. Waiting takes no slot: no vendor's webhook is
/// turned away for it, and above as many as there are slots, nobody waits.
async fn invoice(app: &AppState, package: &RequestedPackage) -> Option<String> {
    let invoices = app.invoices.as_ref()?;
    let _waiting = app.waiting.try_acquire().ok()?;
    match timeout(invoices.wait() + STORE_TIMEOUT, invoices.answer(package)).await {
        Ok(Ok(invoice)) => invoice,
        Ok(Err(error)) => {
            let why = amqp::chain(&error);
            tracing::warn!(why, "the store is unavailable: the OMS gets the invoice later");
            None
        }
        Err(_) => {
            tracing::warn!("the store does not answer: the OMS gets the invoice later");
            None
        }
    }
}

async fn process(
    app: &AppState,
    vendor: Vendor,
    request: axum::http::Request<Body>,
    traceparent: Option<&str>,
    requested: &mut Option<RequestedPackage>,
) -> Outcome {
    let (head, body) = request.into_parts();
    if !app.key(vendor).is_some_and(|key| key.accepts(&head.headers)) {
        tracing::warn!(?vendor, "rejected a webhook without the secret");
        return Outcome::Unauthorized;
    }
    if !is_json(&head.headers) {
        tracing::warn!(?vendor, "rejected a webhook that is not JSON");
        return Outcome::NotJson;
    }
    let body = match read(body).await.and_then(|body| decoded(&head.headers, body)) {
        Ok(body) => body,
        Err(outcome) => {
            tracing::warn!(?vendor, status = outcome.status().as_u16(), "a webhook could not be read");
            return outcome;
        }
    };
    if vendor == Vendor::Oms {
        return published(app, &body, traceparent, requested).await;
    }
    match classify(vendor, &body) {
        Ok(Webhook::Event { kind, id }) => publish(app, vendor, &kind, id, body, traceparent).await,
        Ok(thin @ (Webhook::ThinReceipt | Webhook::ThinOrder)) if app.hydrate_from_flow => {
            let kind = if thin == Webhook::ThinReceipt { THIN_RECEIPT } else { THIN_ORDER };
            publish(app, vendor, kind, None, body, traceparent).await
        }
        Ok(Webhook::ThinOrder) => Outcome::Ignored,
        Ok(Webhook::ThinReceipt) => hydrated(app, body, traceparent).await,
        Ok(Webhook::Ignored { kind }) => {
            tracing::debug!(?vendor, kind, "ignored a webhook that the chain does not use");
            Outcome::Ignored
        }
        Err(error) => {
            tracing::warn!(?vendor, %error, "a webhook is not an event");
            Outcome::NotAnEvent
        }
    }
}

/// Publishes the request for an invoice as the event that it stands for.
async fn published(
    app: &AppState,
    body: &[u8],
    traceparent: Option<&str>,
    requested: &mut Option<RequestedPackage>,
) -> Outcome {
    match Request::read(body) {
        Request::Packed(PackedRequest { kind, id, body, package }) => {
            *requested = package;
            publish(app, Vendor::Oms, &kind, Some(id), body.into(), traceparent).await
        }
        Request::Other => {
            tracing::warn!("a request for the invoice of a package that is not packed: none is made");
            Outcome::Ignored
        }
        Request::NotAnObject => {
            tracing::warn!("a request for an invoice is not a package");
            Outcome::NotAnEvent
        }
    }
}

/// Hydrates ids into a receipt. Ids without a receipt are published as they are: they become a visible dead
/// letter, and Flow does not repeat a 4xx.
async fn hydrated(app: &AppState, ids: Bytes, traceparent: Option<&str>) -> Outcome {
    let Some(hydrate) = &app.hydrate else {
        tracing::warn!("BILAG_INGRESS_HYDRATE_URL is not set: receipt ids become dead letters");
        return publish(app, Vendor::Flow, RECEIPT, None, ids, traceparent).await;
    };
    match hydrate.receipt(&ids).await {
        Ok(Hydrated::Receipt(event)) => {
            let id = events::named(&event).unwrap_or_default().id;
            publish(app, Vendor::Flow, RECEIPT, id, event, traceparent).await
        }
        Ok(Hydrated::Unknown(error)) => {
            let why = amqp::chain(&error);
            tracing::warn!(why, "the hydrate hook does not know the receipt: its ids become a dead letter");
            publish(app, Vendor::Flow, RECEIPT, None, ids, traceparent).await
        }
        Err(error) => {
            let why = amqp::chain(&error);
            tracing::warn!(why, "the hydrate hook is unavailable");
            Outcome::Retry("hydrate")
        }
    }
}

/// The vendor's id makes a repeated webhook the same message; without one, the message is identified by its
/// content.
async fn publish(
    app: &AppState,
    vendor: Vendor,
    kind: &str,
    id: Option<String>,
    body: Bytes,
    traceparent: Option<&str>,
) -> Outcome {
    let is_enveloped = events::is_enveloped(&body);
    let event = Outgoing {
        exchange: app.exchange.clone(),
        routing_key: kind.to_owned(),
        message_id: id.unwrap_or_default(),
        kind: kind.to_owned(),
        body,
        subject: None,
    };
    let content_type = if is_enveloped { CLOUD_EVENT } else { JSON };
    match app.bus.publish(content_type, traceparent, &event).await {
        Ok(()) => {
            tracing::debug!(?vendor, kind, message_id = event.message_id, "published a webhook");
            Outcome::Accepted
        }
        Err(error) => {
            let (why, advice) = (amqp::chain(&error), advice(&error));
            tracing::warn!(?vendor, kind, why, "a webhook was not published{advice}");
            Outcome::Retry("broker")
        }
    }
}

fn advice(error: &NotPublished) -> &'static str {
    match error {
        NotPublished::Failed(amqp::PublishError::Unroutable { .. }) => {
            "; run `bilag topology apply`, or check BILAG_RECEIPT_KEYS, BILAG_PACKED_KEYS and BILAG_HYDRATE_KEYS"
        }
        NotPublished::Failed(amqp::PublishError::NoExchange { .. }) => "; set BILAG_BUS_EXCHANGE to your bus",
        NotPublished::Failed(amqp::PublishError::Refused { .. }) => {
            "; give Bilag's user the right to write to BILAG_BUS_EXCHANGE"
        }
        _ => "",
    }
}

/// A missing content type counts as JSON: decoding decides.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type.is_none_or(|value| value.to_str().is_ok_and(events::is_json))
}

/// The body without its content encoding.
fn decoded(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Outcome> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(body) };
    let encoding = encoding.to_str().map_err(|_| Outcome::NotJson)?;
    let plain = events::decompress(&body, Some(encoding)).map_err(|error| {
        tracing::warn!(%error, "a content encoding could not be decoded");
        match error {
            EncodingError::Unknown => Outcome::NotJson,
            EncodingError::Corrupt(_) => Outcome::NotAnEvent,
            EncodingError::TooLarge => Outcome::TooLarge,
        }
    })?;
    Ok(plain.into_owned().into())
}

async fn read(body: Body) -> Result<Bytes, Outcome> {
    let (mut kept, mut size) = (BytesMut::new(), 0);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        // Whoever disconnected sends it again.
        let chunk = chunk.map_err(|_| Outcome::Retry("disconnected"))?;
        size += chunk.len();
        if size <= MAX_EVENT {
            kept.extend_from_slice(&chunk);
        } else if size > READ_AND_DROPPED {
            break;
        }
    }
    if size > MAX_EVENT { Err(Outcome::TooLarge) } else { Ok(kept.freeze()) }
}

/// The vendor's trace (W3C Trace Context, version 00), if well-formed.
fn traceparent(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("traceparent")?.to_str().ok()?;
    let lengths = text.split('-').map(str::len).eq([2, 32, 16, 2]);
    let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'));
    (lengths && is_hex && text.starts_with("00-")).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continues_only_well_formed_traces() {
        let given = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", text.parse().expect("a header"));
            traceparent(&headers)
        };
        let whole = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(given(whole).as_deref(), Some(whole));
        for broken in ["", "00-1-2-01", &whole[1..], &whole.to_uppercase(), &format!("{whole}-x"), "Kari"] {
            assert_eq!(given(broken), None, "{broken}");
        }
    }

    #[test]
    fn accepts_json_content_types() {
        for (name, value, is) in [
            ("content-type", "application/json", true),
            ("content-type", "Application/JSON; charset=utf-8", true),
            ("content-type", "application/cloudevents+json", true),
            ("content-type", "text/plain", false),
            ("content-type", "application/x-www-form-urlencoded", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().expect("a header"));
            assert_eq!(is_json(&headers), is, "{name}: {value}");
        }
        assert!(is_json(&HeaderMap::new()));
    }

    #[test]
    fn decodes_or_rejects_content_encodings() {
        let zlib = b"x\x9c\xab\xae\x05\0\x01u\0\xf9"; // {}
        for (encoding, body, expected) in [
            ("identity", b"{}".as_slice(), Ok("{}")),
            ("deflate", zlib, Ok("{}")),
            ("deflate", b"{}", Err(Outcome::NotAnEvent)),
            ("br", b"{}", Err(Outcome::NotJson)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, encoding.parse().expect("a header"));
            assert_eq!(decoded(&headers, Bytes::from_static(body)), expected.map(Bytes::from), "{encoding}");
        }
    }
}
