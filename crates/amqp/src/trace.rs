//! W3C trace context, from a message into our span and from our span into what we publish.

use std::collections::HashMap;

use opentelemetry::global;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::Message;
use crate::header::{Headers, names};

/// Makes the trace that a message carries the parent of a span.
pub(crate) fn continue_from(span: &Span, traceparent: Option<&str>) {
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
pub(crate) fn destination(message: &Message, queue: &str) -> String {
    let queue = Some(queue).filter(|queue| *queue != message.routing_key);
    let parts = [Some(message.exchange.as_str()), Some(message.routing_key.as_str()), queue];
    let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    parts.join(":")
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
