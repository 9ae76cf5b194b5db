//! That tenants are paused is measured, by their number: a stage that goes on for the others is not.

use bilag_tests::{Collector, TIMEOUT, eventually};
use sandbox::omnium::{Call, Rule};

use crate::telemetry::{Seen, told};
use crate::tenants::{receipt_of, status, world};

const LANES: &str = "bilag_stage_lanes_paused";
const UPLOAD: [(&str, &str); 1] = [("bilag_stage", "upload")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_tenant_is_counted_and_the_stage_as_running() {
    let ((mut world, _), collector) = (world().await, Collector::start().await);
    world.set("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint);
    world.set("OTEL_METRIC_EXPORT_INTERVAL", "200");
    let rule = Rule::new(status(401)).on(Call::Token).of("user-8");
    world.sandbox.omnium.add_fault(rule);
    let mut all = world.consume(&["all"]).await;
    told(&collector, "none is paused at first", |seen| seen.gauge(LANES, &UPLOAD) == Some(0.0)).await;
    for number in 1..=5 {
        world.publish(&receipt_of("7", 700 + number)).await;
        world.publish(&receipt_of("8", 800 + number)).await;
    }
    let paused = told(&collector, "one is paused", |seen| seen.gauge(LANES, &UPLOAD) == Some(1.0)).await;
    let by_itself = [("bilag_stage", "upload"), ("bilag_pause_by", "itself")];
    assert_eq!(paused.gauge("bilag_stage_paused", &by_itself), Some(0.0));
    assert_eq!(paused.gauge(LANES, &[("bilag_stage", "receipt")]), Some(0.0));
    let bulkheads = paused.0.iter().filter(|sample| sample.name == LANES);
    for sample in bulkheads {
        assert_eq!(sample.labels.keys().collect::<Vec<_>>(), ["bilag_stage"], "no tenant is named");
    }

    world.sandbox.omnium.clear_faults();
    world.complete_within(TIMEOUT, 10).await;
    told(&collector, "none is paused any more", |seen| seen.gauge(LANES, &UPLOAD) == Some(0.0)).await;
    all.terminate();
    eventually("it ends", async || all.has_ended()).await;
    assert_eq!(Seen::latest(&collector).gauge(LANES, &UPLOAD), Some(0.0));
}
