//! How webhooks are answered, after OpenTelemetry's conventions for HTTP servers.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};

use crate::answer::Answer;
use crate::heard::Vendor;

/// Seconds: the conventions'.
const SECONDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Made at the first webhook, when it is known whether anybody collects.
static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("bilag")
        .f64_histogram("http.server.request.duration")
        .with_unit("s")
        .with_description("From the head of a webhook to its answer")
        .with_boundaries(SECONDS.to_vec())
        .build()
});

/// A webhook was answered.
pub(crate) fn answered(vendor: Vendor, answer: &Answer, took: Duration) {
    let route = match vendor {
        Vendor::Flow => "/webhooks/flow",
        Vendor::Akinon => "/webhooks/akinon",
    };
    let status = answer.status();
    let mut about = vec![
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("url.scheme", "http"),
        KeyValue::new("http.route", route),
        KeyValue::new("http.response.status_code", i64::from(status.as_u16())),
    ];
    if status.is_server_error() {
        about.push(KeyValue::new("error.type", status.as_str().to_owned()));
    }
    DURATION.record(took.as_secs_f64(), &about);
}
