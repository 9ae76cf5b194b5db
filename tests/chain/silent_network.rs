//! A silent network: packets are dropped without an answer, then let through again. The kernel then
//! retransmits what it holds of a request, long after the client has timed out.

use std::time::Duration;

use bilag_tests::{Bilag, Route, TestEnv, TestNetwork, eventually, receipt};
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::{Page, RecordFilter, State};

/// Receipts in flight while the route is cut.
const IN_FLIGHT: u32 = 14;

/// Receipts completed before, so that open connections exist.
const BEFORE: u32 = 16;

/// The calls in flight while the route is cut.
#[derive(Clone, Copy)]
enum InFlight {
    Upserts,
    Attaches,
}

/// An environment that reaches Omnium by a route that can be cut, and everything else by routes that stay.
async fn test_env(omnium_timeout: &str) -> (TestEnv, TestNetwork, Route, Bilag) {
    let mut env = TestEnv::new().await;
    let mut network = TestNetwork::new();
    let omnium = network.route(&env.sandbox.address().to_string());
    let (login, broker) = env.vhost.url.split_once('@').expect("a login");
    let (broker, vhost) = broker.split_once('/').expect("a vhost");
    let line = network.route(broker);
    let (amqp, omnium_url) = (format!("{login}@{line}/{vhost}"), format!("http://{omnium}"));
    env.set("BILAG_AMQP_URL", &amqp);
    env.set("OMNIUM_BASE_URL", &omnium_url);
    env.set("OMNIUM_TIMEOUT", omnium_timeout);
    env.set("BILAG_RETRY_DELAYS", &["500ms"; 100].join(","));
    env.run_in(&network);
    let all = env.consume(&["all"]).await;
    // All were in flight at once, which leaves as many open connections to Omnium.
    env.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 500 }));
    for number in 1..=BEFORE {
        env.publish(&receipt(number)).await;
    }
    env.complete(BEFORE.into()).await;
    env.sandbox.omnium.clear_faults();
    (env, network, omnium, all)
}

/// Cuts the route so that all requests of one kind are in the kernel's send buffers.
async fn cut(env: &TestEnv, network: &TestNetwork, omnium: &Route, in_flight: InFlight) {
    match in_flight {
        InFlight::Upserts => {
            network.cut(omnium);
            publish(env).await;
        }
        InFlight::Attaches => {
            // The answers to the upserts arrive; the attaches that follow do not.
            let slow = Rule::new(Fault::SlowAnswer { ms: 1_500 }).on(Call::Upsert);
            env.sandbox.omnium.add_fault(slow);
            publish(env).await;
            let upserts = (BEFORE + IN_FLIGHT) as usize;
            eventually("all are being created", async || {
                let ledger = env.sandbox.omnium.ledger();
                (ledger.iter().filter(|entry| entry.call == Call::Upsert).count() >= upserts).then_some(())
            })
            .await;
            network.cut_towards_service(omnium);
            let store = env.store().await;
            let attaching = RecordFilter { state: Some(State::Attaching), ..RecordFilter::default() };
            eventually("all are being attached", async || {
                let records = store.records(&attaching, Page::first(100)).await.ok()?;
                (records.len() == IN_FLIGHT as usize).then_some(())
            })
            .await;
            network.cut(omnium);
        }
    }
}

async fn publish(env: &TestEnv) {
    for number in BEFORE + 1..=BEFORE + IN_FLIGHT {
        env.publish(&receipt(number)).await;
    }
}

async fn assert_exactly_once(env: &TestEnv, network: &TestNetwork, omnium: &Route) {
    env.complete((BEFORE + IN_FLIGHT).into()).await;
    network.wait_until_drained(omnium).await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=BEFORE + IN_FLIGHT);
}

async fn silent_for(omnium_timeout: &str, silence: Duration, in_flight: InFlight) {
    let (env, network, omnium, _all) = test_env(omnium_timeout).await;
    cut(&env, &network, &omnium, in_flight).await;
    network.silence(&omnium, silence).await;
    assert_exactly_once(&env, &network, &omnium).await;
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
        let (env, network, omnium, mut first) = test_env("3s").await;
        cut(&env, &network, &omnium, in_flight).await;
        first.terminate();
        let ended = async { eventually("it has ended", async || first.has_ended()).await };
        let (ended, ()) = tokio::join!(ended, network.silence(&omnium, seconds(7)));
        assert_eq!(ended.code(), Some(0), "{}", first.log());
        let _second = env.consume(&["all"]).await;
        assert_exactly_once(&env, &network, &omnium).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumer_killed_during_silence_and_restarted() {
    for in_flight in [InFlight::Upserts, InFlight::Attaches] {
        let (env, network, omnium, mut first) = test_env("3s").await;
        cut(&env, &network, &omnium, in_flight).await;
        first.kill();
        let _second = env.consume(&["all"]).await;
        network.silence(&omnium, seconds(7)).await;
        assert_exactly_once(&env, &network, &omnium).await;
    }
}
