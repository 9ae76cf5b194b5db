//! The cost of a paused tenant's messages for a healthy tenant: in retry queues, and in separate queues.

use std::time::{Duration, Instant};

use amqp::{Broker, Exchange, Topology, WorkQueue};
use bilag_tests::{Bilag, PrivateBroker, Store, TestEnv, Vhost, receipt};
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::json;
use tokio::time::sleep;

use crate::throughput;

/// Receipts of each tenant.
const RECEIPTS: u32 = 2_000;

/// How long the parked messages are measured alone.
const AT_REST: Duration = Duration::from_secs(30);

/// Tenants with separate queues.
const TENANTS: usize = 20;

const FILE: &str = r#"
[tenant.7]
client-id = {env="SEVEN"}
client-secret = {env="SEVEN"}
[tenant.8]
client-id = {env="EIGHT"}
client-secret = {env="EIGHT"}
"#;

/// Measures the healthy tenant alone, then beside one whose messages are parked; and the cost of queues per
/// tenant.
pub async fn measure(broker: &PrivateBroker) {
    println!("\ntenants         {RECEIPTS} receipts of a healthy tenant, one process a consumer");
    for (what, parked, delays) in [
        ("nothing parked", 0, "5s,30s,2m,10m,1h"),
        ("retry queues, shared out", RECEIPTS, "5s,30s,2m,10m,1h"),
        ("shortest retry queue only", RECEIPTS, "5s"),
        ("nothing parked", 0, "5s,30s,2m,10m,1h"),
    ] {
        let Measured { per_second, cpu, at_rest } = beside(broker, parked, delays).await;
        let (micros, share) = (cpu.as_micros() / u128::from(RECEIPTS), at_rest * 100.0);
        println!(
            "  {what:<20}{parked:>6} parked: {share:>5.1} % of a processor, {per_second:>5.0} receipts/s, {micros} µs of upload each"
        );
    }
    let took = own_queues(broker).await;
    let each = took.as_secs_f64() / TENANTS as f64;
    println!(
        "  queues of its own   declared for {TENANTS} tenants in {:.2} s, {each:.3} s each",
        took.as_secs_f64()
    );
}

struct Measured {
    /// Receipts of the healthy tenant a second, end to end.
    per_second: f64,
    /// The upload consumer's processor time for all of them.
    cpu: Duration,
    /// Its share of a processor before they were published.
    at_rest: f64,
}

/// Measures the healthy tenant's receipts while so many messages of the other are parked.
async fn beside(broker: &PrivateBroker, parked: u32, delays: &str) -> Measured {
    let mut env = TestEnv::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    let file = env.file("tenants.toml", FILE).display().to_string();
    for (name, value) in [
        ("BILAG_TENANTS", &*file),
        ("SEVEN", "seven"),
        ("EIGHT", "eight"),
        ("BILAG_RETRY_DELAYS", delays),
        ("BILAG_LOG", "warn,amqp=info"),
    ] {
        env.set(name, value);
    }
    let refused = Fault::Status { status: 401.try_into().expect("a status"), retry_after: None, done: false };
    env.sandbox.omnium.add_fault(Rule::new(refused).on(Call::Token).of("eight"));
    let others = env.consume(&["receipt", "render", "dead"]).await;
    let upload = env.consume(&["upload"]).await;
    publish(&env, "8", 1..=parked).await;
    until("they are parked", async || parked == 0 || is_drained(&env, &upload).await).await;

    let spent = upload.cpu();
    sleep(AT_REST).await;
    let at_rest = (upload.cpu() - spent).as_secs_f64() / AT_REST.as_secs_f64();
    let (begun, spent) = (Instant::now(), upload.cpu());
    publish(&env, "7", 100_001..=100_000 + RECEIPTS).await;
    until("the healthy ones are complete", async || env.sandbox.omnium.files() >= u64::from(RECEIPTS)).await;
    let per_second = f64::from(RECEIPTS) / begun.elapsed().as_secs_f64();
    let cpu = upload.cpu() - spent;
    drop((others, upload));
    Measured { per_second, cpu, at_rest }
}

/// Whether the tenant is paused and every work queue is empty.
async fn is_drained(env: &TestEnv, upload: &Bilag) -> bool {
    if !upload.log().contains("bulkhead paused") {
        return false;
    }
    let mut waiting = 0;
    for stage in ["receipt", "render", "upload"] {
        waiting += env.vhost.ready(&format!("bilag.{stage}")).await.unwrap_or(1);
    }
    waiting == 0
}

async fn publish(env: &TestEnv, tenant: &str, numbers: impl Iterator<Item = u32>) {
    let event = |number| {
        let mut event = receipt(number);
        event["tenant"]["uid"] = json!(tenant);
        event.to_string().into_bytes()
    };
    throughput::publish(env.vhost.url.clone(), numbers.map(event).collect()).await;
}

/// Declares a work queue with its retry, dead-letter and discard queues for each tenant.
async fn own_queues(broker: &PrivateBroker) -> Duration {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let url = Broker::parse(&vhost.url, "bench").expect("a URL");
    let delays = ["5s", "30s", "2m", "10m", "1h"].map(|delay| delay.parse().expect("a delay")).to_vec();
    let names = (0..TENANTS).map(|tenant| &*format!("upload.tenant.{tenant}").leak());
    let bindings = |name: &str| vec![(Exchange::Events, name.to_owned())];
    let work_queues = names.map(|name| WorkQueue { stage: name, bindings: bindings(name) }).collect();
    let topology = Topology { bus: "events".to_owned(), work_queues, delays };
    let begun = Instant::now();
    amqp::apply(&url, &topology).await.expect("declared");
    begun.elapsed()
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < Duration::from_secs(600), "not within ten minutes: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
