//! The number of paused tenants is a metric; a stage that continues for the others does not count as paused.

use bilag_tests::{Collector, eventually};
use sandbox::omnium::{Call, Rule};

use crate::telemetry::{Seen, wait_for_metrics};
use crate::tenants::{receipt_of, status, test_env};

const PAUSED_BULKHEADS: &str = "bilag_stage_lanes_paused";
const UPLOAD: [(&str, &str); 1] = [("bilag_stage", "upload")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_tenant_is_counted_and_the_stage_as_running() {
    let ((mut env, _), collector) = (test_env().await, Collector::start().await);
    env.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    env.set("OTEL_METRIC_EXPORT_INTERVAL", "200");
    let rule = Rule::new(status(401)).on(Call::Token).of("user-8");
    env.sandbox.omnium.add_fault(rule);
    let mut all = env.consume(&["all"]).await;
    wait_for_metrics(&collector, "none is paused at first", |seen| {
        seen.gauge(PAUSED_BULKHEADS, &UPLOAD) == Some(0.0)
    })
    .await;
    for number in 1..=5 {
        env.publish(&receipt_of("7", 700 + number)).await;
        env.publish(&receipt_of("8", 800 + number)).await;
    }
    let paused = wait_for_metrics(&collector, "one is paused", |seen| {
        seen.gauge(PAUSED_BULKHEADS, &UPLOAD) == Some(1.0)
    })
    .await;
    let by_itself = [("bilag_stage", "upload"), ("bilag_pause_by", "itself")];
    assert_eq!(paused.gauge("bilag_stage_paused", &by_itself), Some(0.0));
    assert_eq!(paused.gauge(PAUSED_BULKHEADS, &[("bilag_stage", "receipt")]), Some(0.0));
    let bulkheads = paused.0.iter().filter(|sample| sample.name == PAUSED_BULKHEADS);
    for sample in bulkheads {
        assert_eq!(sample.labels.keys().collect::<Vec<_>>(), ["bilag_stage"], "no tenant is named");
    }

    env.sandbox.omnium.clear_faults();
    env.complete(10).await;
    wait_for_metrics(&collector, "none is paused any more", |seen| {
        seen.gauge(PAUSED_BULKHEADS, &UPLOAD) == Some(0.0)
    })
    .await;
    all.terminate();
    eventually("it ends", async || all.has_ended()).await;
    assert_eq!(Seen::latest(&collector).gauge(PAUSED_BULKHEADS, &UPLOAD), Some(0.0));
}
