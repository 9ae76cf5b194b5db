//! Traces and metrics on their way out, by OTLP over HTTP, as OpenTelemetry's variables say.

use std::thread;

use opentelemetry::{KeyValue, global};
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::resource::{EnvResourceDetector, ResourceDetector};
use opentelemetry_sdk::trace::SdkTracerProvider;
use uuid::Uuid;

use crate::output::Failed;
use crate::who::host;

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// What is exported; flushed when dropped.
pub struct Exporting {
    /// Where spans go, where they go anywhere.
    pub traces: Option<SdkTracerProvider>,
    metrics: Option<SdkMeterProvider>,
}

impl Exporting {
    /// Begins to export what has somewhere to go.
    pub fn begin() -> Result<Self, Failed> {
        let wrong = |error: ExporterBuildError| Failed::used_wrongly(ENDPOINT, error);
        let resource = resource();
        let traces = match is_wanted("OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            false => None,
            true => {
                let exporter = SpanExporter::builder().with_http().build().map_err(wrong)?;
                let traces = SdkTracerProvider::builder().with_batch_exporter(exporter);
                Some(traces.with_resource(resource.clone()).build())
            }
        };
        let metrics = match is_wanted("OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") {
            false => None,
            true => {
                let exporter = MetricExporter::builder().with_http().build().map_err(wrong)?;
                let metrics = SdkMeterProvider::builder().with_periodic_exporter(exporter);
                Some(metrics.with_resource(resource).build())
            }
        };
        if let Some(metrics) = &metrics {
            global::set_meter_provider(metrics.clone());
        }
        Ok(Self { traces, metrics })
    }
}

impl Drop for Exporting {
    fn drop(&mut self) {
        // A collector that takes all and answers nothing is waited for once, not twice. At the end of
        // the process nobody is left to be told.
        thread::scope(|both| {
            both.spawn(|| self.metrics.as_ref().map(SdkMeterProvider::shutdown));
            both.spawn(|| self.traces.as_ref().map(SdkTracerProvider::shutdown));
        });
    }
}

/// Whether a signal has somewhere to go, and nobody said that it should not.
fn is_wanted(exporter: &str, endpoint: &str) -> bool {
    let is =
        |name: &str, value: &str| std::env::var(name).is_ok_and(|set| set.trim().eq_ignore_ascii_case(value));
    let off = is(exporter, "none") || is("OTEL_SDK_DISABLED", "true");
    !off && (is_set(ENDPOINT) || is_set(endpoint))
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Which process this is. What the standard variables say goes before what is known here.
fn resource() -> Resource {
    let said = EnvResourceDetector::new().detect();
    let mut known = vec![
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", Uuid::new_v4().to_string()),
        ("host.name", host()),
    ];
    if !is_set("OTEL_SERVICE_NAME") {
        known.push(("service.name", "bilag".to_owned()));
    }
    known.retain(|(name, _)| said.get(&(*name).into()).is_none());
    let known = known.into_iter().map(|(name, value)| KeyValue::new(name, value));
    Resource::builder().with_attributes(known).build()
}
