//! Broker, store or all services go silent with receipts in flight: packets are dropped without an answer.

use std::time::{Duration, Instant};

use bilag_tests::{Bilag, Line, Store, TIMEOUT, Vhost, Wire, World, database, eventually, receipt};
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::State;

/// Receipts that come together. Attaches of the first and upserts of the second are in flight at once.
const TOGETHER: u32 = 7;

/// From SIGTERM to the end of the process, as operators are told.
const STOPS_WITHIN: Duration = Duration::from_secs(25);

/// A world whose services are reached by lines that can be cut.
struct Silent {
    world: World,
    wire: Wire,
    broker: Line,
    store: Line,
    omnium: Line,
    published: u32,
}

impl Silent {
    async fn new() -> Self {
        let database = database("").await;
        let mut world = World::on(Vhost::new().await, Store::Postgres(database.clone())).await;
        let mut wire = Wire::new();
        // The URL of a service with its line in the place of its host and port.
        let mut by_line = |url: &str| {
            let (login, rest) = url.split_once('@').expect("a login");
            let (service, path) = rest.split_once('/').expect("a path");
            let line = wire.line(service);
            (format!("{login}@{line}/{path}"), line)
        };
        let (amqp_url, broker) = by_line(&world.vhost.url);
        let (database_url, store) = by_line(&database);
        let omnium = wire.line(&world.sandbox.address().to_string());
        world.set("BILAG_AMQP_URL", &amqp_url);
        world.set("BILAG_DATABASE_URL", &database_url);
        world.set("OMNIUM_BASE_URL", &format!("http://{omnium}"));
        world.set("OMNIUM_TIMEOUT", "3s");
        world.set("BILAG_RETRY_DELAYS", &["500ms"; 200].join(","));
        world.set("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{omnium}"));
        world.behind(&wire);
        Self { world, wire, broker, store, omnium, published: 0 }
    }

    async fn publish(&mut self) {
        for _ in 0..TOGETHER {
            self.published += 1;
            self.world.publish(&receipt(self.published)).await;
        }
    }

    /// Publishes, and returns with upserts and attaches in flight.
    async fn set_off(&mut self) {
        let before = self.world.sandbox.omnium.ledger().len();
        for call in [Call::Attach, Call::Upsert] {
            self.world.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 1_000 }).on(call));
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
        begun(&self.world.sandbox, Call::Attach, 1).await;
        self.publish().await;
        begun(&self.world.sandbox, Call::Upsert, TOGETHER + 1).await;
    }

    async fn everything_is_there_once(&self) {
        self.world.sandbox.omnium.clear_faults();
        self.world.complete_within(TIMEOUT, self.published.into()).await;
        for line in [&self.broker, &self.store, &self.omnium] {
            self.wire.delivered(line).await;
        }
        assert_eq!(self.world.dead_letters(), [] as [serde_json::Value; 0]);
        self.world.assert_exactly_once(1..=self.published);
    }

    /// Lets one line go silent for each of these lengths.
    async fn withstands(mut self, line: fn(&Self) -> &Line, lengths: &[u64]) {
        let mut all = self.world.consume(&["all"]).await;
        for length in lengths {
            self.set_off().await;
            self.wire.silence(line(&self), Duration::from_secs(*length)).await;
            self.everything_is_there_once().await;
        }
        assert!(all.has_ended().is_none(), "{}", all.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_store_silence_below_and_above_the_timeout() {
    Silent::new().await.withstands(|silent| &silent.store, &[2, 6, 12]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_broker_silence_below_the_heartbeat() {
    Silent::new().await.withstands(|silent| &silent.broker, &[4, 14]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_broker_silence_beyond_two_heartbeats() {
    Silent::new().await.withstands(|silent| &silent.broker, &[40]).await;
}

/// Tells it to end, and waits until it has: within the time that operators are told.
async fn ends_in_time(bilag: &mut Bilag) {
    let told = Instant::now();
    bilag.terminate();
    let ended = eventually("it has ended", async || bilag.has_ended()).await;
    let took = told.elapsed();
    assert!(took <= STOPS_WITHIN, "it took {took:?}:\n{}", bilag.log());
    assert_eq!(ended.code(), Some(0), "{}", bilag.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_in_time_while_everything_is_silent() {
    let mut silent = Silent::new().await;
    let mut first = silent.world.consume(&["all"]).await;
    silent.set_off().await;
    let lines = [&silent.broker, &silent.store, &silent.omnium];
    lines.iter().for_each(|line| silent.wire.cut(line));
    let (pending, attaching) =
        (silent.world.records(State::Pending).await, silent.world.records(State::Attaching).await);
    assert!(pending + attaching > 0, "nothing was in flight");
    ends_in_time(&mut first).await;
    lines.iter().for_each(|line| silent.wire.heal(line));
    let _second = silent.world.consume(&["all"]).await;
    silent.everything_is_there_once().await;
}
