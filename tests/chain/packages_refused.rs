//! The invoice service refuses the invoice of a package: the package dies alone with the reason,
//! and once fixed it is requested again.

use bilag_tests::{Health, TIMEOUT, TestEnv, eventually, eventually_within, package, transitioned};
use sandbox::invoice_service::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn always(status: u16) -> Rule {
    let status = status.try_into().expect("a status");
    Rule::new(Fault::Status { status, retry_after: None, done: false })
}

/// The package, fixed in the OMS and packed again: same items, another city.
fn fixed_and_repacked(id: u64) -> Value {
    let mut event = package(id);
    event["event"]["uuid"] = json!(format!("packed-again-{id}"));
    event["payload"]["city"] = json!("İzmir");
    event
}

/// The same package with fewer of one article.
fn with_other_items(id: u64) -> Value {
    let mut event = fixed_and_repacked(id);
    event["payload"]["packageitem_set"][1]["quantity"] = json!(1);
    event
}

/// Waits until the packed stage has handled so many messages.
async fn handled(health: &Health, count: u64) {
    eventually(&format!("{count} are handled"), async || {
        (health.stage("packed").await?["handled"] == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn refusal_dies_with_its_message_and_redrive_keeps_the_key() {
    let mut env = TestEnv::with_packages().await;
    let health = Health::of(&mut env);
    env.sandbox.invoice_service.add_fault(always(400).of_package(1));
    env.sandbox.invoice_service.add_fault(always(422).of_package(2));
    let all = env.consume(&["all"]).await;
    for id in [1, 2] {
        env.publish_package(&package(id)).await;
    }
    let letters = env.wait_for_dead_letters(2).await;
    for (id, status, words) in [(1, "400", "As it was requested of the sandbox."), (2, "422", "422")] {
        let letter = letters.iter().find(|letter| letter["package"] == id).expect("each has its dead letter");
        assert_eq!((&letter["stage"], &letter["reason"]), (&json!("packed"), &json!("invoice_refused")));
        let error = letter["error"].as_str().expect("an error");
        assert!(error.contains(status) && error.contains(words), "{error}");
        let round = env.wait_for_standing(id, "dead").await;
        assert_eq!(round["death"]["reason"], "invoice_refused");
        let reported = env.ok(&["packages", "show", &id.to_string()]);
        assert!(reported.contains("bilag dead show "), "{reported}");
    }
    for id in [1, 2] {
        env.publish_package(&transitioned(id)).await;
    }
    handled(&health, 4).await;
    assert_eq!(env.vhost.ready("bilag.packed.dead").await, Some(2), "no second dead letter");
    assert_eq!(env.dead_letters().len(), 2);

    env.sandbox.invoice_service.clear_faults();
    env.move_back("packed").await;
    for id in [1, 2] {
        env.wait_until_invoiced(id).await;
        env.assert_one_invoice(id);
        assert_eq!(env.rounds(id).len(), 1);
    }
    assert!(!all.log().contains("paused:"), "{}", all.log());
}

#[tokio::test]
async fn refused_in_both_event_forms_has_one_dead_letter() {
    let mut env = TestEnv::with_packages().await;
    let health = Health::of(&mut env);
    // The other event form comes back once the dead letter is indexed, as it does with delays of an installation.
    env.set("BILAG_RETRY_DELAYS", "10s,10s,10s,10s");
    env.sandbox.invoice_service.add_fault(always(422));
    // Slow enough that the other event form arrives during the request.
    env.sandbox.invoice_service.add_fault(Rule::new(Fault::SlowAnswer { ms: 500 }));
    let _all = env.consume(&["all"]).await;
    for id in 1..=5 {
        env.publish_package(&package(id)).await;
        env.publish_package(&transitioned(id)).await;
    }
    eventually("all are settled", async || {
        let stage = health.stage("packed").await?;
        let waiting = env.vhost.ready("bilag.packed").await?;
        let dead = env.vhost.ready("bilag.packed.dead").await?;
        (stage["inHand"] == 0 && waiting == 0 && dead >= 5 && stage["handled"].as_u64()? >= 10).then_some(())
    })
    .await;
    assert_eq!(env.vhost.ready("bilag.packed.dead").await, Some(5), "one for each package");
    env.wait_for_dead_letters(5).await;
}

#[tokio::test]
async fn repacked_after_a_refusal_uses_the_next_key() {
    let env = TestEnv::with_packages().await;
    env.sandbox.invoice_service.add_fault(always(422));
    let _all = env.consume(&["all"]).await;
    for id in [1, 2] {
        env.publish_package(&package(id)).await;
    }
    env.wait_for_dead_letters(2).await;
    env.sandbox.invoice_service.clear_faults();
    env.publish_package(&fixed_and_repacked(1)).await;
    env.publish_package(&with_other_items(2)).await;
    for id in [1, 2] {
        let newest = env.wait_for_standing(id, "written back").await;
        assert_eq!(newest["round"], 2, "{newest}");
        assert_eq!(env.rounds(id)[1]["standing"], "superseded");
        let asked = env.sandbox.invoice_service.summary();
        let keys = [format!("akinon/{id}/1"), format!("akinon/{id}/2")];
        assert_eq!(asked.packages[&id].keys.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
        assert_eq!(asked.packages[&id].receipts.len(), 1);
        assert_eq!(json!(env.sandbox.oms.summary().packages[&id].number), newest["voucherNumber"]);
    }
    // Redriving the obsolete dead letters of the first packing is harmless.
    env.move_back("packed").await;
    env.publish_package(&package(3)).await;
    env.wait_for_standing(3, "written back").await;
    for id in [1, 2] {
        assert_eq!(env.sandbox.invoice_service.summary().packages[&id].receipts.len(), 1);
    }
    assert_eq!(env.vhost.ready("bilag.packed.dead").await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_or_forbidden_package_dies_alone() {
    const ALONE: [(u64, u16, &str); 3] =
        [(1, 500, "retries_exhausted"), (2, 403, "invoice_forbidden"), (3, 406, "invoice_forbidden")];
    let env = TestEnv::with_packages().await;
    for (id, status, _) in ALONE {
        env.sandbox.invoice_service.add_fault(always(status).of_package(id));
    }
    let all = env.consume(&["all"]).await;
    for (id, ..) in ALONE {
        env.publish_package(&package(id)).await;
    }
    // Other packages are packed meanwhile.
    let mut last = 10;
    eventually_within(TIMEOUT, "the three are dead", async || {
        last += 1;
        env.publish_package(&package(last)).await;
        (env.vhost.ready("bilag.packed.dead").await == Some(3)).then_some(())
    })
    .await;
    let letters = env.wait_for_dead_letters(3).await;
    for (id, _, reason) in ALONE {
        assert!(letters.iter().any(|letter| letter["package"] == id && letter["reason"] == reason));
        assert_eq!(env.wait_for_standing(id, "dead").await["death"]["reason"], reason);
    }
    env.wait_for_records("package", State::Complete, last - 10).await;
    assert!(!all.log().contains("paused:"), "{}", all.log());
    assert_eq!(env.dead_letters().len(), 3);
}
