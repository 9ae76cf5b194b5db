//! The exact output of the listing and showing commands for receipts, packages and dead letters.

use bilag_tests::{TestEnv, eventually, normalised, package, receipt, sample};
use lapin::BasicProperties;
use reqwest::StatusCode;
use sandbox::omnium::{Fault, Rule};
use sandbox::{invoice_service, oms};
use serde_json::Value;
use sync_store::State;

async fn wait_for_dead_letters(env: &TestEnv, count: usize) {
    eventually("it is dead", async || (env.dead_letters().len() == count).then_some(())).await;
}

/// One completed receipt, one rejected by Omnium, and two invalid events, in this order.
async fn env_with_receipts() -> TestEnv {
    let env = TestEnv::new().await;
    let mut refused =
        Rule::new(Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false });
    refused.subject.invoice_id = Some("rcpt-2".to_owned());
    env.sandbox.omnium.add_fault(refused);
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    eventually("one is complete", async || (env.records(State::Complete).await == 1).then_some(())).await;
    env.publish(&receipt(2)).await;
    wait_for_dead_letters(&env, 1).await;
    let id = BasicProperties::default().with_message_id("till-4-000017".into());
    env.publish_bytes(b"{\"id\": 17}", id).await;
    wait_for_dead_letters(&env, 2).await;
    let id = BasicProperties::default().with_message_id("till-4-000018".into());
    env.publish_bytes(b"{\"id\": 18", id).await;
    wait_for_dead_letters(&env, 3).await;
    env
}

fn id(env: &TestEnv, reason: &str) -> String {
    let letters = env.dead_letters();
    let letter = letters.iter().find(|letter| letter["reason"] == reason).expect("a letter");
    letter["id"].as_str().expect("an id").to_owned()
}

#[tokio::test]
async fn receipt_commands_print_the_expected_output() {
    let env = env_with_receipts().await;
    let shown = |arguments: &[&str]| normalised(&env.ok(arguments));
    assert_eq!(shown(&["dead", "list"]), DEAD_LIST);
    assert_eq!(shown(&["dead", "list", "receipt", "--limit", "1"]), DEAD_LIST_CUT);
    let refused = shown(&["dead", "show", &id(&env, "omnium_rejected")]);
    assert_eq!(refused.split("\ninvoice.rendered.v1\n").next(), Some(DEAD_SHOW_REFUSED));
    assert_eq!(shown(&["dead", "show", &id(&env, "undecodable")]), DEAD_SHOW_BROKEN);
    assert_eq!(shown(&["sync", "list"]), SYNC_LIST);
    assert_eq!(shown(&["sync", "show", "2"]), SYNC_SHOW);
}

async fn standing(env: &TestEnv, id: u64, expected: &str) {
    eventually(&format!("package {id} is {expected}"), async || {
        let shown = env.run(&["packages", "show", &id.to_string(), "--json"]);
        let rounds: Value = serde_json::from_slice(&shown.stdout).ok()?;
        (rounds[0]["standing"] == expected).then_some(())
    })
    .await;
}

/// A written-back package, one refused by the invoice service, one rejected by the OMS, and
/// one never reported as packed, in this order.
async fn env_with_packages() -> TestEnv {
    let env = TestEnv::with_packages().await;
    let refused = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    env.sandbox.invoice_service.add_fault(invoice_service::Rule::new(refused.clone()).of_package(2));
    env.sandbox.oms.add_fault(oms::Rule::new(refused).of_package(3));
    let _all = env.consume(&["all"]).await;
    for (id, becomes) in [(1, "written back"), (2, "dead"), (3, "not written back")] {
        let event = package(id).to_string();
        env.publish_to("events", "package.status.packed", event.as_bytes(), Default::default()).await;
        standing(&env, id, becomes).await;
    }
    env.publish(&sample("receipt-package.json")).await;
    standing(&env, 73, "written back").await;
    eventually("Omnium has all", async || (env.records(State::Complete).await == 5).then_some(())).await;
    wait_for_dead_letters(&env, 2).await;
    env
}

#[tokio::test]
async fn package_commands_print_the_expected_output() {
    let env = env_with_packages().await;
    let shown = |arguments: &[&str]| normalised(&env.ok(arguments));
    assert_eq!(shown(&["packages", "list"]), PACKAGES_LIST);
    assert_eq!(shown(&["packages", "list", "--state", "dead"]), PACKAGES_LIST_DEAD);
    assert_eq!(shown(&["packages", "list", "--waiting"]), PACKAGES_LIST_WAITING);
    assert_eq!(shown(&["packages", "show", "1"]), PACKAGES_SHOW);
    assert_eq!(shown(&["packages", "show", "000000002"]), PACKAGES_SHOW_DEAD);
    assert_eq!(shown(&["packages", "show", "3"]), PACKAGES_SHOW_REFUSED);
    assert_eq!(shown(&["packages", "show", "73"]), PACKAGES_SHOW_UNHEARD);
    assert_eq!(shown(&["sync", "list", "--limit", "2"]), SYNC_LIST_TARGETS);
    assert_eq!(shown(&["dead", "list"]), DEAD_LIST_PACKAGES);
    let refused = shown(&["dead", "show", &id(&env, "invoice_refused")]);
    assert!(
        refused.contains("\npackage  akinon/2 (number 000000002): dead\n\npackage.status\n"),
        "{refused}"
    );
    let refused = shown(&["dead", "show", &id(&env, "oms_rejected")]);
    let known = "31/inv-3-1 (voucher 90002, store 369, 5903.70 TRY): complete at omnium, dead at package";
    assert!(refused.contains(&format!("\nreceipt  {known}\n\ninvoice.rendered.v1\n")), "{refused}");
    let letters = env.dead_letters();
    assert_eq!((&letters[1]["oms"], &letters[1]["package"]), (&"akinon".into(), &2.into()), "{letters:?}");

    for (id, why) in [
        ("1", "it has a receipt: 31/inv-1-1"),
        ("2", "it is dead; redrive its dead letter, which `bilag packages show 2` names"),
    ] {
        let ran = env.run(&["packages", "ask", id]);
        let says = format!("error: the invoice of package akinon/{id} was not requested again: {why}\n");
        assert_eq!((ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned()), (Some(1), says));
    }
}

#[tokio::test]
async fn empty_listings_name_the_store() {
    let env = TestEnv::new().await;
    let store = env.store().await.describe();
    assert_eq!(
        env.ok(&["dead", "list"]),
        format!("no dead letters in {store}; `bilag consume dead` indexes them\n")
    );
    assert_eq!(env.ok(&["sync", "list"]), format!("no receipts in {store}\n"));
    assert_eq!(env.ok(&["packages", "list"]), format!("no packages in {store}\n"));
    for (arguments, says) in [
        (
            ["dead", "show", "0011"],
            format!("error: no dead letter 0011 in {store}; `bilag dead list` shows the ids\n"),
        ),
        (["sync", "show", "1001"], format!("error: no receipt with uid or voucher number 1001 in {store}\n")),
        (["packages", "show", "73"], format!("error: no package with id or number 73 in {store}\n")),
        (
            ["packages", "ask", "73"],
            format!(
                "error: the invoice of package akinon/73 was not requested again: it is not in {store}\n"
            ),
        ),
    ] {
        let ran = env.run(&arguments);
        assert_eq!((ran.status.code(), String::from_utf8_lossy(&ran.stderr).into_owned()), (Some(1), says));
    }
}

const DEAD_LIST: &str = r#"STAGE  REASON  LETTERS  OLDEST
receipt  invalid_event  1  AGE
receipt  undecodable  1  AGE
upload  omnium_rejected  1  AGE

ID  STAGE  REASON  ABOUT  AGE
ID  receipt  undecodable  –  AGE
  the body is not JSON: it ends too early at line 1, column 9
ID  receipt  invalid_event  –  AGE
  at id: expected an identifier: 1 to 200 characte…rReceipt: expected the member, which is missing
ID  upload  omnium_rejected  7/rcpt-2  AGE
  the invoice could not be created in Omnium: Omni…ered 400: "As it was requested of the sandbox."

`bilag dead show ID` shows what happened, and what to do
"#;

const DEAD_LIST_CUT: &str = "STAGE  REASON  LETTERS  OLDEST
receipt  invalid_event  1  AGE
receipt  undecodable  1  AGE

ID  STAGE  REASON  ABOUT  AGE
ID  receipt  undecodable  –  AGE
  the body is not JSON: it ends too early at line 1, column 9

the latest 1 of 2; --limit N shows more, a stage or --reason R fewer, --group what they have in common

`bilag dead show ID` shows what happened, and what to do
";

const DEAD_SHOW_REFUSED: &str = r#"id  ID
stage  upload
reason  omnium_rejected
error  the invoice could not be created in Omnium: Omnium does not take this; correct what its answer names, then redrive: Omnium answered 400: "As it was requested of the sandbox."
what to do  correct what Omnium's answer names, there or at the till, then redrive the dead letter (docs/reasons.md)
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
what to do  have the publisher correct what the error names, and publish the event again (docs/reasons.md)
first failed  TIME (AGE ago)
died  TIME (AGE ago)
retries  0
message  till-4-000018 (9 bytes), in bilag.receipt.dead

headers
  x-bilag-attempt: 0
  x-bilag-death: ID
  x-bilag-error: the body is not JSON: it ends too early at line 1, column 9
  x-bilag-first-failed-at: TIME
  x-bilag-last-failed-at: TIME
  x-bilag-reason: undecodable
  x-bilag-source-key: receipt.settled.v1
  x-bilag-stage: receipt

payload
{"id": 18
"#;

const SYNC_LIST: &str = "TARGET  STATE  RECORDS  UNCHANGED FOR
omnium  complete  1  AGE
omnium  dead  1  AGE

RECEIPT  VOUCHER  ORDER  STORE  AMOUNT  TARGET  STATE  UNCHANGED FOR
7/rcpt-2  2  601  70  3836.50 NOK  omnium  dead  AGE
7/rcpt-1  1  601  70  3836.50 NOK  omnium  complete  AGE
";

const SYNC_SHOW: &str = r#"receipt  7/rcpt-2
voucher  2
order  601
store  70
amount  3836.50 NOK

target  omnium
state  dead
received  once
first seen  TIME (AGE ago)
last change  TIME (AGE ago)
died in  upload
reason  omnium_rejected
error  the invoice could not be created in Omnium: Omnium does not take this; correct what its answer names, then redrive: Omnium answered 400: "As it was requested of the sandbox."
blocked by  its dead letter waits for an operator: bilag dead show ID (correct what Omnium's answer names, there or at the till, then redrive the dead letter)
"#;

const PACKAGES_LIST: &str = "STATE  ROUNDS  UNCHANGED FOR
dead  1  AGE
issued  3  AGE

PACKAGE  NUMBER  ROUND  STATE  REQUESTS  VOUCHER  RECEIPT  UNCHANGED FOR
akinon/73  000000073  0  written back  0×  3001  31/rcpt-3001  AGE
akinon/3  000000003  1  not written back  1×  90002  31/inv-3-1  AGE
akinon/2  000000002  1  dead  1×  –  –  AGE
akinon/1  000000001  1  written back  1×  90001  31/inv-1-1  AGE
";

const PACKAGES_LIST_DEAD: &str = "STATE  ROUNDS  UNCHANGED FOR
dead  1  AGE
issued  3  AGE

PACKAGE  NUMBER  ROUND  STATE  REQUESTS  VOUCHER  RECEIPT  UNCHANGED FOR
akinon/2  000000002  1  dead  1×  –  –  AGE
";

const PACKAGES_LIST_WAITING: &str = "STATE  ROUNDS  UNCHANGED FOR
dead  1  AGE
issued  3  AGE

no packages are waiting
";

const PACKAGES_SHOW: &str = "package  akinon/1
number  000000001
round  1
state  written back
key  akinon/1/1
requested  once
receipt  31/inv-1-1
voucher  90001
issued  TIME (AGE ago)
write-back  complete
received  TIME (AGE ago)
last change  TIME (AGE ago)
";

const PACKAGES_SHOW_DEAD: &str = r#"package  akinon/2
number  000000002
round  1
state  dead
key  akinon/2/1
requested  once
died in  packed
reason  invoice_refused
error  the package has no invoice: the invoice service does not take this; correct what its answer names, then redrive: the invoice service answered 400: "As it was requested of the sandbox."
received  TIME (AGE ago)
last change  TIME (AGE ago)
dead letter  bilag dead show ID
"#;

const PACKAGES_SHOW_REFUSED: &str = "package  akinon/3
number  000000003
round  1
state  not written back
key  akinon/3/1
requested  once
receipt  31/inv-3-1
voucher  90002
issued  TIME (AGE ago)
write-back  dead
received  TIME (AGE ago)
last change  TIME (AGE ago)
dead letter  bilag dead show ID
";

const PACKAGES_SHOW_UNHEARD: &str = "package  akinon/73
number  000000073
round  0 (receipt received without a packed event)
state  written back
receipt  31/rcpt-3001
voucher  3001
issued  TIME (AGE ago)
write-back  complete
received  TIME (AGE ago)
last change  TIME (AGE ago)
";

const SYNC_LIST_TARGETS: &str = "TARGET  STATE  RECORDS  UNCHANGED FOR
omnium  complete  3  AGE
package  complete  2  AGE
package  dead  1  AGE

RECEIPT  VOUCHER  ORDER  STORE  AMOUNT  TARGET  STATE  UNCHANGED FOR
31/rcpt-3001  3001  601  369  3359.70 TRY  omnium  complete  AGE
31/rcpt-3001  3001  601  369  3359.70 TRY  package  complete  AGE

the latest 2 of 6 records; --limit N shows more
";

const DEAD_LIST_PACKAGES: &str = r#"STAGE  REASON  LETTERS  OLDEST
packed  invoice_refused  1  AGE
writeback  oms_rejected  1  AGE

ID  STAGE  REASON  ABOUT  AGE
ID  writeback  oms_rejected  31/inv-3-1  AGE
  the OMS does not have the package's invoice: Aki…ered 400: "As it was requested of the sandbox."
ID  packed  invoice_refused  package akinon/2  AGE
  the package has no invoice: the invoice service …ered 400: "As it was requested of the sandbox."

`bilag dead show ID` shows what happened, and what to do
"#;
