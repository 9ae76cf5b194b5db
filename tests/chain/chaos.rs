//! Chaos: nothing is lost and nothing is duplicated while processes, the broker and the store are
//! killed, and Omnium, the invoice service, the OMS and the ERP fail one call in five.

mod faults;
mod verify;

use std::time::Duration;

use bilag_tests::{
    Bilag, PrivateBroker, PrivatePostgres, RetryingPublisher, Store, TestEnv, Vhost,
    eventually_with_progress, package, receipt, transitioned,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use sync_store::State;
use tokio::time::sleep;

/// Receipts of tills.
const RECEIPTS: u32 = 700;
/// Packages; the invoice service issues a receipt for each.
const PACKAGES: u32 = 300;
/// Omnium gets both, the OMS and the ERP the invoices of packages.
const RECORDS: u64 = RECEIPTS as u64 + 3 * PACKAGES as u64;

const STAGES: [&str; 13] = [
    "packed",
    "packed",
    "receipt",
    "receipt",
    "render",
    "render",
    "upload",
    "upload",
    "writeback",
    "writeback",
    "erp",
    "dead",
    "dead",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_receipts_survive_killing_every_component() {
    run_chaos("file").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_receipts_attached_as_assets_survive_kills() {
    run_chaos("asset").await;
}

async fn run_chaos(attach_by: &str) {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let (broker, postgres) = (PrivateBroker::start(), PrivatePostgres::start());
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let mut env = TestEnv::with(vhost, Store::Postgres(postgres.url.clone()), faults::options(seed)).await;
    faults::add(&env.sandbox);
    env.enable_packages();
    env.enable_erp();
    // Enough attempts that random faults cannot exhaust them.
    env.set("BILAG_RETRY_DELAYS", &["1s"; 100].join(","));
    env.set("OMNIUM_MAX_CONCURRENT_REQUESTS", "6");
    env.set("OMNIUM_ATTACH_BY", attach_by);
    let store = env.store().await;
    env.ok(&["topology", "apply"]);

    let publishing = tokio::spawn(publish(env.vhost.url.clone(), deliveries(&mut dice)));
    let mut processes: Vec<Bilag> = STAGES.map(|stage| env.start(&["consume", stage])).into();
    let mut printed = 0;
    for second in 0.. {
        // A process that ended because broker or store was down is restarted, as systemd would.
        let victim = dice.random_range(0..processes.len());
        processes[victim].kill();
        for (process, stage) in processes.iter_mut().zip(STAGES) {
            if process.has_ended().is_some() {
                *process = env.start(&["consume", stage]);
            }
        }
        match second {
            15 | 35 => broker.kill(),
            18 | 38 => broker.restart(),
            25 => postgres.kill(),
            28 => postgres.restart(),
            _ => {}
        }
        sleep(Duration::from_secs(1)).await;
        let Ok(counts) = store.counts().await else { continue };
        let complete: u64 =
            counts.iter().filter(|count| count.state == State::Complete).map(|c| c.count).sum();
        if complete / 100 > printed {
            printed = complete / 100;
            println!("{second} s: {complete} complete");
        }
        if complete == RECORDS && second > 40 {
            break;
        }
        assert!(second < 600, "only {complete} of {RECORDS} are complete: {counts:?}");
    }
    publishing.await.expect("everything is published");

    eventually_with_progress("every queue is empty", async || {
        let queues = env.vhost.get("queues/{vhost}").await;
        let queues = queues.as_array().cloned().unwrap_or_default();
        let left: Vec<_> = queues.iter().filter(|queue| queue["messages"] != 0).collect();
        if left.is_empty() && !queues.is_empty() {
            return Ok(());
        }
        let messages: i64 = left.iter().filter_map(|queue| queue["messages"].as_i64()).sum();
        let so_far = left.iter().map(|queue| format!("{} in {}", queue["messages"], queue["name"]));
        Err((-messages, so_far.collect::<Vec<_>>().join(", ")))
    })
    .await;
    for process in &processes {
        process.terminate();
    }
    verify::verify(&env).await;
}

/// Every receipt one to three times, and every package in both event forms, in random order, each time
/// with its own event id.
fn deliveries(dice: &mut StdRng) -> Vec<Value> {
    let mut deliveries = Vec::new();
    let mut deliver = |event: Value, dice: &mut StdRng| {
        let place = dice.random_range(0..=deliveries.len());
        deliveries.insert(place, event);
    };
    for number in 1..=RECEIPTS {
        for time in 0..*[1, 2, 3].choose(dice).expect("a choice") {
            let mut event = receipt(number);
            event["id"] = format!("evt-{number}-{time}").into();
            deliver(event, dice);
        }
    }
    for id in 1..=u64::from(PACKAGES) {
        for form in [package, transitioned] {
            for time in 0..*[1, 2, 3].choose(dice).expect("a choice") {
                let mut event = form(id);
                let uuid = event["event"]["uuid"].as_str().expect("a uuid").to_owned();
                event["event"]["uuid"] = json!(format!("{uuid}-{time}"));
                deliver(event, dice);
            }
        }
    }
    deliveries
}

/// Publishes over half a minute; unconfirmed events are published again.
async fn publish(url: String, events: Vec<Value>) {
    let mut till = RetryingPublisher::new(&url);
    let pause = Duration::from_secs(30) / u32::try_from(events.len()).expect("not that many");
    for event in events {
        till.publish(&event).await;
        sleep(pause).await;
    }
}
