//! What is counted of Omnium beside its requests: tokens, and how often it said "too many".

use std::sync::LazyLock;

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};

use crate::Call;

static TOKENS_FETCHED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("bilag")
        .u64_counter("bilag.omnium.tokens.fetched")
        .with_unit("{token}")
        .with_description("Access tokens that Omnium gave")
        .build()
});

static THROTTLED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("bilag")
        .u64_counter("bilag.omnium.throttled")
        .with_unit("{request}")
        .with_description("Requests that Omnium answered with 429")
        .build()
});

/// Omnium gave a token.
pub(crate) fn token_fetched() {
    TOKENS_FETCHED.add(1, &[]);
}

/// Omnium answered a call with 429.
pub(crate) fn throttled(call: Call) {
    let (_, template) = call.route();
    THROTTLED.add(1, &[KeyValue::new("url.template", template)]);
}
