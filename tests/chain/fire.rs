//! Under fire: nothing is lost and nothing is doubled while processes, the broker and the store are
//! killed and Omnium fails one call in five.

use std::collections::BTreeMap;
use std::time::Duration;

use bilag_tests::{Bilag, OwnBroker, OwnPostgres, Store, Till, Vhost, World, eventually_within, receipt};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sandbox::omnium::{Call, Fault, Options, Rule};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sync_store::{Page, RecordFilter, State};
use tokio::time::sleep;

const RECEIPTS: u32 = 1_000;
const STAGES: [&str; 8] = ["receipt", "receipt", "render", "render", "upload", "upload", "dead", "dead"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_receipts_survive_everything_being_killed() {
    let seed = rand::rng().random();
    println!("seed {seed}");
    let mut dice = StdRng::seed_from_u64(seed);
    let (broker, postgres) = (OwnBroker::start(), OwnPostgres::start());
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let omnium =
        Options { seed, faults: faults(), token_lifetime: Duration::from_secs(20), ..Options::default() };
    let options = sandbox::Options { omnium, ..Default::default() };
    let mut world = World::with(vhost, Store::Postgres(postgres.url.clone()), options).await;
    // So many attempts that chance cannot use them up.
    world.set("BILAG_RETRY_DELAYS", &["1s"; 100].join(","));
    world.set("OMNIUM_MAX_CONCURRENT_REQUESTS", "6");
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
        if complete == u64::from(RECEIPTS) && second > 40 {
            break;
        }
        assert!(second < 600, "only {complete} of {RECEIPTS} are complete: {counts:?}");
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
    verify(&world).await;
}

/// One call in five, of every kind that the vendor's documents let happen.
fn faults() -> Vec<Rule> {
    let some = |rate, fault| Rule { rate, ..Rule::new(fault) };
    let status = |status: u16, retry_after| Fault::Status {
        status: status.try_into().expect("a status"),
        retry_after,
        done: false,
    };
    vec![
        some(0.05, Fault::AnswerLost),
        some(0.03, Fault::Reset),
        some(0.02, Fault::Delay { ms: 2_500 }),
        some(0.03, status(500, None)),
        some(
            0.02,
            Fault::Status { status: 500.try_into().expect("a status"), retry_after: None, done: true },
        ),
        some(0.02, status(503, None)),
        some(0.01, status(429, Some(1))),
        some(0.02, Fault::Lag { ms: 1_000 }),
        some(0.20, Fault::Lag { ms: 1_000 }).on(Call::Get),
    ]
}

/// Every receipt one to three times, in any order, each time in an envelope of its own.
fn deliveries(dice: &mut StdRng) -> Vec<Value> {
    let mut deliveries = Vec::new();
    for number in 1..=RECEIPTS {
        for time in 0..*[1, 2, 3].choose(dice).expect("a choice") {
            let mut event = receipt(number);
            event["id"] = format!("evt-{number}-{time}").into();
            let place = dice.random_range(0..=deliveries.len());
            deliveries.insert(place, event);
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

/// By the sandbox's ledger and the store.
async fn verify(world: &World) {
    let summary = world.sandbox.omnium.summary();
    println!("calls: {:?}; at most {} at once", summary.calls, summary.max_in_flight);
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert_eq!(summary.invoices.len(), RECEIPTS as usize);

    let store = world.store().await;
    let page = Page::first(RECEIPTS + 1);
    let records = store.records(&RecordFilter::default(), page).await.expect("the store answers");
    let records: BTreeMap<_, _> =
        records.into_iter().map(|listed| (listed.record.key.receipt_uid.clone(), listed.record)).collect();
    assert_eq!(records.len(), RECEIPTS as usize);
    let template = receipt_pdf::Template::builtin("a4").expect("built in");
    for number in 1..=RECEIPTS {
        let event: events::ReceiptSettled = serde_json::from_value(receipt(number)).expect("a receipt");
        let pdf = receipt_pdf::render(template, &event).expect("a PDF").pdf;
        let sha256: String = Sha256::digest(&pdf).iter().map(|byte| format!("{byte:02x}")).collect();
        let uid = format!("rcpt-{number}");
        let invoice = &summary.invoices[&uid];
        let files: Vec<_> = invoice.files.iter().map(|file| (&*file.file_name, &*file.sha256)).collect();
        assert_eq!(files, [(&*format!("{number}.pdf"), &*sha256)], "{uid}");
        let record = &records[&uid];
        assert_eq!(record.state, State::Complete, "{uid}");
        assert_eq!(record.invoice_id.as_deref(), Some(&*uid));
        assert_eq!(record.pdf_sha256.as_deref(), Some(&*sha256), "{uid}");
    }
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}
