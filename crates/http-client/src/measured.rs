//! How long requests take, after OpenTelemetry's conventions for HTTP clients.

use std::future::Future;
use std::sync::LazyLock;
use std::time::Instant;

use opentelemetry::metrics::Histogram;
use opentelemetry::{KeyValue, global};
use reqwest::Url;

use crate::{NoAnswer, Received};

/// Seconds: the conventions', and on to the longest time that a request is given by default.
const SECONDS: [f64; 16] =
    [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0];

/// Made at the first request, when it is known whether anybody collects.
static DURATION: LazyLock<Histogram<f64>> = LazyLock::new(|| {
    global::meter("bilag")
        .f64_histogram("http.client.request.duration")
        .with_unit("s")
        .with_description("From a request to the head of its answer")
        .with_boundaries(SECONDS.to_vec())
        .build()
});

/// The attributes of a request: nothing of it is about one message.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// Who is asked, as people know them.
    pub peer: &'static str,
    /// The method.
    pub method: &'static str,
    /// The template of its path.
    pub template: &'static str,
    /// A URL of the server; `None` where others say which one it is.
    pub server: Option<&'a Url>,
}

impl Measured<'_> {
    /// Measures a request: with its status, or what kept it from having one.
    ///
    /// # Errors
    /// Those of the request.
    pub async fn while_it_takes(
        self,
        request: impl Future<Output = Result<Received, NoAnswer>>,
    ) -> Result<Received, NoAnswer> {
        let began = Instant::now();
        let answer = request.await;
        let took = began.elapsed().as_secs_f64();
        DURATION.record(took, &self.attributes(&answer));
        answer
    }

    fn attributes(self, answer: &Result<Received, NoAnswer>) -> Vec<KeyValue> {
        let host = self.server.and_then(Url::host_str).unwrap_or("_OTHER").to_owned();
        let mut attributes = vec![
            KeyValue::new("service.peer.name", self.peer),
            KeyValue::new("http.request.method", self.method),
            KeyValue::new("url.template", self.template),
            KeyValue::new("server.address", host),
        ];
        let port = self.server.and_then(Url::port_or_known_default);
        attributes.extend(port.map(|port| KeyValue::new("server.port", i64::from(port))));
        match answer {
            Ok(received) => {
                let status = received.status();
                let code = KeyValue::new("http.response.status_code", i64::from(status.as_u16()));
                attributes.push(code);
                if status.is_client_error() || status.is_server_error() {
                    attributes.push(KeyValue::new("error.type", status.as_str().to_owned()));
                }
            }
            Err(NoAnswer::Refused(_)) => attributes.push(KeyValue::new("error.type", "refused")),
            Err(NoAnswer::Unanswered(_)) => attributes.push(KeyValue::new("error.type", "unanswered")),
        }
        attributes
    }
}
