//! An OpenTelemetry collector: records exports of OTLP over HTTP.

use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A collector that listens until the test ends.
pub struct Collector {
    /// The value for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub endpoint: String,
    exports: Arc<Mutex<Vec<Export>>>,
}

/// Path and body of an export.
type Export = (String, Vec<u8>);

impl Collector {
    /// Starts it.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let exports = Arc::new(Mutex::new(Vec::new()));
        let kept = exports.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, kept.clone()));
            }
        });
        Self { endpoint, exports }
    }

    /// Every span exported so far.
    pub fn spans(&self) -> Vec<Span> {
        let bodies = self.sent_to("/v1/traces");
        let requests = bodies
            .iter()
            .map(|body| ExportTraceServiceRequest::decode(body.as_slice()).expect("an export of traces"));
        let scopes = requests.flat_map(|request| request.resource_spans).flat_map(|spans| spans.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }

    /// Every export of metrics so far, in the order received.
    pub fn metrics(&self) -> Vec<ResourceMetrics> {
        let bodies = self.sent_to("/v1/metrics");
        let requests = bodies
            .iter()
            .map(|body| ExportMetricsServiceRequest::decode(body.as_slice()).expect("an export of metrics"));
        requests.flat_map(|request| request.resource_metrics).collect()
    }

    /// The body of every export so far.
    pub fn raw(&self) -> Vec<Vec<u8>> {
        self.exports().into_iter().map(|(_, body)| body).collect()
    }

    fn sent_to(&self, path: &str) -> Vec<Vec<u8>> {
        self.exports().into_iter().filter(|(to, _)| to == path).map(|(_, body)| body).collect()
    }

    fn exports(&self) -> Vec<Export> {
        self.exports.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Answers each request of a connection with an empty 200.
async fn serve(mut stream: TcpStream, exports: Arc<Mutex<Vec<Export>>>) {
    let mut read = Vec::new();
    loop {
        while let Some((path, head, length)) = request(&read) {
            let rest = read.split_off(head + length);
            exports.lock().unwrap_or_else(PoisonError::into_inner).push((path, read.split_off(head)));
            read = rest;
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut read).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
    }
}

/// The first request's path, and the lengths of its head and body, once it is complete.
fn request(read: &[u8]) -> Option<(String, usize, usize)> {
    let head = read.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&read[..head]).to_lowercase();
    let path = text.split(' ').nth(1)?.to_owned();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?.trim().parse().ok()?;
    (read.len() >= head + length).then_some((path, head, length))
}
