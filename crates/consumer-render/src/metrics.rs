//! How long rendering takes, and how large the PDFs are.

use std::sync::LazyLock;
use std::time::Duration;

use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};

use crate::RENDER_FAILED;

const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];
const BYTES: [f64; 9] =
    [5_000.0, 10_000.0, 20_000.0, 50_000.0, 100_000.0, 200_000.0, 500_000.0, 1_000_000.0, 5_000_000.0];

static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("bilag")
        .f64_histogram("bilag.render.duration")
        .with_unit("s")
        .with_description("How long it takes to make a PDF")
        .with_boundaries(SECONDS.to_vec())
        .build()
});

static SIZE: LazyLock<Histogram<u64>> = LazyLock::new(|| {
    global::meter("bilag")
        .u64_histogram("bilag.render.size")
        .with_unit("By")
        .with_description("How large a PDF is")
        .with_boundaries(BYTES.to_vec())
        .build()
});

/// A PDF was made, of so many bytes.
pub(crate) fn rendered(took: Duration, bytes: usize) {
    DURATION.record(took.as_secs_f64(), &[]);
    SIZE.record(bytes.try_into().unwrap_or(u64::MAX), &[]);
}

/// A PDF could not be made.
pub(crate) fn failed(took: Duration) {
    DURATION.record(took.as_secs_f64(), &[KeyValue::new("error.type", RENDER_FAILED.as_str())]);
}
