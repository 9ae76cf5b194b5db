//! Logs to standard error; traces and metrics by OTLP where the standard variables say where to.

mod escaping;
mod exporting;

use std::io::IsTerminal;

use opentelemetry::global;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::output::Failed;
use crate::settings::{LogFormat, LogSettings};
use escaping::{JsonLines, OneLine};
use exporting::Exporting;

/// lapin logs whole messages that were returned to it: they are personal data. Spans are for traces.
const NEVER_LOGGED: [&str; 2] = ["lapin=off", "bilag::trace=off"];

/// Begins to log and, where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, to trace and to measure. What is made
/// before this is not measured. What it gives flushes the rest when dropped.
pub fn start(settings: &LogSettings) -> Result<Exporting, Failed> {
    let mut filter =
        EnvFilter::try_new(&settings.log).map_err(|error| Failed::used_wrongly("BILAG_LOG", error))?;
    for directive in NEVER_LOGGED {
        let directive = directive.parse().map_err(|error| Failed::at("the log filter", error))?;
        filter = filter.add_directive(directive);
    }
    let logs = match settings.log_format {
        LogFormat::Text => fmt::layer()
            .fmt_fields(OneLine::default())
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .with_target(false)
            .boxed(),
        LogFormat::Json => fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .with_writer(|| JsonLines(std::io::stderr()))
            .boxed(),
    };
    global::set_text_map_propagator(TraceContextPropagator::new());
    let exporting = Exporting::begin()?;
    let traces = exporting.traces.as_ref().map(|provider| {
        tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("bilag"))
            .with_filter(EnvFilter::new("off,bilag::trace=info,omnium=info,http_client=info"))
    });
    tracing_subscriber::registry().with(logs.with_filter(filter)).with(traces).init();
    Ok(exporting)
}
