//! The invoice service does not make the invoice of a package: the package dies alone, a person is
//! told why, and mended it is asked for again.

use bilag_tests::{Health, TIMEOUT, World, eventually, eventually_within, package, transitioned};
use sandbox::invoice_service::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn always(status: u16) -> Rule {
    let status = status.try_into().expect("a status");
    Rule::new(Fault::Status { status, retry_after: None, done: false })
}

/// The package, mended in the OMS and packed again: the same items, another city.
fn mended(id: u64) -> Value {
    let mut event = package(id);
    event["event"]["uuid"] = json!(format!("packed-again-{id}"));
    event["payload"]["city"] = json!("İzmir");
    event
}

/// The same package with fewer of one article.
fn with_other_items(id: u64) -> Value {
    let mut event = mended(id);
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
    let mut world = World::with_packages().await;
    let health = Health::of(&mut world);
    world.sandbox.invoice_service.add_fault(always(400).of_package(1));
    world.sandbox.invoice_service.add_fault(always(422).of_package(2));
    let all = world.consume(&["all"]).await;
    for id in [1, 2] {
        world.publish_package(&package(id)).await;
    }
    let letters = world.letters(2).await;
    for (id, status, words) in [(1, "400", "As it was requested of the sandbox."), (2, "422", "422")] {
        let letter = letters.iter().find(|letter| letter["package"] == id).expect("each has its letter");
        assert_eq!((&letter["stage"], &letter["reason"]), (&json!("packed"), &json!("invoice_refused")));
        let error = letter["error"].as_str().expect("an error");
        assert!(error.contains(status) && error.contains(words), "{error}");
        let round = world.standing(id, "dead").await;
        assert_eq!(round["death"]["reason"], "invoice_refused");
        let told = world.ok(&["packages", "show", &id.to_string()]);
        assert!(told.contains("bilag dead show "), "{told}");
    }
    for id in [1, 2] {
        world.publish_package(&transitioned(id)).await;
    }
    handled(&health, 4).await;
    assert_eq!(world.vhost.ready("bilag.packed.dead").await, Some(2), "no second dead letter");
    assert_eq!(world.dead_letters().len(), 2);

    world.sandbox.invoice_service.clear_faults();
    world.move_back("packed").await;
    for id in [1, 2] {
        world.completed(id).await;
        world.assert_one_invoice(id);
        assert_eq!(world.rounds(id).len(), 1);
    }
    assert!(!all.log().contains("paused:"), "{}", all.log());
}

#[tokio::test]
async fn refused_in_both_event_forms_has_one_dead_letter() {
    let mut world = World::with_packages().await;
    let health = Health::of(&mut world);
    world.sandbox.invoice_service.add_fault(always(422));
    // So slow that the other form of the event comes while the service is being asked.
    world.sandbox.invoice_service.add_fault(Rule::new(Fault::SlowAnswer { ms: 500 }));
    let _all = world.consume(&["all"]).await;
    for id in 1..=5 {
        world.publish_package(&package(id)).await;
        world.publish_package(&transitioned(id)).await;
    }
    eventually("all have come to rest", async || {
        let stage = health.stage("packed").await?;
        let waiting = world.vhost.ready("bilag.packed").await?;
        let dead = world.vhost.ready("bilag.packed.dead").await?;
        (stage["inHand"] == 0 && waiting == 0 && dead >= 5 && stage["handled"].as_u64()? >= 10).then_some(())
    })
    .await;
    world.letters(5).await;
    assert_eq!(world.vhost.ready("bilag.packed.dead").await, Some(5));
}

#[tokio::test]
async fn repacked_after_a_refusal_uses_the_next_key() {
    let world = World::with_packages().await;
    world.sandbox.invoice_service.add_fault(always(422));
    let _all = world.consume(&["all"]).await;
    for id in [1, 2] {
        world.publish_package(&package(id)).await;
    }
    world.letters(2).await;
    world.sandbox.invoice_service.clear_faults();
    world.publish_package(&mended(1)).await;
    world.publish_package(&with_other_items(2)).await;
    for id in [1, 2] {
        let newest = world.standing(id, "written back").await;
        assert_eq!(newest["round"], 2, "{newest}");
        assert_eq!(world.rounds(id)[1]["standing"], "superseded");
        let asked = world.sandbox.invoice_service.summary();
        let keys = [format!("akinon/{id}/1"), format!("akinon/{id}/2")];
        assert_eq!(asked.packages[&id].keys.keys().collect::<Vec<_>>(), keys.iter().collect::<Vec<_>>());
        assert_eq!(asked.packages[&id].receipts.len(), 1);
        assert_eq!(json!(world.sandbox.oms.summary().packages[&id].number), newest["voucherNumber"]);
    }
    // The dead letters of the first packing are of no use any more, and do no harm.
    world.move_back("packed").await;
    world.publish_package(&package(3)).await;
    world.standing(3, "written back").await;
    for id in [1, 2] {
        assert_eq!(world.sandbox.invoice_service.summary().packages[&id].receipts.len(), 1);
    }
    assert_eq!(world.vhost.ready("bilag.packed.dead").await, Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_or_forbidden_package_dies_alone() {
    const ALONE: [(u64, u16, &str); 3] =
        [(1, 500, "retries_exhausted"), (2, 403, "invoice_forbidden"), (3, 406, "invoice_forbidden")];
    let world = World::with_packages().await;
    for (id, status, _) in ALONE {
        world.sandbox.invoice_service.add_fault(always(status).of_package(id));
    }
    let all = world.consume(&["all"]).await;
    for (id, ..) in ALONE {
        world.publish_package(&package(id)).await;
    }
    // The others go on being packed meanwhile.
    let mut last = 10;
    eventually_within(TIMEOUT, "the three are dead", async || {
        last += 1;
        world.publish_package(&package(last)).await;
        (world.vhost.ready("bilag.packed.dead").await == Some(3)).then_some(())
    })
    .await;
    let letters = world.letters(3).await;
    for (id, _, reason) in ALONE {
        assert!(letters.iter().any(|letter| letter["package"] == id && letter["reason"] == reason));
        assert_eq!(world.standing(id, "dead").await["death"]["reason"], reason);
    }
    world.records_at("package", State::Complete, last - 10).await;
    assert!(!all.log().contains("paused:"), "{}", all.log());
    assert_eq!(world.dead_letters().len(), 3);
}
