//! What a person sees of receipts and dead letters at the terminal, to the letter.

use bilag_tests::{World, eventually, normalised, receipt};
use lapin::BasicProperties;
use reqwest::StatusCode;
use sandbox::omnium::{Fault, Rule};
use sync_store::State;

async fn letters(world: &World, count: usize) {
    eventually("it is dead", async || (world.dead_letters().len() == count).then_some(())).await;
}

/// One receipt that completed, one that Omnium refused, and two broken events, in this order.
async fn a_day() -> World {
    let world = World::new().await;
    let mut refused =
        Rule::new(Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false });
    refused.invoice_id = Some("rcpt-2".to_owned());
    world.sandbox.omnium.add_fault(refused);
    let _all = world.consume(&["all"]).await;
    world.publish(&receipt(1)).await;
    eventually("one is complete", async || (world.records(State::Complete).await == 1).then_some(())).await;
    world.publish(&receipt(2)).await;
    letters(&world, 1).await;
    let id = BasicProperties::default().with_message_id("till-4-000017".into());
    world.publish_bytes(b"{\"id\": 17}", id).await;
    letters(&world, 2).await;
    let id = BasicProperties::default().with_message_id("till-4-000018".into());
    world.publish_bytes(b"{\"id\": 18", id).await;
    letters(&world, 3).await;
    world
}

fn id(world: &World, reason: &str) -> String {
    let letters = world.dead_letters();
    let letter = letters.iter().find(|letter| letter["reason"] == reason).expect("a letter");
    letter["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn a_day_at_the_terminal() {
    let world = a_day().await;
    let shown = |arguments: &[&str]| normalised(&world.ok(arguments));
    assert_eq!(shown(&["dead", "list"]), DEAD_LIST);
    assert_eq!(shown(&["dead", "list", "receipt", "--limit", "1"]), DEAD_LIST_CUT);
    let refused = shown(&["dead", "show", &id(&world, "omnium_rejected")]);
    assert_eq!(refused.split("\nheaders\n").next(), Some(DEAD_SHOW_REFUSED));
    assert_eq!(shown(&["dead", "show", &id(&world, "undecodable")]), DEAD_SHOW_BROKEN);
    assert_eq!(shown(&["sync", "list"]), SYNC_LIST);
    assert_eq!(shown(&["sync", "show", "2"]), SYNC_SHOW);
}

#[tokio::test]
async fn where_there_is_nothing_it_says_in_which_store_it_looked() {
    let world = World::new().await;
    let store = world.store().await.describe();
    assert_eq!(
        world.ok(&["dead", "list"]),
        format!("no dead letters in {store}; `bilag consume dead` notes them there\n")
    );
    assert_eq!(world.ok(&["sync", "list"]), format!("no receipt has been heard yet in {store}\n"));
    for (arguments, says) in [
        (
            ["dead", "show", "0011"],
            format!("error: no dead letter 0011 in {store}; `bilag dead list` shows the ids\n"),
        ),
        (["sync", "show", "1001"], format!("error: no receipt with uid or voucher number 1001 in {store}\n")),
    ] {
        let ran = world.run(&arguments);
        assert_eq!((ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned()), (Some(1), says));
    }
}

const DEAD_LIST: &str = r#"STAGE  REASON  LETTERS  OLDEST
receipt  invalid_event  1  AGE
receipt  undecodable  1  AGE
upload  omnium_rejected  1  AGE

ID  STAGE  REASON  RECEIPT  AGE  ERROR
ID  receipt  undecodable  –  AGE  the body is not JSON: it ends too early at line 1, column 9
ID  receipt  invalid_event  –  AGE  at id: expected an identifier: 1 to 200 chara…ers, no control characters, neither . nor ..
ID  upload  omnium_rejected  7/rcpt-2  AGE  the invoice could not be created in Omnium: O…d 400: "As it was requested of the sandbox."

bilag dead show ID tells what happened to one of them, and what to do
"#;

const DEAD_LIST_CUT: &str = "STAGE  REASON  LETTERS  OLDEST
receipt  invalid_event  1  AGE
receipt  undecodable  1  AGE

ID  STAGE  REASON  RECEIPT  AGE  ERROR
ID  receipt  undecodable  –  AGE  the body is not JSON: it ends too early at line 1, column 9

the latest 1 of 2; --limit N shows more, a stage or --reason R fewer

bilag dead show ID tells what happened to one of them, and what to do
";

const DEAD_SHOW_REFUSED: &str = r#"id  ID
stage  upload
reason  omnium_rejected
error  the invoice could not be created in Omnium: Omnium does not take this; correct what its answer names, then redrive: Omnium answered 400: "As it was requested of the sandbox."
what to do  mend what Omnium's answer names, there or at the till, then move the letter back (docs/reasons.md)
first failed  TIME (AGE ago)
died  TIME (AGE ago)
retries  0
message  invoice.rendered.v1:a1873d128e0ce2b9ed403465 (SIZE bytes), in bilag.upload.dead
receipt  7/rcpt-2 (voucher 2, store 70, 3836.50 NOK): dead at omnium
"#;

const DEAD_SHOW_BROKEN: &str = r#"id  ID
stage  receipt
reason  undecodable
error  the body is not JSON: it ends too early at line 1, column 9
what to do  have whoever publishes it send plain JSON in UTF-8, and publish the event again (docs/reasons.md)
first failed  TIME (AGE ago)
died  TIME (AGE ago)
retries  0
message  till-4-000018 (9 bytes), in bilag.receipt.dead

headers
  x-bilag-attempt: 0
  x-bilag-error: the body is not JSON: it ends too early at line 1, column 9
  x-bilag-first-failed-at: TIME
  x-bilag-last-failed-at: TIME
  x-bilag-reason: undecodable
  x-bilag-stage: receipt

payload
{"id": 18
"#;

const SYNC_LIST: &str = "TARGET  STATE  RECORDS  UNTOUCHED FOR
omnium  complete  1  AGE
omnium  dead  1  AGE

TENANT  RECEIPT  VOUCHER  ORDER  STORE  AMOUNT  STATE  INVOICE  UNTOUCHED FOR
7  rcpt-2  2  601  70  3836.50 NOK  dead  –  AGE
7  rcpt-1  1  601  70  3836.50 NOK  complete  rcpt-1  AGE
";

const SYNC_SHOW: &str = r#"receipt  7/rcpt-2
target  omnium
voucher  2
order  601
store  70
amount  3836.50 NOK
state  dead
heard  1 time(s), first TIME
last touched  TIME (AGE ago)
died in  upload
reason  omnium_rejected
error  the invoice could not be created in Omnium: Omnium does not take this; correct what its answer names, then redrive: Omnium answered 400: "As it was requested of the sandbox."
dead letter  bilag dead show ID
"#;
