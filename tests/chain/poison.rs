//! Messages that kill the process that handles them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amqp::{Failure, Message};
use bilag_tests::{Health, PrivatePostgres, Store, TestEnv, Vhost, eventually, eventually_within, receipt};
use sync_store::State;
use tokio::sync::Notify;

use crate::test_stage::{DEAD_LETTERS, HandlerFn, done, only_dead_letters, plain, publish, ready, start};

/// Maximum process restarts; more than the delivery limit.
const LIVES: usize = 70;

/// Completed handlings per body.
type Handled = Arc<Mutex<BTreeMap<String, u32>>>;

/// Restarts the consumer until the poison message is dead; each run is killed as soon as the poison is in flight, with the
/// other in-flight messages.
async fn restart_until_poison_is_dead(
    vhost: &Vhost,
    poison: impl Fn(&Message) -> Option<Failure> + Clone + Send + Sync + 'static,
) -> Handled {
    let bodies = (0..40).map(|number| if number == 10 { "poison".to_owned() } else { number.to_string() });
    let (handled, in_flight) = (Handled::default(), Arc::new(Notify::new()));
    let life = || {
        let (handled, in_flight, poison) = (handled.clone(), in_flight.clone(), poison.clone());
        let meets_poison = Arc::new(Mutex::new(false));
        HandlerFn(move |message: Message| {
            let body = String::from_utf8_lossy(&message.body).into_owned();
            let wait = (body == "poison").then(|| poison(&message));
            if let Some(None) = wait {
                *meets_poison.lock().expect("no handler panics") = true;
                in_flight.notify_one();
            }
            let (handled, meets_poison) = (handled.clone(), meets_poison.clone());
            async move {
                match wait {
                    Some(Some(wait)) => return Err(wait),
                    Some(None) => std::future::pending().await,
                    None => {}
                }
                // Long enough for the poison to be delivered meanwhile.
                tokio::time::sleep(Duration::from_millis(5)).await;
                if *meets_poison.lock().expect("no handler panics") {
                    std::future::pending().await
                }
                *handled.lock().expect("no handler panics").entry(body).or_default() += 1;
                done()
            }
        })
    };
    let mut consumer = start(vhost, &["50ms"], 32, life());
    publish(&vhost.url, plain(bodies)).await;
    let channel = vhost.channel().await;
    for _ in 0..LIVES {
        let dead = eventually_within(Duration::from_secs(60), "the poison is dead", async || {
            (ready(&channel, DEAD_LETTERS).await > 0).then_some(())
        });
        tokio::select! {
            () = dead => {
                only_dead_letters(vhost, 1).await;
                consumer.stop().await;
                return handled;
            }
            () = in_flight.notified() => consumer.kill().await,
        }
        consumer = start(vhost, &["50ms"], 32, life());
    }
    panic!("the poison has killed {LIVES} processes and is still not dead");
}

async fn assert_only_the_poison_died(vhost: &Vhost, handled: &Handled) {
    let handled = handled.lock().expect("no handler panics").clone();
    let innocents: Vec<_> = (0..40).filter(|number| *number != 10).map(|number| number.to_string()).collect();
    for innocent in &innocents {
        assert!(handled.contains_key(innocent), "{innocent} was never handled: {handled:?}");
    }
    assert_eq!(handled.len(), innocents.len());
    let letters = vhost.peek(DEAD_LETTERS, 2).await;
    let reported: Vec<_> = letters.iter().map(|letter| (&letter.body[..], letter.letter().reason)).collect();
    assert_eq!(reported, [(&b"poison"[..], "delivery_limit".to_owned())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_killing_message_dies_alone() {
    let vhost = Vhost::new().await;
    let handled = restart_until_poison_is_dead(&vhost, |_| None).await;
    assert_only_the_poison_died(&vhost, &handled).await;
}

/// As with the lease of the killed process: the next process must wait, and waiting restarts the
/// broker's delivery count.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_killing_message_dies_despite_retry_waits() {
    let vhost = Vhost::new().await;
    let lives = Arc::new(Mutex::new(0));
    let waits_every_second_time = move |_: &Message| {
        let mut lives = lives.lock().expect("no handler panics");
        *lives += 1;
        (*lives % 2 == 0).then(|| Failure::Wait { at_least: Duration::ZERO, error: "not yet".into() })
    };
    let handled = restart_until_poison_is_dead(&vhost, waits_every_second_time).await;
    assert_only_the_poison_died(&vhost, &handled).await;
}

/// A PostgreSQL transaction that locks a receipt's record until it is dropped.
struct RowLock(Child);

impl RowLock {
    fn record_of(receipt: &str, database: &str) -> Self {
        let mut psql = Command::new("psql")
            .args(["--no-psqlrc", "--quiet", database])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql comes with PostgreSQL");
        let lock = format!(
            "begin; select 'held' from external_order_receipt_sync where receipt_uid = '{receipt}' for update;\n"
        );
        psql.stdin.as_mut().expect("a pipe").write_all(lock.as_bytes()).expect("psql listens");
        let output = BufReader::new(psql.stdout.as_mut().expect("a pipe"));
        assert!(output.lines().map_while(Result::ok).any(|line| line.contains("held")), "psql holds it");
        Self(psql)
    }
}

impl Drop for RowLock {
    fn drop(&mut self) {
        // A process that has ended holds no lock.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn process_killing_receipt_is_indexed_and_others_complete() {
    let postgres = PrivatePostgres::start();
    let mut env = TestEnv::on(Vhost::new().await, Store::Postgres(postgres.url.clone())).await;
    let health = Health::of(&mut env);
    env.ok(&["topology", "apply"]);
    let mut receiving = env.consume(&["receipt"]).await;
    env.publish(&receipt(1)).await;
    eventually("it is on its way", async || (env.vhost.ready("bilag.render").await? == 1).then_some(()))
        .await;
    receiving.kill();

    // Published again, it hangs in flight, and the process is killed each time.
    let held = RowLock::record_of("rcpt-1", &postgres.url);
    for number in 1..=10 {
        env.publish(&receipt(number)).await;
    }
    let channel = env.vhost.channel().await;
    let mut lives = 0;
    while ready(&channel, "bilag.receipt.dead").await == 0 {
        lives += 1;
        assert!(lives < LIVES, "the poison has killed {lives} processes and is still not dead");
        let mut receiving = env.start(&["consume", "receipt"]);
        eventually("it is in flight, or dead", async || {
            let in_flight = health.stage("receipt").await?["inHand"].as_u64()? > 0;
            (in_flight || ready(&channel, "bilag.receipt.dead").await > 0).then_some(())
        })
        .await;
        receiving.kill();
    }
    drop(held);

    let mut indexing = env.consume(&["dead"]).await;
    eventually("its record is dead", async || (env.records(State::Dead).await == 1).then_some(())).await;
    let letters = env.dead_letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((&letters[0]["stage"], &letters[0]["reason"]), (&"receipt".into(), &"delivery_limit".into()));
    assert!(letters[0].to_string().contains("rcpt-1"), "{letters:?}");
    indexing.kill();

    let _all = env.consume(&["all"]).await;
    env.complete(10).await;
    env.assert_exactly_once(1..=10);
}
