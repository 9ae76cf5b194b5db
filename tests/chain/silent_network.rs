//! A network that goes silent: packets are dropped without an answer, and let through again. What the
//! kernel holds of a request is sent again then, long after the client has given up on it.

use std::time::Duration;

use bilag_tests::{Bilag, Line, TIMEOUT, Wire, World, eventually, receipt};
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::{Page, RecordFilter, State};

/// Receipts in flight while the line is cut.
const IN_HAND: u32 = 14;

/// As many are complete before: their connections are there to be written to.
const BEFORE: u32 = 16;

/// What is in flight while the line is cut.
#[derive(Clone, Copy)]
enum InFlight {
    Upserts,
    Attaches,
}

/// A world that reaches Omnium by a line that can be cut, and everything else by lines that stay.
async fn world(omnium_timeout: &str) -> (World, Wire, Line, Bilag) {
    let mut world = World::new().await;
    let mut wire = Wire::new();
    let omnium = wire.line(&world.sandbox.address().to_string());
    let (login, broker) = world.vhost.url.split_once('@').expect("a login");
    let (broker, vhost) = broker.split_once('/').expect("a vhost");
    let line = wire.line(broker);
    let (amqp, omnium_url) = (format!("{login}@{line}/{vhost}"), format!("http://{omnium}"));
    world.set("BILAG_AMQP_URL", &amqp);
    world.set("OMNIUM_BASE_URL", &omnium_url);
    world.set("OMNIUM_TIMEOUT", omnium_timeout);
    world.set("BILAG_RETRY_DELAYS", &["500ms"; 100].join(","));
    world.behind(&wire);
    let all = world.consume(&["all"]).await;
    // Connections to Omnium, kept open by all of them having been in flight at once.
    world.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 500 }));
    for number in 1..=BEFORE {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, BEFORE.into()).await;
    world.sandbox.omnium.clear_faults();
    (world, wire, omnium, all)
}

/// Cuts the line so that all requests of one kind are in the kernel's hand.
async fn cut(world: &World, wire: &Wire, omnium: &Line, in_flight: InFlight) {
    match in_flight {
        InFlight::Upserts => {
            wire.cut(omnium);
            publish(world).await;
        }
        InFlight::Attaches => {
            // The answers to the upserts come through, and the attaches that follow do not.
            let slow = Rule::new(Fault::SlowAnswer { ms: 1_500 }).on(Call::Upsert);
            world.sandbox.omnium.add_fault(slow);
            publish(world).await;
            let upserts = (BEFORE + IN_HAND) as usize;
            eventually("all are being created", async || {
                let ledger = world.sandbox.omnium.ledger();
                (ledger.iter().filter(|entry| entry.call == Call::Upsert).count() >= upserts).then_some(())
            })
            .await;
            wire.cut_towards_service(omnium);
            let store = world.store().await;
            let attaching = RecordFilter { state: Some(State::Attaching), ..RecordFilter::default() };
            eventually("all are being attached", async || {
                let records = store.records(&attaching, Page::first(100)).await.ok()?;
                (records.len() == IN_HAND as usize).then_some(())
            })
            .await;
            wire.cut(omnium);
        }
    }
}

async fn publish(world: &World) {
    for number in BEFORE + 1..=BEFORE + IN_HAND {
        world.publish(&receipt(number)).await;
    }
}

async fn everything_is_there_once(world: &World, wire: &Wire, omnium: &Line) {
    world.complete_within(TIMEOUT, (BEFORE + IN_HAND).into()).await;
    wire.delivered(omnium).await;
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=BEFORE + IN_HAND);
}

async fn silent_for(omnium_timeout: &str, silence: Duration, in_flight: InFlight) {
    let (world, wire, omnium, _all) = world(omnium_timeout).await;
    cut(&world, &wire, &omnium, in_flight).await;
    wire.silence(&omnium, silence).await;
    everything_is_there_once(&world, &wire, &omnium).await;
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attach_timeout_3_s_silence_7_s() {
    silent_for("3s", seconds(7), InFlight::Attaches).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attach_timeout_5_s_silence_13_s() {
    silent_for("5s", seconds(13), InFlight::Attaches).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attach_timeout_10_s_silence_20_s() {
    silent_for("10s", seconds(20), InFlight::Attaches).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attach_silence_below_the_timeout() {
    silent_for("5s", seconds(4), InFlight::Attaches).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_timeout_3_s_silence_7_s() {
    silent_for("3s", seconds(7), InFlight::Upserts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn create_timeout_10_s_silence_20_s() {
    silent_for("10s", seconds(20), InFlight::Upserts).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumer_terminated_during_silence_and_restarted() {
    for in_flight in [InFlight::Upserts, InFlight::Attaches] {
        let (world, wire, omnium, mut first) = world("3s").await;
        cut(&world, &wire, &omnium, in_flight).await;
        first.terminate();
        let ended = async { eventually("it has ended", async || first.has_ended()).await };
        let (ended, ()) = tokio::join!(ended, wire.silence(&omnium, seconds(7)));
        assert_eq!(ended.code(), Some(0), "{}", first.log());
        let _second = world.consume(&["all"]).await;
        everything_is_there_once(&world, &wire, &omnium).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumer_killed_during_silence_and_restarted() {
    for in_flight in [InFlight::Upserts, InFlight::Attaches] {
        let (world, wire, omnium, mut first) = world("3s").await;
        cut(&world, &wire, &omnium, in_flight).await;
        first.kill();
        let _second = world.consume(&["all"]).await;
        wire.silence(&omnium, seconds(7)).await;
        everything_is_there_once(&world, &wire, &omnium).await;
    }
}
