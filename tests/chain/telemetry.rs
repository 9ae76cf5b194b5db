//! Metrics and traces, as a collector gets them from real consumers.

use std::collections::BTreeSet;
use std::net::TcpListener;

use bilag_tests::{Collector, Ingress, Sample, TestEnv, eventually, receipt, samples};
use lapin::BasicProperties;
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::State;

use crate::any_version::observability_files::{alerts_and_dashboard, metrics_in};

/// The latest export of each process.
pub(crate) struct Seen(pub(crate) Vec<Sample>);

impl Seen {
    pub(crate) fn latest(collector: &Collector) -> Self {
        Self(collector.metrics().last().map(samples).unwrap_or_default())
    }

    /// The series of a name with these labels; an empty value means that the label is absent.
    fn of<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = f64> + Clone + 'a {
        let has = |sample: &Sample| {
            labels.iter().all(|(label, text)| sample.labels.get(*label).map_or("", String::as_str) == *text)
        };
        self.0.iter().filter(move |sample| sample.name == name && has(sample)).map(|sample| sample.value)
    }

    /// Their sum.
    fn sum(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.of(name, labels).sum()
    }

    /// The value of the one series, if exported.
    pub(crate) fn gauge(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut values = self.of(name, labels);
        let value = values.next();
        assert_eq!(values.next(), None, "{name} {labels:?} is one series");
        value
    }
}

fn status(status: u16, retry_after: Option<u64>) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after, done: false }
}

/// A fault of the calls for one invoice.
fn about(number: u32, call: Call, fault: Fault) -> Rule {
    let mut rule = Rule::new(fault).on(call);
    rule.subject.invoice_id = Some(format!("rcpt-{number}"));
    rule
}

async fn env_with_collector(interval: &str) -> (TestEnv, Collector) {
    let (mut env, collector) = (TestEnv::new().await, Collector::start().await);
    env.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    env.set("OTEL_METRIC_EXPORT_INTERVAL", interval);
    (env, collector)
}

/// Waits until the latest export satisfies the condition.
pub(crate) async fn wait_for_metrics(
    collector: &Collector,
    what: &str,
    says: impl Fn(&Seen) -> bool,
) -> Seen {
    eventually(what, async || Some(Seen::latest(collector)).filter(&says)).await
}

const HANDLED: &str = "messaging_process_duration_seconds_count";
const CONSUMED: &str = "messaging_client_consumed_messages_total";
const DEAD: &str = "bilag_messages_dead_total";
const CALLS: &str = "http_client_request_duration_seconds_count";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_match_what_happened() {
    let (mut env, collector) = env_with_collector("200").await;
    let omnium = &env.sandbox.omnium;
    omnium.add_fault(Rule::new(status(429, Some(1))).on(Call::Upsert).times(1));
    omnium.add_fault(about(4, Call::Upsert, status(400, None)));
    omnium.add_fault(about(5, Call::Upsert, status(409, None)).times(1));
    omnium.add_fault(about(6, Call::Attach, status(400, None)));
    let mut all = env.consume(&["all"]).await;
    env.ok(&["pause", "upload", "--why", "to see what waits"]);
    let short_lived = BasicProperties::default().with_expiration("1".into());
    env.publish_to("bilag", "invoice.rendered.v1.omnium", b"{}", short_lived).await;
    for number in 1..=6 {
        env.publish(&receipt(number)).await;
    }
    env.publish_bytes(b"{", BasicProperties::default()).await;

    let receipts = [("bilag_stage", "receipt")];
    let waiting = wait_for_metrics(&collector, "six wait before the upload, and two are dead", |seen| {
        let pending = [("bilag_target", "omnium"), ("bilag_state", "pending")];
        seen.gauge("bilag_records_open", &pending) == Some(6.0)
            && seen.gauge("bilag_dead_letters", &receipts) == Some(1.0)
            && seen.sum("bilag_render_size_bytes_count", &[]) == 6.0
            && seen.sum(CONSUMED, &[("bilag_stage", "dead")]) == 2.0
    })
    .await;
    let held = [("bilag_stage", "upload"), ("bilag_pause_by", "hand")];
    assert_eq!(waiting.gauge("bilag_stage_paused", &held), Some(1.0));
    assert_eq!(waiting.gauge("bilag_stage_connected", &[("bilag_stage", "upload")]), Some(1.0));
    assert!(waiting.gauge("bilag_dead_oldest_age_seconds", &receipts) > Some(0.0));
    let omniums = [("bilag_target", "omnium")];
    assert!(waiting.gauge("bilag_records_oldest_pending_age_seconds", &omniums) > Some(0.0));
    assert_eq!(waiting.gauge("bilag_invoices_without_file", &[]), Some(0.0));
    assert_eq!(waiting.sum(CONSUMED, &receipts), 7.0);
    assert_eq!(waiting.sum(HANDLED, &[("bilag_stage", "receipt"), ("error_type", "")]), 6.0);
    assert_eq!(waiting.sum(HANDLED, &[("bilag_stage", "receipt"), ("error_type", "undecodable")]), 1.0);
    assert_eq!(waiting.sum(HANDLED, &[("messaging_destination_name", "bilag.render")]), 6.0);
    let undecodable = [("bilag_stage", "receipt"), ("bilag_reason", "undecodable")];
    assert_eq!(waiting.sum(DEAD, &undecodable), 1.0);
    let expired = [("bilag_stage", "upload"), ("bilag_reason", "expired")];
    assert_eq!(waiting.sum(DEAD, &expired), 1.0, "dead letters made by the broker are counted as well");
    assert_eq!(waiting.sum("bilag_render_duration_seconds_count", &[]), 6.0);
    let bytes = waiting.sum("bilag_render_size_bytes_sum", &[]);
    assert!(bytes > 6.0 * 5_000.0 && bytes < 6.0 * 200_000.0, "{bytes} bytes");

    env.ok(&["resume", "upload"]);
    let settled = wait_for_metrics(&collector, "four are complete, and two more are dead", |seen| {
        let dead = [("bilag_target", "omnium"), ("bilag_state", "dead")];
        seen.gauge("bilag_records_open", &dead) == Some(2.0)
            && seen.gauge("bilag_records_oldest_pending_age_seconds", &omniums) == Some(0.0)
            && seen.gauge("bilag_messages_in_hand", &[("bilag_stage", "upload")]) == Some(0.0)
    })
    .await;
    assert_eq!(env.records(State::Complete).await, 4);
    let upload = [("bilag_stage", "upload")];
    assert_eq!(settled.gauge("bilag_stage_paused", &held), Some(0.0));
    assert_eq!(settled.gauge("bilag_invoices_without_file", &omniums), Some(1.0));
    assert_eq!(settled.gauge("bilag_dead_letters", &upload), Some(3.0));
    let rejected = [("bilag_stage", "upload"), ("bilag_reason", "omnium_rejected")];
    assert_eq!(settled.sum(DEAD, &rejected), 2.0);
    assert_eq!(settled.sum(DEAD, &[]), 4.0);
    let failed = [("bilag_stage", "upload"), ("bilag_retry_why", "failed")];
    assert_eq!(settled.sum("bilag_messages_retried_total", &failed), 1.0);
    let retried = settled.sum("bilag_messages_retried_total", &upload);
    assert_eq!(settled.sum(CONSUMED, &upload), 6.0 + retried);
    assert_eq!(settled.sum(HANDLED, &upload), 6.0 + retried);
    assert_eq!(settled.sum("bilag_omnium_throttled_total", &[]), 1.0);
    assert_every_call_is_counted(&env, &settled);

    env.sandbox.stop_listening().await;
    for number in 7..=9 {
        env.publish(&receipt(number)).await;
    }
    let by_itself = [("bilag_stage", "upload"), ("bilag_pause_by", "itself")];
    let away = wait_for_metrics(&collector, "the stage is paused automatically", |seen| {
        seen.gauge("bilag_stage_paused", &by_itself) == Some(1.0)
    })
    .await;
    assert!(away.sum(HANDLED, &[("bilag_stage", "upload"), ("error_type", "unreached")]) > 0.0);
    assert!(away.sum(CALLS, &[("service_peer_name", "Omnium"), ("error_type", "refused")]) > 0.0);
    env.sandbox.listen_again().await.expect("the port is free");
    env.complete(7).await;
    let resumed = wait_for_metrics(&collector, "the publisher still works", |seen| {
        seen.gauge("bilag_stage_paused", &by_itself) == Some(0.0)
    })
    .await;
    assert!(resumed.sum("bilag_omnium_tokens_fetched_total", &[]) >= 1.0);

    all.terminate();
    eventually("it ends", async || all.has_ended()).await;
    assert_eq!(Seen::latest(&collector).sum(CONSUMED, &receipts), 10.0);
    assert_nothing_is_about_one_message(&resumed);
    assert_eq!(resumed.gauge("bilag_stage_lanes_paused", &upload), Some(0.0));
    let mut exported = webhook_metrics().await;
    exported.0.extend(resumed.0);
    assert_files_name_what_is_exported(&exported);
}

/// The metrics of an accepted, an unauthenticated and an unroutable webhook.
async fn webhook_metrics() -> Seen {
    let (mut env, collector) = env_with_collector("200").await;
    let ingress = env.ingress().await;
    let send = async |secret: &str| {
        let request = ingress.request("/webhooks/flow").bearer_auth(secret).json(&receipt(1));
        request.send().await.expect("an answer").status().as_u16()
    };
    let stranger = "a-stranger-of-the-shop";
    assert_eq!((send(Ingress::FLOW).await, send(stranger).await), (503, 401));
    env.ok(&["topology", "apply"]);
    assert_eq!(send(Ingress::FLOW).await, 202);
    let answered = |seen: &Seen, status| {
        let labels = [("http_route", "/webhooks/flow"), ("http_response_status_code", status)];
        seen.sum("http_server_request_duration_seconds_count", &labels)
    };
    wait_for_metrics(&collector, "each webhook is counted by its answer", |seen| {
        ["202", "401", "503"].iter().all(|status| answered(seen, status) == 1.0)
    })
    .await
}

/// Compares the calls that Omnium's stand-in recorded with the metrics.
fn assert_every_call_is_counted(env: &TestEnv, seen: &Seen) {
    let summary = env.sandbox.omnium.summary();
    for (call, template) in [
        (Call::Token, "/api/token"),
        (Call::Upsert, "/api/Invoices/UpdateInvoice"),
        (Call::Attach, "/api/Invoices/{invoiceId}/AddFileToInvoice"),
        (Call::Get, "/api/Invoices/{invoiceId}"),
    ] {
        let answered = summary.calls.get(&call).into_iter().flatten();
        for (code, count) in answered {
            let labels = [("url_template", template), ("http_response_status_code", code.as_str())];
            assert_eq!(seen.sum(CALLS, &labels), *count as f64, "{template} {code}");
        }
        let all: u64 = summary.calls.get(&call).into_iter().flatten().map(|(_, count)| count).sum();
        assert_eq!(seen.sum(CALLS, &[("url_template", template)]), all as f64, "{template}");
    }
    let given = summary.count(Call::Token, 200) as f64;
    assert_eq!(seen.sum("bilag_omnium_tokens_fetched_total", &[]), given);
}

/// Labels have bounded values: none identifies a receipt, a person or a shop.
fn assert_nothing_is_about_one_message(seen: &Seen) {
    let labels: BTreeSet<_> = seen.0.iter().flat_map(|sample| sample.labels.keys()).collect();
    let known = [
        "bilag_pause_by",
        "bilag_reason",
        "bilag_retry_why",
        "bilag_stage",
        "bilag_state",
        "bilag_target",
        "error_type",
        "http_request_method",
        "http_response_status_code",
        "messaging_destination_name",
        "messaging_operation_name",
        "messaging_system",
        "server_address",
        "server_port",
        "service_peer_name",
        "url_template",
    ];
    assert_eq!(labels.into_iter().map(String::as_str).collect::<Vec<_>>(), known);
    let event = receipt(1).to_string();
    for (label, text) in seen.0.iter().flat_map(|sample| &sample.labels) {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        assert!(is_number || !event.contains(&format!("\"{text}\"")), "{label}={text} is in the event");
        for id in ["rcpt-", "ord-", "evt-"] {
            assert!(!text.contains(id), "{label}={text}");
        }
    }
}

/// Dashboard and alerts use exported metrics only, and the dashboard shows all of them.
fn assert_files_name_what_is_exported(seen: &Seen) {
    let exported: BTreeSet<_> = seen.0.iter().map(|sample| sample.name.as_str()).collect();
    let labels: BTreeSet<_> = seen.0.iter().flat_map(|sample| sample.labels.keys()).collect();
    let (alerts, dashboard) = alerts_and_dashboard();
    for (file, expressions) in [("the alerts", &alerts), ("the dashboard", &dashboard)] {
        for name in metrics_in(expressions) {
            let is_known = exported.contains(name.as_str()) || labels.contains(&name);
            assert!(is_known, "{file}: nothing exports {name}");
        }
    }
    let shown = metrics_in(&dashboard);
    for name in &exported {
        let whole = name.trim_end_matches("_bucket").trim_end_matches("_count").trim_end_matches("_sum");
        assert!(shown.iter().any(|shown| shown.starts_with(whole)), "the dashboard does not show {name}");
    }
}

#[tokio::test]
async fn shutdown_flushes_metrics_and_traces() {
    let (env, collector) = env_with_collector("3600000").await;
    env.ok(&["topology", "apply"]);
    let mut consumer = env.consume(&["receipt"]).await;
    env.publish(&receipt(1)).await;
    let rendered = async || env.vhost.peek("bilag.render", 1).await.pop();
    eventually("its receipt is on its way", rendered).await;
    consumer.terminate();
    let ended = eventually("it ends", async || consumer.has_ended()).await;
    assert!(ended.success(), "{}", consumer.log());

    let exports = collector.metrics();
    let [export] = exports.as_slice() else { panic!("it is logged once: {}", exports.len()) };
    let seen = Seen(samples(export));
    assert_eq!(seen.sum(HANDLED, &[("bilag_stage", "receipt"), ("error_type", "")]), 1.0);
    let resource = export.resource.as_ref().expect("a resource");
    let names: BTreeSet<_> = resource.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    for name in ["service.name", "service.version", "service.instance.id", "host.name"] {
        assert!(names.contains(name), "{name} is not among {names:?}");
    }
}

#[tokio::test]
async fn each_signal_can_be_disabled_alone() {
    let (mut env, collector) = env_with_collector("100").await;
    env.set("OTEL_BSP_SCHEDULE_DELAY", "100");
    env.set("OTEL_METRICS_EXPORTER", "none");
    let traced = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    eventually("spans arrive", async || (!collector.spans().is_empty()).then_some(())).await;
    drop(traced);
    assert_eq!(collector.metrics().len(), 0);

    let spans = collector.spans().len();
    env.set("OTEL_METRICS_EXPORTER", "otlp");
    env.set("OTEL_TRACES_EXPORTER", "none");
    env.set("OTEL_SERVICE_NAME", "receipts-of-the-shop");
    let _measured = env.consume(&["all"]).await;
    env.publish(&receipt(2)).await;
    env.complete(2).await;
    let export = eventually("metrics arrive", async || collector.metrics().pop()).await;
    assert_eq!(collector.spans().len(), spans);
    let resource = format!("{:?}", export.resource);
    assert!(resource.contains("receipts-of-the-shop"), "{resource}");
}

#[tokio::test]
async fn unresponsive_collector_blocks_nothing() {
    let mut env = TestEnv::new().await;
    // The kernel accepts the connections, and nothing reads from them.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let endpoint = format!("http://{}", silent.local_addr().expect("an address"));
    env.set("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint);
    env.set("OTEL_METRIC_EXPORT_INTERVAL", "100");
    env.set("OTEL_BSP_SCHEDULE_DELAY", "100");
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;
    all.terminate();
    let ended = eventually("it ends", async || all.has_ended()).await;
    assert!(ended.success(), "{ended}: {}", all.log());
}
