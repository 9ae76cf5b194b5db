//! Metrics as Prometheus stores them after OTLP ingestion: the rules of OpenTelemetry's
//! compatibility specification, as far as Bilag's metrics need them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{
    HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, number_data_point,
};

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The series' name.
    pub name: String,
    /// Its labels, without those of the resource and the bucket.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

/// The samples of one export; a histogram's buckets are represented by its count.
pub fn samples(export: &ResourceMetrics) -> Vec<Sample> {
    let metrics = export.scope_metrics.iter().flat_map(|scope| &scope.metrics);
    metrics.flat_map(of_metric).collect()
}

fn of_metric(metric: &Metric) -> Vec<Sample> {
    let name = metric.name.replace('.', "_") + suffix(&metric.unit);
    assert!(!metric.unit.is_empty() && !metric.description.is_empty(), "{name} has unit and description");
    match metric.data.as_ref().expect("data") {
        Data::Gauge(gauge) => gauge.data_points.iter().map(|point| number(&name, point)).collect(),
        Data::Sum(sum) => {
            let name = if sum.is_monotonic { format!("{name}_total") } else { name };
            sum.data_points.iter().map(|point| number(&name, point)).collect()
        }
        Data::Histogram(of) => of.data_points.iter().flat_map(|point| histogram(&name, point)).collect(),
        other => panic!("{name} has an unexpected type: {other:?}"),
    }
}

/// A unit in braces is an annotation.
fn suffix(unit: &str) -> &'static str {
    match unit {
        "s" => "_seconds",
        "By" => "_bytes",
        unit if unit.starts_with('{') => "",
        unit => panic!("unexpected unit {unit}"),
    }
}

fn number(name: &str, point: &NumberDataPoint) -> Sample {
    let value = match point.value.expect("a value") {
        number_data_point::Value::AsDouble(value) => value,
        number_data_point::Value::AsInt(value) => value as f64,
    };
    Sample { name: name.to_owned(), labels: labels(&point.attributes), value }
}

fn histogram(name: &str, point: &HistogramDataPoint) -> Vec<Sample> {
    let sample = |part: &str, value| Sample {
        name: format!("{name}_{part}"),
        labels: labels(&point.attributes),
        value,
    };
    let count = point.count as f64;
    vec![sample("count", count), sample("bucket", count), sample("sum", point.sum.unwrap_or_default())]
}

fn labels(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let label = |attribute: &KeyValue| (attribute.key.replace('.', "_"), text(attribute.value.as_ref()));
    attributes.iter().map(label).collect()
}

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(int)) => int.to_string(),
        other => panic!("unexpected attribute value: {other:?}"),
    }
}
