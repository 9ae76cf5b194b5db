//! An operator's hold in the runtime: nothing more is consumed, and in-flight messages are finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use amqp::{Failure, Hold};
use bilag_tests::{Vhost, eventually};
use chrono::{TimeDelta, Utc};
use tokio::sync::Semaphore;

use crate::test_stage::{HandlerFn, Running, done, only_dead_letters, plain, publish, start};

const QUEUE: &str = "bilag.test";

fn hold(who: &str) -> Option<Hold> {
    Some(Hold { since: Utc::now(), who: who.to_owned(), why: String::new() })
}

async fn shows(consumer: &Running, who: Option<&str>) {
    eventually("the hold is shown", async || {
        (consumer.status.hold().as_ref().map(|hold| &*hold.who) == who).then_some(())
    })
    .await;
}

async fn in_flight(consumer: &Running, count: usize) {
    eventually(&format!("{count} are in flight"), async || {
        (consumer.status.in_flight() == count).then_some(())
    })
    .await;
}

async fn ready(vhost: &Vhost, count: u32) {
    eventually(&format!("{count} wait in the queue"), async || {
        (vhost.ready(QUEUE).await == Some(count)).then_some(())
    })
    .await;
}

/// A consumer whose handler waits for a permit for each message.
fn start_gated(vhost: &Vhost, concurrency: u16) -> (Running, Arc<Semaphore>) {
    let permits = Arc::new(Semaphore::new(0));
    let given = permits.clone();
    let handler = HandlerFn(move |_| {
        let given = given.clone();
        async move {
            given.acquire().await.expect("it stays open").forget();
            done()
        }
    });
    (start(vhost, &["50ms"], concurrency, handler), permits)
}

#[tokio::test]
async fn finishes_in_flight_and_keeps_the_rest_until_release() {
    let vhost = Vhost::new().await;
    let (consumer, permits) = start_gated(&vhost, 3);
    publish(&vhost.url, plain((0..9).map(|i| i.to_string()))).await;
    // The first one is handled in isolation.
    permits.add_permits(1);
    in_flight(&consumer, 3).await;
    ready(&vhost, 5).await;

    consumer.hold.send_replace(hold("kari"));
    shows(&consumer, Some("kari")).await;
    assert_eq!((consumer.status.in_flight(), consumer.status.handled()), (3, 1));
    permits.add_permits(100);
    in_flight(&consumer, 0).await;
    assert_eq!(consumer.status.handled(), 4);
    ready(&vhost, 5).await;

    consumer.hold.send_replace(None);
    shows(&consumer, None).await;
    only_dead_letters(&vhost, 0).await;
    assert_eq!(consumer.status.handled(), 9, "none was handled twice");
    consumer.stop().await;
}

#[tokio::test]
async fn hold_does_not_wait_for_an_isolated_message() {
    let vhost = Vhost::new().await;
    let (consumer, permits) = start_gated(&vhost, 3);
    publish(&vhost.url, plain(["a", "b"].map(str::to_owned))).await;
    in_flight(&consumer, 1).await;
    consumer.hold.send_replace(hold("kari"));
    shows(&consumer, Some("kari")).await;
    assert_eq!((consumer.status.in_flight(), consumer.status.handled()), (1, 0));
    permits.add_permits(1);
    in_flight(&consumer, 0).await;
    ready(&vhost, 1).await;
    // Held, it stops at once, and waiting messages stay in the queue.
    consumer.stop().await;
    ready(&vhost, 1).await;
}

#[tokio::test]
async fn hold_can_be_replaced_and_applies_to_an_idle_stage() {
    let vhost = Vhost::new().await;
    let (consumer, permits) = start_gated(&vhost, 3);
    permits.add_permits(100);
    for who in ["kari", "ola"] {
        consumer.hold.send_replace(hold(who));
        shows(&consumer, Some(who)).await;
    }
    publish(&vhost.url, plain(["a".to_owned()])).await;
    ready(&vhost, 1).await;
    consumer.hold.send_replace(None);
    only_dead_letters(&vhost, 0).await;
    assert_eq!(consumer.status.handled(), 1);
    consumer.stop().await;
}

#[tokio::test]
async fn held_stage_does_not_probe_but_reconnects() {
    let vhost = Vhost::new().await;
    let (asked, works) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (asks, whether) = (asked.clone(), works.clone());
    let handler = HandlerFn(move |_| {
        asks.fetch_add(1, Ordering::SeqCst);
        let works = whether.load(Ordering::SeqCst) > 0;
        async move { if works { done() } else { Err(Failure::unreached("it is away")) } }
    });
    let consumer = start(&vhost, &["50ms"], 4, handler);
    publish(&vhost.url, plain((0..8).map(|i| i.to_string()))).await;
    let paused = eventually("it pauses", async || consumer.status.pause()).await;
    assert!(paused.next_probe_at > paused.since, "{paused:?}");
    eventually("the next probe is later", async || {
        (consumer.status.pause()?.next_probe_at > paused.next_probe_at).then_some(())
    })
    .await;

    consumer.hold.send_replace(hold("kari"));
    shows(&consumer, Some("kari")).await;
    in_flight(&consumer, 0).await;
    ready(&vhost, 8).await;
    let before = asked.load(Ordering::SeqCst);
    let due = consumer.status.pause().expect("it is still paused automatically").next_probe_at;
    eventually("probes would have been due", async || {
        (Utc::now() > due + TimeDelta::seconds(1)).then_some(())
    })
    .await;
    assert_eq!(asked.load(Ordering::SeqCst), before, "it probed");

    // A connection lost meanwhile is reopened, and consumes nothing.
    eventually("its consuming connection is shown by the broker", async || {
        (vhost.close_connections("bilag test stage consume").await == 1).then_some(())
    })
    .await;
    eventually("it has another", async || {
        let names = vhost.connections().await;
        names.iter().any(|name| name.contains("consume")).then_some(())
    })
    .await;
    ready(&vhost, 8).await;
    assert_eq!(asked.load(Ordering::SeqCst), before, "a new session consumes nothing either");

    works.store(1, Ordering::SeqCst);
    consumer.hold.send_replace(None);
    only_dead_letters(&vhost, 0).await;
    assert_eq!((asked.load(Ordering::SeqCst), consumer.status.pause()), (before + 8, None));
    consumer.stop().await;
}
