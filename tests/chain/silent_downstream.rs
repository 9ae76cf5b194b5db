//! Broker, store or all services stop answering with receipts in flight: packets are dropped silently.

use std::time::{Duration, Instant};

use bilag_tests::{Bilag, Route, Store, TestEnv, TestNetwork, Vhost, database, eventually, receipt};
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::State;

/// Receipts per batch. Attaches of the first and upserts of the second batch are in flight at once.
const TOGETHER: u32 = 7;

/// Documented maximum time from SIGTERM to the end of the process.
const STOPS_WITHIN: Duration = Duration::from_secs(25);

/// An environment whose services are reached by routes that can be cut.
struct SilencedEnv {
    env: TestEnv,
    network: TestNetwork,
    broker: Route,
    store: Route,
    omnium: Route,
    published: u32,
}

impl SilencedEnv {
    async fn new() -> Self {
        let database = database("").await;
        let mut env = TestEnv::on(Vhost::new().await, Store::Postgres(database.clone())).await;
        let mut network = TestNetwork::new();
        // A service's URL with the route's host and port.
        let mut by_line = |url: &str| {
            let (login, rest) = url.split_once('@').expect("a login");
            let (service, path) = rest.split_once('/').expect("a path");
            let line = network.route(service);
            (format!("{login}@{line}/{path}"), line)
        };
        let (amqp_url, broker) = by_line(&env.vhost.url);
        let (database_url, store) = by_line(&database);
        let omnium = network.route(&env.sandbox.address().to_string());
        env.set("BILAG_AMQP_URL", &amqp_url);
        env.set("BILAG_DATABASE_URL", &database_url);
        env.set("OMNIUM_BASE_URL", &format!("http://{omnium}"));
        env.set("OMNIUM_TIMEOUT", "3s");
        env.set("BILAG_RETRY_DELAYS", &["500ms"; 200].join(","));
        env.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{omnium}"));
        env.run_in(&network);
        Self { env, network, broker, store, omnium, published: 0 }
    }

    async fn publish(&mut self) {
        for _ in 0..TOGETHER {
            self.published += 1;
            self.env.publish(&receipt(self.published)).await;
        }
    }

    /// Publishes; returns with upserts and attaches in flight.
    async fn publish_in_flight(&mut self) {
        let before = self.env.sandbox.omnium.ledger().len();
        for call in [Call::Attach, Call::Upsert] {
            self.env.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 1_000 }).on(call));
        }
        let begun = async |sandbox: &sandbox::Sandbox, call: Call, count: u32| {
            eventually("calls are in flight", async || {
                let ledger = sandbox.omnium.ledger();
                let calls = ledger[before..].iter().filter(|entry| entry.call == call).count();
                (calls >= count as usize).then_some(())
            })
            .await;
        };
        self.publish().await;
        begun(&self.env.sandbox, Call::Attach, 1).await;
        self.publish().await;
        begun(&self.env.sandbox, Call::Upsert, TOGETHER + 1).await;
    }

    async fn assert_exactly_once(&self) {
        self.env.sandbox.omnium.clear_faults();
        self.env.complete(self.published.into()).await;
        for line in [&self.broker, &self.store, &self.omnium] {
            self.network.wait_until_drained(line).await;
        }
        assert_eq!(self.env.dead_letters(), [] as [serde_json::Value; 0]);
        self.env.assert_exactly_once(1..=self.published);
    }

    /// Silences one route for each of these durations in seconds.
    async fn withstands(mut self, line: fn(&Self) -> &Route, lengths: &[u64]) {
        let mut all = self.env.consume(&["all"]).await;
        for length in lengths {
            self.publish_in_flight().await;
            self.network.silence(line(&self), Duration::from_secs(*length)).await;
            self.assert_exactly_once().await;
        }
        assert!(all.has_ended().is_none(), "{}", all.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_store_silence_below_and_above_the_timeout() {
    SilencedEnv::new().await.withstands(|silent| &silent.store, &[2, 6, 12]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_broker_silence_below_the_heartbeat() {
    SilencedEnv::new().await.withstands(|silent| &silent.broker, &[4, 14]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_broker_silence_beyond_two_heartbeats() {
    SilencedEnv::new().await.withstands(|silent| &silent.broker, &[40]).await;
}

/// Sends SIGTERM, and waits until the process has ended within the documented time.
async fn ends_in_time(bilag: &mut Bilag) {
    let signalled = Instant::now();
    bilag.terminate();
    let ended = eventually("it has ended", async || bilag.has_ended()).await;
    let took = signalled.elapsed();
    assert!(took <= STOPS_WITHIN, "it took {took:?}:\n{}", bilag.log());
    assert_eq!(ended.code(), Some(0), "{}", bilag.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_in_time_while_everything_is_silent() {
    let mut silent = SilencedEnv::new().await;
    let mut first = silent.env.consume(&["all"]).await;
    silent.publish_in_flight().await;
    let lines = [&silent.broker, &silent.store, &silent.omnium];
    lines.iter().for_each(|line| silent.network.cut(line));
    let (pending, attaching) =
        (silent.env.records(State::Pending).await, silent.env.records(State::Attaching).await);
    assert!(pending + attaching > 0, "nothing was in flight");
    ends_in_time(&mut first).await;
    lines.iter().for_each(|line| silent.network.heal(line));
    let _second = silent.env.consume(&["all"]).await;
    silent.assert_exactly_once().await;
}
