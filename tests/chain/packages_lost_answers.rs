//! Requests of which nobody knows what became of them, and answers that cannot be used.

use bilag_tests::{World, package, sample, transitioned};
use sandbox::invoice_service::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn done_but_answered(status: u16) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after: None, done: true }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_yield_one_key_receipt_and_invoice() {
    // The slow ones take longer than the client waits.
    let fates = [
        Fault::AnswerLost,
        Fault::Reset,
        Fault::SlowAnswer { ms: 2_500 },
        Fault::Delay { ms: 2_500 },
        done_but_answered(500),
        done_but_answered(504),
        done_but_answered(409),
    ];
    let mut world = World::with_packages().await;
    world.set("BILAG_RETRY_DELAYS", &["500ms"; 40].join(","));
    let ids = 1..=u64::try_from(fates.len()).expect("not that many");
    for (id, fault) in ids.clone().zip(fates) {
        world.sandbox.invoice_service.add_fault(Rule::new(fault).of_package(id).times(1));
    }
    let _all = world.consume(&["all"]).await;
    for id in ids.clone() {
        world.publish_package(&package(id)).await;
        world.publish_package(&transitioned(id)).await;
    }
    for target in ["package", "omnium"] {
        world.records_at(target, State::Complete, *ids.end()).await;
    }
    for id in ids {
        world.assert_one_invoice(id);
        assert_eq!(world.rounds(id).len(), 1);
    }
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_delays_every_request_and_spends_no_attempt() {
    const SECONDS: u64 = 3;
    const PACKAGES: u64 = 10;
    let mut world = World::with_packages().await;
    world.set("BILAG_RETRY_DELAYS", "300ms");
    // One request at a time, so that none is on its way while another is answered.
    world.set("INVOICE_SERVICE_MAX_CONCURRENT_REQUESTS", "1");
    let status = 429.try_into().expect("a status");
    let throttled = Fault::Status { status, retry_after: Some(SECONDS), done: false };
    world.sandbox.invoice_service.add_fault(Rule::new(throttled).times(3));
    let all = world.consume(&["all"]).await;
    for id in 1..=PACKAGES {
        world.publish_package(&package(id)).await;
    }
    for target in ["package", "omnium"] {
        world.records_at(target, State::Complete, PACKAGES).await;
    }
    let ledger = world.sandbox.invoice_service.ledger();
    let mut obeyed = 0;
    for (entry, next) in ledger.iter().zip(ledger.iter().skip(1)) {
        if entry.status == Some(429) {
            assert!(next.at_ms - entry.at_ms >= SECONDS * 1_000, "{entry:?} then {next:?}");
            obeyed += 1;
        }
    }
    assert_eq!(obeyed, 3);
    assert!(!all.log().contains("paused:"), "{}", all.log());
    (1..=PACKAGES).for_each(|id| world.assert_one_invoice(id));
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
}

/// Answers the request for a package with a receipt made of this one.
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
    let world = World::with_packages().await;
    let service = &world.sandbox.invoice_service;
    service.add_fault(answers_with(1, |receipt| receipt["orderReceipt"]["items"][0]["total"] = json!(1)));
    service.add_fault(answers_with(2, |receipt| receipt["package"]["id"] = json!(999)));
    service.add_fault(answers_with(3, |receipt| receipt["type"] = json!("invoice.made.v9")));
    let all = world.consume(&["all"]).await;
    for id in 1..=3 {
        world.publish_package(&package(id)).await;
    }
    let letters = world.letters(3).await;
    for (id, told) in [(1, "items[0].total"), (2, "package 999, and was asked for 2"), (3, "at type")] {
        let letter = letters.iter().find(|letter| letter["package"] == id).expect("each has its letter");
        assert_eq!((&letter["stage"], &letter["reason"]), (&json!("packed"), &json!("invalid_answer")));
        assert!(letter["error"].as_str().is_some_and(|error| error.contains(told)), "{letter}");
        assert_eq!(world.standing(id, "dead").await["death"]["reason"], "invalid_answer");
    }
    assert!(world.sandbox.omnium.summary().invoices.is_empty());
    assert!(world.sandbox.oms.summary().packages.is_empty());
    assert!(!all.log().contains("paused:"), "{}", all.log());

    // Packed again it is not asked for under another key: the invoice exists.
    let mut again = package(1);
    again["event"]["uuid"] = json!("packed-again");
    again["payload"]["city"] = json!("İzmir");
    world.publish_package(&again).await;
    service.clear_faults();
    world.move_back("packed").await;
    for id in 1..=3 {
        world.completed(id).await;
        world.assert_one_invoice(id);
        assert_eq!(world.rounds(id).len(), 1);
    }
    assert_eq!(world.vhost.ready("bilag.packed.dead").await, Some(0));
}
