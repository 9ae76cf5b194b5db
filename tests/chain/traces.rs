//! One trace across all queues, started by the publisher of the receipt.

use bilag_tests::{Collector, TestEnv, eventually, package, receipt};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use sync_store::State;

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

fn traced() -> BasicProperties {
    let mut headers = FieldTable::default();
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    headers.insert("traceparent".into(), AMQPValue::LongString(traceparent.into()));
    BasicProperties::default().with_headers(headers)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of a span's attribute.
fn attribute(span: &Span, key: &str) -> String {
    let attribute = span.attributes.iter().find(|attribute| attribute.key == key);
    match attribute.and_then(|attribute| attribute.value.as_ref()?.value.clone()) {
        Some(Value::StringValue(text)) => text,
        other => panic!("{key} of {} is {other:?}", span.name),
    }
}

#[tokio::test]
async fn stages_of_a_receipt_form_one_trace() {
    let mut env = TestEnv::new().await;
    let collector = Collector::start().await;
    env.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    env.set("OTEL_BSP_SCHEDULE_DELAY", "100");
    let _receipt = env.consume(&["receipt"]).await;
    let _render = env.consume(&["render"]).await;
    let _upload = env.consume(&["upload"]).await;
    env.publish_bytes(receipt(1).to_string().as_bytes(), traced()).await;

    let span_of = |queue: &str| {
        let name = format!("process {queue}");
        collector.spans().into_iter().find(|span| span.name == name)
    };
    let mut parent = PARENT.to_owned();
    for queue in ["bilag.receipt", "bilag.render", "bilag.upload"] {
        let span = eventually(&format!("the span of {queue}"), async || span_of(queue)).await;
        assert_eq!(hex(&span.trace_id), TRACE, "{queue}");
        assert_eq!(hex(&span.parent_span_id), parent, "{queue}");
        parent = hex(&span.span_id);
    }
    eventually("the calls to Omnium are in it too", async || {
        collector.spans().iter().any(|span| hex(&span.parent_span_id) == parent).then_some(())
    })
    .await;
}

#[tokio::test]
async fn trace_context_propagates_without_a_collector() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let _all = env.consume(&["receipt", "render", "dead"]).await;
    env.publish_bytes(receipt(1).to_string().as_bytes(), traced()).await;
    let message = eventually("it is rendered", async || env.vhost.peek("bilag.upload", 1).await.pop()).await;
    let expected = format!("00-{TRACE}-{PARENT}-01");
    assert_eq!(message.header_text("traceparent"), Some(expected.clone()));

    env.publish_bytes(b"{", traced()).await;
    let letter = eventually("it is dead", async || env.vhost.peek("bilag.receipt.dead", 1).await.pop()).await;
    assert_eq!(letter.header_text("traceparent"), Some(expected));
    assert_eq!(env.records(State::Pending).await, 1);
}

#[tokio::test]
async fn unreachable_collector_blocks_nothing() {
    let mut env = TestEnv::new().await;
    env.set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    env.set("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    eventually("it completes", async || (env.records(State::Complete).await == 1).then_some(())).await;
    all.terminate();
    let status = eventually("it ends", async || all.has_ended()).await;
    assert!(status.success(), "{status}: {}", all.log());
}

#[tokio::test]
async fn stages_of_a_package_form_one_trace() {
    let mut env = TestEnv::with_packages().await;
    let collector = Collector::start().await;
    env.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    env.set("OTEL_BSP_SCHEDULE_DELAY", "100");
    let _all = env.consume(&["all"]).await;
    env.publish_to("events", "package.status.packed", package(73).to_string().as_bytes(), traced()).await;
    env.wait_until_invoiced(73).await;

    let in_the_trace = |name: &str, parent: &str| {
        collector.spans().into_iter().find(|span| {
            span.name == name && hex(&span.trace_id) == TRACE && hex(&span.parent_span_id) == parent
        })
    };
    let span = async |name: &str, parent: &str| {
        let what = format!("{name} is in the trace, the child of {parent}");
        hex(&eventually(&what, async || in_the_trace(name, parent)).await.span_id)
    };
    let packed = span("process bilag.packed", PARENT).await;
    span("POST /", &packed).await;
    let receipt = span("process bilag.receipt", &packed).await;
    let render = span("process bilag.render", &receipt).await;
    let upload = span("process bilag.upload", &render).await;
    eventually("the calls to Omnium are in it too", async || {
        collector.spans().iter().any(|span| hex(&span.parent_span_id) == upload).then_some(())
    })
    .await;
    let writeback = span("process bilag.writeback", &render).await;
    let oms = span("POST /api/v1/oms/packages/{id}/command/", &writeback).await;

    let spans = collector.spans();
    let call = spans.iter().find(|span| hex(&span.span_id) == oms).expect("it was just found");
    assert_eq!(call.kind(), opentelemetry_proto::tonic::trace::v1::span::SpanKind::Client);
    assert_eq!(attribute(call, "url.template"), "/api/v1/oms/packages/{id}/command/");
    assert_eq!(attribute(call, "service.peer.name"), "Akinon's OMS");
    let upload = spans.iter().find(|span| hex(&span.span_id) == upload).expect("it was just found");
    assert_eq!(attribute(upload, "messaging.operation.type"), "process");
    assert_eq!(
        attribute(upload, "messaging.destination.name"),
        "bilag:invoice.rendered.v1.omnium:bilag.upload"
    );
}
