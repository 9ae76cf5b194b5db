//! W3C trace context, from a message into our span and from our span into what we publish.

use std::collections::HashMap;

use opentelemetry::global;
use opentelemetry::trace::TraceContextExt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::header::{Headers, names};

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
