//! Retries and dead letters of the runtime, by the handler's result.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amqp::{Failure, Outcome, Reason, header_names as names};
use bilag_tests::Vhost;

use crate::test_stage::{DEAD_LETTERS, HandlerFn, done, only_dead_letters, plain, publish, retry, start};

/// Handled messages: body and attempts spent.
type Seen = Arc<Mutex<Vec<(String, u32)>>>;

fn seen(seen: &Seen) -> Vec<(String, u32)> {
    let mut seen = seen.lock().expect("no handler panics").clone();
    seen.sort();
    seen
}

#[tokio::test]
async fn failing_message_passes_every_retry_queue_and_dies() {
    let vhost = Vhost::new().await;
    let attempts = Seen::default();
    let sees = attempts.clone();
    let handler = HandlerFn(move |message: amqp::Message| {
        let body = String::from_utf8_lossy(&message.body).into_owned();
        sees.lock().expect("no handler panics").push((body, message.attempt()));
        async { retry() }
    });
    let consumer = start(&vhost, &["50ms", "100ms", "150ms"], 8, handler);
    publish(&vhost.url, plain(["a", "b"].map(str::to_owned))).await;
    only_dead_letters(&vhost, 2).await;
    consumer.stop().await;

    let expected = ["a", "b"].iter().flat_map(|body| (0..4).map(|attempt| (body.to_string(), attempt)));
    assert_eq!(seen(&attempts), expected.collect::<Vec<_>>());
    for letter in vhost.peek(DEAD_LETTERS, 10).await {
        assert_eq!(letter.attempt(), 3);
        let index_entry = letter.letter();
        assert_eq!((&*index_entry.stage, &*index_entry.reason), ("test", "retries_exhausted"));
        assert_eq!(index_entry.error, "this time it failed");
        assert!(index_entry.first_failed_at < index_entry.last_failed_at, "{index_entry:?}");
        assert!(["a", "b"].contains(&&*String::from_utf8_lossy(&letter.body)));
    }
}

#[tokio::test]
async fn waiting_spends_no_attempt_in_the_shortest_sufficient_queue() {
    let vhost = Vhost::new().await;
    let attempts = Seen::default();
    let sees = attempts.clone();
    let handler = HandlerFn(move |message: amqp::Message| {
        let mut seen = sees.lock().expect("no handler panics");
        seen.push((message.routing_key.clone(), message.attempt()));
        let times = seen.len();
        async move {
            match times {
                1..=6 => Err(Failure::Wait { at_least: Duration::from_millis(60), error: "not yet".into() }),
                _ => done(),
            }
        }
    });
    let consumer = start(&vhost, &["50ms", "100ms"], 8, handler);
    publish(&vhost.url, plain(["a".to_owned()])).await;
    bilag_tests::eventually("it is handled", async || (seen(&attempts).len() == 7).then_some(())).await;
    only_dead_letters(&vhost, 0).await;
    consumer.stop().await;
    assert!(seen(&attempts).iter().all(|(_, spent)| *spent == 0), "{:?}", seen(&attempts));
}

#[tokio::test]
async fn handler_panic_affects_only_its_message() {
    let vhost = Vhost::new().await;
    let handler = HandlerFn(|message: amqp::Message| async move {
        assert!(&message.body[..] != b"bad", "as it was asked to");
        done()
    });
    let consumer = start(&vhost, &["50ms"], 8, handler);
    publish(&vhost.url, plain(["good", "bad", "good"].map(str::to_owned))).await;
    only_dead_letters(&vhost, 1).await;
    assert_eq!(consumer.status.handled(), 3);
    consumer.stop().await;

    let letter = vhost.peek(DEAD_LETTERS, 1).await.remove(0);
    assert_eq!(&letter.body[..], b"bad");
    assert_eq!(letter.letter().reason, Reason::HANDLER_PANICKED.as_str());
}

#[tokio::test]
async fn unroutable_follow_up_keeps_the_message() {
    let vhost = Vhost::new().await;
    let handler = HandlerFn(|_| async {
        let unroutable =
            amqp::Outgoing::event("unbound.v1", "unbound.v1".to_owned(), &["x"], b"{}".as_slice());
        Ok(Outcome::Done(vec![unroutable]))
    });
    let consumer = start(&vhost, &["50ms"], 8, handler);
    publish(&vhost.url, plain(["a".to_owned()])).await;
    bilag_tests::eventually("it was retried several times", async || {
        (consumer.status.handled() >= 5).then_some(())
    })
    .await;
    consumer.stop().await;
    let left = ["bilag.test", "bilag.test.retry.50ms"];
    bilag_tests::eventually("only this message waits, with no attempt spent", async || {
        for queue in left {
            if let [message] = &vhost.peek(queue, 2).await[..] {
                assert_eq!(message.header_number(names::ATTEMPT), Some(0));
                return Some(());
            }
        }
        None
    })
    .await;
    assert_eq!(vhost.ready(DEAD_LETTERS).await, Some(0));
}
