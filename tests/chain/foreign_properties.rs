//! Properties that lose or duplicate messages if they are copied: nothing is lost or duplicated through
//! retry, redelivery and dead-lettering.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use amqp::{Failure, Message, Reason};
use bilag_tests::{Vhost, eventually};
use lapin::BasicProperties;
use lapin::options::BasicGetOptions;
use lapin::types::{AMQPValue, FieldArray, FieldTable};

use crate::test_stage::{DEAD_LETTERS, HandlerFn, done, only_dead_letters, plain, publish, retry, start};

/// Expires after the messages are dead letters, and before the longest retry queue's delay.
const EXPIRATION: &str = "5000";
const LONGEST_RETRY_DELAY: &str = "6s";

fn table(entries: impl IntoIterator<Item = (&'static str, AMQPValue)>) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in entries {
        table.insert(name.into(), value);
    }
    table
}

fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

/// As if it had expired in each of the stage's queues before.
fn deaths() -> AMQPValue {
    let mut deaths = FieldArray::default();
    for queue in ["bilag.test", "bilag.test.retry.100ms", "bilag.test.retry.6s", "bilag.test.dead"] {
        let death = [
            ("count", AMQPValue::LongLongInt(7)),
            ("reason", text("expired")),
            ("queue", text(queue)),
            ("exchange", text("bilag.retry")),
        ];
        deaths.push(AMQPValue::FieldTable(table(death)));
    }
    AMQPValue::FieldArray(deaths)
}

fn copies() -> AMQPValue {
    let mut copies = FieldArray::default();
    for key in ["bilag.test", "test", "bilag.test.retry.6s"] {
        copies.push(text(key));
    }
    AMQPValue::FieldArray(copies)
}

fn hostile(user: &str) -> Vec<(String, BasicProperties)> {
    let plain = || BasicProperties::default().with_delivery_mode(2);
    let with = |entries: Vec<(&'static str, AMQPValue)>| plain().with_headers(table(entries));
    let large = || text(&"x".repeat(100_000));
    let all = vec![
        ("x-death", deaths()),
        ("x-first-death-queue", text("bilag.test")),
        ("x-delivery-count", AMQPValue::LongLongInt(1_000)),
        ("CC", copies()),
        ("BCC", copies()),
        ("large", large()),
    ];
    let messages = vec![
        ("x-death", with(vec![("x-death", deaths())])),
        ("x-delivery-count", with(vec![("x-delivery-count", AMQPValue::LongLongInt(1_000))])),
        ("CC", with(vec![("CC", copies())])),
        ("BCC", with(vec![("BCC", copies())])),
        ("expiration", plain().with_expiration(EXPIRATION.into())),
        ("user_id", plain().with_user_id(user.into())),
        ("reply_to", plain().with_reply_to("nowhere".into()).with_priority(255)),
        ("large", with(vec![("large", large())])),
        ("all", with(all).with_expiration(EXPIRATION.into()).with_user_id(user.into())),
    ];
    messages.into_iter().map(|(name, properties)| (name.to_owned(), properties)).collect()
}

/// Handled messages by body and attempts spent.
type Seen = Arc<Mutex<BTreeMap<(String, u32), u32>>>;

fn see(seen: &Seen, message: &Message) -> (String, u32) {
    let what = (String::from_utf8_lossy(&message.body).into_owned(), message.attempt());
    *seen.lock().expect("no handler panics").entry(what.clone()).or_default() += 1;
    what
}

fn expected(names: &[String], attempts: &[u32]) -> BTreeMap<(String, u32), u32> {
    names.iter().flat_map(|name| attempts.iter().map(|attempt| ((name.clone(), *attempt), 1))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn foreign_properties_survive_retry_redelivery_and_death() {
    let vhost = Vhost::new().await;
    let url = vhost.user("a-password").await;
    let user = url.split("://").nth(1).and_then(|rest| rest.split(':').next()).expect("a user").to_owned();
    let messages = hostile(&user);
    let names: Vec<String> = messages.iter().map(|(name, _)| name.clone()).collect();
    let queues = ["100ms", LONGEST_RETRY_DELAY];

    let before = Seen::default();
    let sees = before.clone();
    let first = start(
        &vhost,
        &queues,
        32,
        HandlerFn(move |message: Message| {
            let (_, attempt) = see(&sees, &message);
            async move {
                match attempt {
                    0 => retry(),
                    _ => std::future::pending().await,
                }
            }
        }),
    );
    publish(&url, messages).await;
    eventually("all are in flight for the second time", async || {
        (*before.lock().expect("no handler panics") == expected(&names, &[0, 1])).then_some(())
    })
    .await;
    first.kill().await;

    let after = Seen::default();
    let sees = after.clone();
    let second = start(
        &vhost,
        &queues,
        32,
        HandlerFn(move |message: Message| {
            let (body, attempt) = see(&sees, &message);
            async move {
                match (&*body, message.header_number("x-bilag-attempt"), attempt) {
                    // It waits in the longest retry queue, and so shows when that time has passed.
                    ("clock", None, _) => {
                        Err(Failure::Wait { at_least: Duration::from_secs(1), error: "not yet".into() })
                    }
                    ("clock", Some(_), _) => done(),
                    _ => Err(Failure::reject(Reason::INVALID_EVENT, "as it was asked to")),
                }
            }
        }),
    );
    let count = u32::try_from(names.len()).expect("not that many");
    only_dead_letters(&vhost, count).await;
    publish(&vhost.url, plain(["clock".to_owned()])).await;
    eventually("time has passed", async || {
        (after.lock().expect("no handler panics").get(&("clock".to_owned(), 0)) == Some(&2)).then_some(())
    })
    .await;
    only_dead_letters(&vhost, count).await;
    second.stop().await;

    let mut handled = after.lock().expect("no handler panics").clone();
    handled.retain(|(body, _), _| body != "clock");
    assert_eq!(handled, expected(&names, &[1]));
    assert_only_own_headers(&vhost, names).await;
}

async fn assert_only_own_headers(vhost: &Vhost, mut names: Vec<String>) {
    let channel = vhost.channel().await;
    let mut bodies = Vec::new();
    while let Some(got) =
        channel.basic_get(DEAD_LETTERS.into(), BasicGetOptions::default()).await.expect("a queue")
    {
        let (properties, body) = (&got.delivery.properties, String::from_utf8_lossy(&got.delivery.data));
        let headers = properties.headers().clone().unwrap_or_default();
        for name in
            headers.inner().keys().map(|name| name.as_str()).filter(|name| *name != "x-delivery-count")
        {
            assert!(name.starts_with("x-bilag-"), "{body} has {name}");
        }
        assert_eq!((properties.expiration(), properties.user_id()), (&None, &None), "{body}");
        assert_eq!((properties.reply_to(), properties.priority()), (&None, &None), "{body}");
        bodies.push(body.into_owned());
    }
    bodies.sort();
    names.sort();
    assert_eq!(bodies, names);
}
