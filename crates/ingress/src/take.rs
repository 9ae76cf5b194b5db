//! One webhook, from its request to its answer.

use std::sync::Arc;
use std::time::Instant;

use amqp::Outgoing;
use axum::body::Body;
use axum::http::{HeaderMap, Request, header};
use bytes::{Bytes, BytesMut};
use events::{EncodingError, MAX_EVENT};
use futures_util::StreamExt;
use tokio::time::timeout;
use tracing::Instrument;
use tracing::field::Empty;

use crate::answer::Answer;
use crate::bus::NotTaken;
use crate::heard::{Heard, RECEIPT, Vendor, heard};
use crate::hydrate::Hydrated;
use crate::metrics;
use crate::server::App;

/// So much of a body that is too large is read to its end before the answer, which a sender that is
/// still writing would not see.
const READ_AND_DROPPED: usize = 8 * MAX_EVENT;

const CLOUD_EVENT: &str = "application/cloudevents+json";
const JSON: &str = "application/json";

/// Takes a webhook, within the time there is for one.
pub(crate) async fn take(app: Arc<App>, vendor: Vendor, request: Request<Body>) -> Answer {
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
    let answer = async {
        let Ok(_place) = app.places.try_acquire() else {
            tracing::warn!(?vendor, "more webhooks at once than BILAG_INGRESS_MAX_CONCURRENT_REQUESTS");
            return Answer::Again("busy");
        };
        match timeout(app.timeout, taken(&app, vendor, request, traceparent.as_deref())).await {
            Ok(answer) => answer,
            Err(_) => {
                tracing::warn!(?vendor, "a webhook was not done within BILAG_INGRESS_TIMEOUT");
                Answer::Again("too slow")
            }
        }
    };
    let answer = answer.instrument(span.clone()).await;
    span.record("http.response.status_code", answer.status().as_u16());
    metrics::answered(vendor, &answer, began.elapsed());
    answer
}

async fn taken(app: &App, vendor: Vendor, request: Request<Body>, traceparent: Option<&str>) -> Answer {
    let (head, body) = request.into_parts();
    if !app.key(vendor).is_some_and(|key| key.opens(&head.headers)) {
        tracing::warn!(?vendor, "a webhook without the secret was turned away");
        return Answer::Stranger;
    }
    if !is_json(&head.headers) {
        tracing::warn!(?vendor, "a webhook that is not JSON was turned away");
        return Answer::NotJson;
    }
    let body = match read(body).await.and_then(|body| decoded(&head.headers, body)) {
        Ok(body) => body,
        Err(answer) => {
            tracing::warn!(?vendor, status = answer.status().as_u16(), "a webhook could not be read");
            return answer;
        }
    };
    match heard(vendor, &body) {
        Ok(Heard::Event { kind, id }) => publish(app, vendor, &kind, id, body, traceparent).await,
        Ok(Heard::ThinReceipt) => hydrated(app, body, traceparent).await,
        Ok(Heard::PassedOver { kind }) => {
            tracing::debug!(?vendor, kind, "a webhook of no use to the chain was passed over");
            Answer::PassedOver
        }
        Err(error) => {
            tracing::warn!(?vendor, %error, "a webhook is no event");
            Answer::NoEvent
        }
    }
}

/// Makes a whole receipt of ids. Ids of which no receipt can be made are published as they are: as a
/// dead letter they are seen, and Flow would not send them again after a 4xx.
async fn hydrated(app: &App, ids: Bytes, traceparent: Option<&str>) -> Answer {
    let Some(hydrate) = &app.hydrate else {
        tracing::warn!("BILAG_INGRESS_HYDRATE_URL is not set: the ids of a receipt become a dead letter");
        return publish(app, Vendor::Flow, RECEIPT, None, ids, traceparent).await;
    };
    match hydrate.receipt(&ids).await {
        Ok(Hydrated::Receipt(event)) => {
            let id = events::named(&event).unwrap_or_default().id;
            publish(app, Vendor::Flow, RECEIPT, id, event, traceparent).await
        }
        Ok(Hydrated::Unknown(error)) => {
            let why = amqp::chain(&error);
            tracing::warn!(why, "the hydrate hook has no such receipt: its ids become a dead letter");
            publish(app, Vendor::Flow, RECEIPT, None, ids, traceparent).await
        }
        Err(error) => {
            let why = amqp::chain(&error);
            tracing::warn!(why, "the hydrate hook could not be asked");
            Answer::Again("hydrate")
        }
    }
}

/// The id is the same whenever the vendor sends the same again; without one, what was published is
/// known by its content.
async fn publish(
    app: &App,
    vendor: Vendor,
    kind: &str,
    id: Option<String>,
    body: Bytes,
    traceparent: Option<&str>,
) -> Answer {
    let is_enveloped = events::is_enveloped(&body);
    let event = Outgoing {
        exchange: app.exchange.clone(),
        routing_key: kind.to_owned(),
        message_id: id.unwrap_or_default(),
        kind: kind.to_owned(),
        body: body.into(),
        subject: None,
    };
    let content_type = if is_enveloped { CLOUD_EVENT } else { JSON };
    match app.bus.publish(content_type, traceparent, &event).await {
        Ok(()) => {
            tracing::debug!(?vendor, kind, message_id = event.message_id, "a webhook is on the bus");
            Answer::Taken
        }
        Err(error) => {
            let (why, advice) = (amqp::chain(&error), advice(&error));
            tracing::warn!(?vendor, kind, why, "a webhook is not on the bus{advice}");
            Answer::Again("broker")
        }
    }
}

fn advice(error: &NotTaken) -> &'static str {
    match error {
        NotTaken::Failed(amqp::PublishError::Unroutable { .. }) => {
            "; run `bilag topology apply`, or check BILAG_RECEIPT_KEYS and BILAG_PACKED_KEYS"
        }
        NotTaken::Failed(amqp::PublishError::NoExchange { .. }) => "; set BILAG_BUS_EXCHANGE to your bus",
        NotTaken::Failed(amqp::PublishError::Refused { .. }) => {
            "; give Bilag's user the right to write to BILAG_BUS_EXCHANGE"
        }
        _ => "",
    }
}

/// A type that is left out counts as JSON: whether it is one shows.
fn is_json(headers: &HeaderMap) -> bool {
    let content_type = headers.get(header::CONTENT_TYPE);
    content_type.is_none_or(|value| value.to_str().is_ok_and(events::is_json))
}

/// The body without its content encoding.
fn decoded(headers: &HeaderMap, body: Bytes) -> Result<Bytes, Answer> {
    let Some(encoding) = headers.get(header::CONTENT_ENCODING) else { return Ok(body) };
    let encoding = encoding.to_str().map_err(|_| Answer::NotJson)?;
    let plain = events::decompress(&body, Some(encoding)).map_err(|error| {
        tracing::warn!(%error, "a content encoding was not undone");
        match error {
            EncodingError::Unknown => Answer::NotJson,
            EncodingError::Corrupt(_) => Answer::NoEvent,
            EncodingError::TooLarge => Answer::TooLarge,
        }
    })?;
    Ok(plain.into_owned().into())
}

async fn read(body: Body) -> Result<Bytes, Answer> {
    let (mut kept, mut size) = (BytesMut::new(), 0);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        // Whoever broke off sends it again.
        let chunk = chunk.map_err(|_| Answer::Again("broken off"))?;
        size += chunk.len();
        if size <= MAX_EVENT {
            kept.extend_from_slice(&chunk);
        } else if size > READ_AND_DROPPED {
            break;
        }
    }
    if size > MAX_EVENT { Err(Answer::TooLarge) } else { Ok(kept.freeze()) }
}

/// The trace that the vendor is in (W3C Trace Context, version 00), where it is well-formed.
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
    fn only_a_well_formed_trace_is_continued() {
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
    fn only_json_is_read() {
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
    fn a_content_encoding_is_undone_or_refused() {
        let zlib = b"x\x9c\xab\xae\x05\0\x01u\0\xf9"; // {}
        for (encoding, body, expected) in [
            ("identity", b"{}".as_slice(), Ok("{}")),
            ("deflate", zlib, Ok("{}")),
            ("deflate", b"{}", Err(Answer::NoEvent)),
            ("br", b"{}", Err(Answer::NotJson)),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_ENCODING, encoding.parse().expect("a header"));
            assert_eq!(decoded(&headers, Bytes::from_static(body)), expected.map(Bytes::from), "{encoding}");
        }
    }
}
