//! Under fire: nothing is lost and nothing is doubled while processes, the broker and the store are
//! killed, and Omnium, the invoice service, the OMS and the ERP fail one call in five.

mod faults;
mod verify;

use std::time::Duration;

use bilag_tests::{
    Bilag, OwnBroker, OwnPostgres, Store, Till, Vhost, World, eventually_within, package, receipt,
    transitioned,
};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use sync_store::State;
use tokio::time::sleep;

/// Receipts of tills.
const RECEIPTS: u32 = 700;
/// Packages, each of which gets a receipt as well.
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
    under_fire("file").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_receipts_attached_as_assets_survive_kills() {
    under_fire("asset").await;
}

async fn under_fire(attach_by: &str) {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let (broker, postgres) = (OwnBroker::start(), OwnPostgres::start());
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let mut world = World::with(vhost, Store::Postgres(postgres.url.clone()), faults::options(seed)).await;
    faults::add(&world.sandbox);
    world.hear_packages();
    world.deliver_to_erp();
    // So many attempts that chance cannot use them up.
    world.set("BILAG_RETRY_DELAYS", &["1s"; 100].join(","));
    world.set("OMNIUM_MAX_CONCURRENT_REQUESTS", "6");
    world.set("OMNIUM_ATTACH_BY", attach_by);
    let store = world.store().await;
    world.ok(&["topology", "apply"]);

    let publishing = tokio::spawn(publish(world.vhost.url.clone(), deliveries(&mut dice)));
    let mut processes: Vec<Bilag> = STAGES.map(|stage| world.start(&["consume", stage])).into();
    let mut told = 0;
    for second in 0.. {
        // One that ended for want of a broker or a store is started again, as systemd would.
        let victim = dice.random_range(0..processes.len());
        processes[victim].kill();
        for (process, stage) in processes.iter_mut().zip(STAGES) {
            if process.has_ended().is_some() {
                *process = world.start(&["consume", stage]);
            }
        }
        match second {
            15 | 35 => broker.kill(),
            18 | 38 => broker.start_again(),
            25 => postgres.kill(),
            28 => postgres.start_again(),
            _ => {}
        }
        sleep(Duration::from_secs(1)).await;
        let Ok(counts) = store.counts().await else { continue };
        let complete: u64 =
            counts.iter().filter(|count| count.state == State::Complete).map(|c| c.count).sum();
        if complete / 100 > told {
            told = complete / 100;
            println!("{second} s: {complete} complete");
        }
        if complete == RECORDS && second > 40 {
            break;
        }
        assert!(second < 600, "only {complete} of {RECORDS} are complete: {counts:?}");
    }
    publishing.await.expect("everything is published");

    eventually_within(Duration::from_secs(90), "every queue is empty", async || {
        let queues = world.vhost.get("queues/{vhost}").await;
        let queues = queues.as_array().cloned().unwrap_or_default();
        let all_empty = queues.iter().all(|queue| queue["messages"] == 0);
        (all_empty && !queues.is_empty()).then_some(())
    })
    .await;
    for process in &processes {
        process.terminate();
    }
    verify::verify(&world).await;
}

/// Every receipt one to three times, and every package in each of its two forms, in any order, each time
/// in an envelope of its own.
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

/// Publishes over half a minute; what is not confirmed is published again.
async fn publish(url: String, events: Vec<Value>) {
    let mut till = Till::new(&url);
    let pause = Duration::from_secs(30) / u32::try_from(events.len()).expect("not that many");
    for event in events {
        till.publish(&event).await;
        sleep(pause).await;
    }
}
