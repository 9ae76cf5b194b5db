//! What a vendor gets as response, and its metric. Flow retries 5xx and timeouts, and never 4xx: hence 4xx is for
//! what no retry can fix.

use std::sync::LazyLock;
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};

use crate::event::Vendor;

/// Seconds.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// What becomes of a webhook, and so its status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// 200: the invoice that was asked for, in JSON.
    Invoice(String),
    /// 202: published and confirmed.
    Accepted,
    /// 204: the chain does not use it.
    Ignored,
    /// 400: not an event.
    NotAnEvent,
    /// 401: missing or wrong secret.
    Unauthorized,
    /// 413: above the maximum event size.
    TooLarge,
    /// 415: another content type than JSON, or an unknown content encoding.
    NotJson,
    /// 503: not confirmed by the broker; the vendor is to retry.
    Retry(&'static str),
}

impl Outcome {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Invoice(_) => StatusCode::OK,
            Self::Accepted => StatusCode::ACCEPTED,
            Self::Ignored => StatusCode::NO_CONTENT,
            Self::NotAnEvent => StatusCode::BAD_REQUEST,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Retry(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn message(&self) -> &'static str {
        match self {
            Self::Invoice(_) | Self::Accepted | Self::Ignored => "",
            Self::NotAnEvent => "the body is not an event\n",
            Self::Unauthorized => "the secret is missing or wrong\n",
            Self::TooLarge => "maximum event size: 1 MiB\n",
            Self::NotJson => {
                "an event is JSON (application/json or application/cloudevents+json), plain or compressed with gzip or deflate\n"
            }
            Self::Retry(_) => "temporarily unavailable: retry\n",
        }
    }
}

impl IntoResponse for Outcome {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.message()).into_response();
        match self {
            Self::Invoice(invoice) => {
                let json = HeaderValue::from_static("application/json");
                *response.body_mut() = invoice.into();
                response.headers_mut().insert(header::CONTENT_TYPE, json);
            }
            Self::Retry(_) => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            Self::Unauthorized => {
                let challenge = HeaderValue::from_static("Basic realm=\"bilag\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            _ => {}
        }
        response
    }
}

/// Seconds, as the conventions have them.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Created at the first webhook, when the meter provider is set.
static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("bilag")
        .f64_histogram("http.server.request.duration")
        .with_unit("s")
        .with_description("From the head of a webhook to its response")
        .with_boundaries(BUCKETS.to_vec())
        .build()
});

/// Records the duration of a webhook, by OpenTelemetry's conventions for HTTP servers.
pub(crate) fn record(vendor: Vendor, outcome: &Outcome, took: Duration) {
    let route = match vendor {
        Vendor::Flow => "/webhooks/flow",
        Vendor::Akinon => "/webhooks/akinon",
        Vendor::Oms => "/webhooks/akinon/invoice",
    };
    let status = outcome.status();
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
