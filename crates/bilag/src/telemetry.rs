//! Logs to standard error, and traces by OTLP where the standard variables say where to.

use std::io::IsTerminal;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::output::Failed;
use crate::settings::{LogFormat, LogSettings};

/// Flushes what is left of the traces when dropped.
pub struct Telemetry(Option<SdkTracerProvider>);

/// lapin logs whole messages that were returned to it: they are personal data. Spans are for traces.
const NEVER_LOGGED: [&str; 2] = ["lapin=off", "bilag::trace=off"];

/// Begins to log and, where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, to trace.
pub fn start(settings: &LogSettings) -> Result<Telemetry, Failed> {
    let mut filter =
        EnvFilter::try_new(&settings.log).map_err(|error| Failed::used_wrongly("BILAG_LOG", error))?;
    for directive in NEVER_LOGGED {
        let directive = directive.parse().map_err(|error| Failed::at("the log filter", error))?;
        filter = filter.add_directive(directive);
    }
    let logs = match settings.log_format {
        LogFormat::Text => fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    global::set_text_map_propagator(TraceContextPropagator::new());
    let provider = tracer_provider()?;
    let traces = provider.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("bilag"))
            .with_filter(EnvFilter::new("off,bilag::trace=info,omnium=info,http_client=info"))
    });
    tracing_subscriber::registry().with(logs.with_filter(filter)).with(traces).init();
    Ok(Telemetry(provider))
}

fn tracer_provider() -> Result<Option<SdkTracerProvider>, Failed> {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if !is_set("OTEL_EXPORTER_OTLP_ENDPOINT") && !is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
        return Ok(None);
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .build()
        .map_err(|error| Failed::used_wrongly("OTEL_EXPORTER_OTLP_ENDPOINT", error))?;
    let resource = match is_set("OTEL_SERVICE_NAME") {
        true => Resource::builder().build(),
        false => Resource::builder().with_service_name("bilag").build(),
    };
    Ok(Some(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build()))
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(provider) = &self.0 {
            // At the end of the process nobody is left to be told.
            let _ = provider.shutdown();
        }
    }
}
