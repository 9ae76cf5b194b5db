//! Requests to the invoice service whose answer was lost, and invalid answers.

use bilag_tests::{TestEnv, delays_after_429, package, sample, transitioned};
use sandbox::invoice_service::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn done_but_answered(status: u16) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after: None, done: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_yield_one_key_receipt_and_invoice() {
    // The slow ones exceed the client's timeout.
    let faults = [
        Fault::AnswerLost,
        Fault::Reset,
        Fault::SlowAnswer { ms: 2_500 },
        Fault::Delay { ms: 2_500 },
        done_but_answered(500),
        done_but_answered(504),
        done_but_answered(409),
    ];
    let mut env = TestEnv::with_packages().await;
    env.set("BILAG_RETRY_DELAYS", &["500ms"; 40].join(","));
    let ids = 1..=u64::try_from(faults.len()).expect("not that many");
    for (id, fault) in ids.clone().zip(faults) {
        env.sandbox.invoice_service.add_fault(Rule::new(fault).of_package(id).times(1));
    }
    let _all = env.consume(&["all"]).await;
    for id in ids.clone() {
        env.publish_package(&package(id)).await;
        env.publish_package(&transitioned(id)).await;
    }
    for target in ["package", "omnium"] {
        env.wait_for_records(target, State::Complete, *ids.end()).await;
    }
    for id in ids {
        env.assert_one_invoice(id);
        assert_eq!(env.rounds(id).len(), 1);
    }
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_delays_every_request_and_spends_no_attempt() {
    const SECONDS: u64 = 3;
    const PACKAGES: u64 = 10;
    let mut env = TestEnv::with_packages().await;
    env.set("BILAG_RETRY_DELAYS", "300ms");
    // One request at a time, so that none is in flight while another is answered.
    env.set("INVOICE_SERVICE_MAX_CONCURRENT_REQUESTS", "1");
    let status = 429.try_into().expect("a status");
    let throttled = Fault::Status { status, retry_after: Some(SECONDS), done: false };
    env.sandbox.invoice_service.add_fault(Rule::new(throttled).times(3));
    let all = env.consume(&["all"]).await;
    for id in 1..=PACKAGES {
        env.publish_package(&package(id)).await;
    }
    for target in ["package", "omnium"] {
        env.wait_for_records(target, State::Complete, PACKAGES).await;
    }
    let ledger = env.sandbox.invoice_service.ledger();
    assert_eq!(delays_after_429(&ledger, SECONDS), 3);
    assert!(!all.log().contains("paused:"), "{}", all.log());
    (1..=PACKAGES).for_each(|id| env.assert_one_invoice(id));
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

/// Answers the request for a package with a changed receipt.
fn answers_with(id: u64, change: impl FnOnce(&mut Value)) -> Rule {
    let mut receipt = sample("receipt-package.json");
    receipt["orderReceipt"]["uid"] = json!(format!("wrong-{id}"));
    receipt["package"] = json!({ "id": id, "number": format!("{id:09}") });
    change(&mut receipt);
    let (status, body) = (200.try_into().expect("a status"), receipt.to_string());
    Rule::new(Fault::Body { status, body }).of_package(id)
}

#[tokio::test]
async fn mismatched_receipt_dies_until_the_answer_is_fixed() {
    let env = TestEnv::with_packages().await;
    let service = &env.sandbox.invoice_service;
    service.add_fault(answers_with(1, |receipt| receipt["orderReceipt"]["items"][0]["total"] = json!(1)));
    service.add_fault(answers_with(2, |receipt| receipt["package"]["id"] = json!(999)));
    service.add_fault(answers_with(3, |receipt| receipt["type"] = json!("invoice.made.v9")));
    let all = env.consume(&["all"]).await;
    for id in 1..=3 {
        env.publish_package(&package(id)).await;
    }
    let letters = env.wait_for_dead_letters(3).await;
    for (id, reported) in [(1, "items[0].total"), (2, "package 999, and was asked for 2"), (3, "at type")] {
        let letter = letters.iter().find(|letter| letter["package"] == id).expect("each has its dead letter");
        assert_eq!((&letter["stage"], &letter["reason"]), (&json!("packed"), &json!("invalid_answer")));
        assert!(letter["error"].as_str().is_some_and(|error| error.contains(reported)), "{letter}");
        assert_eq!(env.wait_for_standing(id, "dead").await["death"]["reason"], "invalid_answer");
    }
    assert!(env.sandbox.omnium.summary().invoices.is_empty());
    assert!(env.sandbox.oms.summary().packages.is_empty());
    assert!(!all.log().contains("paused:"), "{}", all.log());

    // Packed again, it is not requested under another key: the invoice exists.
    let mut again = package(1);
    again["event"]["uuid"] = json!("packed-again");
    again["payload"]["city"] = json!("İzmir");
    env.publish_package(&again).await;
    service.clear_faults();
    env.move_back("packed").await;
    for id in 1..=3 {
        env.wait_until_invoiced(id).await;
        env.assert_one_invoice(id);
        assert_eq!(env.rounds(id).len(), 1);
    }
    assert_eq!(env.vhost.ready("bilag.packed.dead").await, Some(0));
}
