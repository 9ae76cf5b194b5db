//! The span of a message, and W3C trace context: from a message into the span, and from the span into what is
//! published.

use std::collections::HashMap;

use opentelemetry::global;
use opentelemetry::trace::TraceContextExt;
use tracing::field::Empty;
use tracing::{Instrument, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::Settled;
use crate::Message;
use crate::message::header::{Headers, names};

/// Handles a message in a span of its own, which continues the trace that the message carries.
pub(super) async fn layer(
    queue: &str,
    message: &Message,
    settled: impl Future<Output = Settled<()>>,
) -> Settled<()> {
    let span = tracing::info_span!(
        target: "bilag::trace",
        "process",
        otel.name = format!("process {queue}"),
        otel.kind = "consumer",
        messaging.system = "rabbitmq",
        messaging.operation.name = "process",
        messaging.operation.type = "process",
        messaging.destination.name = destination(&message.exchange, &message.routing_key, queue),
        messaging.rabbitmq.destination.routing_key = message.routing_key,
        messaging.message.id = message.id(),
        error.type = Empty,
        otel.status_code = Empty,
    );
    continue_from(&span, message.header_text(names::TRACEPARENT).as_deref());
    settled.instrument(span).await
}

/// Makes the trace that a message or a request carries the parent of a span.
pub fn continue_from(span: &Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent else { return };
    let carrier = HashMap::from([(names::TRACEPARENT.to_owned(), traceparent.to_owned())]);
    let context = global::get_text_map_propagator(|propagator| propagator.extract(&carrier));
    if context.span().span_context().is_valid() {
        // Fails only where no trace is collected; then the header is passed on as it came.
        let _ = span.set_parent(context);
    }
}

/// Where a message came from, as OpenTelemetry's conventions for RabbitMQ have it: exchange, routing key
/// and queue, those left out that are empty or said already.
fn destination(exchange: &str, routing_key: &str, queue: &str) -> String {
    let queue = if queue == routing_key { "" } else { queue };
    let parts = [exchange, routing_key, queue].into_iter().filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join(":")
}

/// Puts the current trace into headers; where none is collected, the one that came in.
pub(crate) fn inject(headers: &mut Headers, incoming: Option<&str>) {
    let mut carrier = HashMap::new();
    let context = Span::current().context();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&context, &mut carrier));
    let current = carrier.remove(names::TRACEPARENT);
    if let Some(traceparent) = current.as_deref().or(incoming) {
        headers.set_text(names::TRACEPARENT, traceparent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destination_follows_the_conventions() {
        for (exchange, routing_key, queue, expected) in [
            ("events", "receipt.settled.v1", "bilag.receipt", "events:receipt.settled.v1:bilag.receipt"),
            ("bilag.retry", "bilag.upload", "bilag.upload", "bilag.retry:bilag.upload"),
            ("", "bilag.upload", "bilag.upload", "bilag.upload"),
            ("bilag.dead", "", "bilag.dead", "bilag.dead:bilag.dead"),
        ] {
            assert_eq!(destination(exchange, routing_key, queue), expected);
        }
    }
}
