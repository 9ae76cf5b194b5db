//! Writing the invoice back to the package: the OMS's answers, and late invoices.

use std::time::Duration;

use bilag_tests::{Health, TIMEOUT, TestEnv, delays_after_429, eventually, eventually_within, package};
use sandbox::oms::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn answers(status: u16, retry_after: Option<u64>) -> Rule {
    Rule::new(Fault::Status { status: status.try_into().expect("a status"), retry_after, done: false })
}

async fn publish(env: &TestEnv, ids: impl IntoIterator<Item = u64>) {
    for id in ids {
        env.publish_package(&package(id)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn package_forbidden_by_the_oms_dies_alone() {
    const ALONE: [(u64, u16, &str); 4] = [
        (1, 403, "oms_forbidden"),
        (2, 404, "oms_forbidden"),
        (3, 406, "oms_forbidden"),
        (4, 500, "retries_exhausted"),
    ];
    let env = TestEnv::with_packages().await;
    for (id, status, _) in ALONE {
        env.sandbox.oms.add_fault(answers(status, None).of_package(id));
    }
    let all = env.consume(&["all"]).await;
    publish(&env, 1..=4).await;
    let mut last = 10;
    eventually_within(TIMEOUT, "the four are dead", async || {
        last += 1;
        publish(&env, [last]).await;
        (env.vhost.ready("bilag.writeback.dead").await == Some(4)).then_some(())
    })
    .await;
    let letters = env.wait_for_dead_letters(4).await;
    for (id, _, reason) in ALONE {
        let round = env.wait_for_standing(id, "not written back").await;
        let letter = letters.iter().find(|letter| letter["receipt"] == round["receipt"]).expect("a letter");
        assert_eq!((&letter["stage"], &letter["reason"]), (&json!("writeback"), &json!(reason)));
        assert_eq!(letter["attempts"], 4, "it passed every retry queue");
        let reported = env.ok(&["packages", "show", &id.to_string()]);
        assert!(reported.contains("bilag dead show "), "{reported}");
    }
    env.wait_for_records("package", State::Complete, last - 10).await;
    env.wait_for_records("omnium", State::Complete, last - 6).await;
    assert!(!all.log().contains("paused:"), "{}", all.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn oms_forbidding_everything_pauses_the_stage() {
    const PACKAGES: u64 = 10;
    for status in [403, 406, 401] {
        let mut env = TestEnv::with_packages().await;
        env.set("BILAG_RETRY_DELAYS", "300ms,600ms");
        let health = Health::of(&mut env);
        env.sandbox.oms.add_fault(answers(status, None));
        let _all = env.consume(&["all"]).await;
        publish(&env, 1..=PACKAGES).await;
        eventually("writeback is paused", async || {
            health.stage("writeback").await?["pause"]["since"].as_str().map(str::to_owned)
        })
        .await;
        env.wait_for_records("omnium", State::Complete, PACKAGES).await;
        let before = env.sandbox.oms.ledger().len();
        eventually("more probes than there are attempts", async || {
            (env.sandbox.oms.ledger().len() >= before + 4).then_some(())
        })
        .await;
        assert!(env.dead_letters().is_empty(), "{status}: {:?}", env.dead_letters());
        env.sandbox.oms.clear_faults();
        env.wait_for_records("package", State::Complete, PACKAGES).await;
        (1..=PACKAGES).for_each(|id| env.assert_one_invoice(id));
        assert!(env.dead_letters().is_empty(), "{status}: {:?}", env.dead_letters());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_delays_every_command_and_spends_no_attempt() {
    const SECONDS: u64 = 3;
    const PACKAGES: u64 = 10;
    let mut env = TestEnv::with_packages().await;
    env.set("BILAG_RETRY_DELAYS", "300ms");
    env.set("OMS_MAX_CONCURRENT_REQUESTS", "1");
    env.sandbox.oms.add_fault(answers(429, Some(SECONDS)).times(3));
    let all = env.consume(&["all"]).await;
    publish(&env, 1..=PACKAGES).await;
    env.wait_for_records("package", State::Complete, PACKAGES).await;
    let ledger = env.sandbox.oms.ledger();
    assert_eq!(delays_after_429(&ledger, SECONDS), 3);
    assert!(!all.log().contains("paused:"), "{}", all.log());
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test]
async fn rejected_command_dies_at_once_with_the_oms_message() {
    let mut env = TestEnv::with_packages().await;
    // A timeout on a busy machine would be an attempt.
    env.set("OMS_TIMEOUT", "10s");
    let (status, body) = (400.try_into().expect("a status"), r#"{"invoice_number":["taken"]}"#.to_owned());
    env.sandbox.oms.add_fault(Rule::new(Fault::Body { status, body }).of_package(1));
    let _all = env.consume(&["all"]).await;
    publish(&env, [1]).await;
    let letter = env.wait_for_dead_letters(1).await.remove(0);
    assert_eq!((&letter["stage"], &letter["reason"]), (&json!("writeback"), &json!("oms_rejected")));
    assert_eq!(letter["attempts"], 0);
    let error = letter["error"].as_str().expect("an error");
    assert!(error.contains(r#"Akinon's OMS answered 400: {"invoice_number":["taken"]}"#), "{error}");
    env.wait_for_records("omnium", State::Complete, 1).await;

    env.sandbox.oms.clear_faults();
    env.move_back("writeback").await;
    env.wait_until_invoiced(1).await;
    env.assert_one_invoice(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uncertain_command_is_repeated_unchanged() {
    let done = |status: u16| Fault::Status {
        status: status.try_into().expect("a status"),
        retry_after: None,
        done: true,
    };
    let faults = [
        (Fault::AnswerLost, 2),
        (Fault::Reset, 1),
        (Fault::SlowAnswer { ms: 2_500 }, 2),
        (Fault::Delay { ms: 2_500 }, 2),
        (done(500), 2),
        (done(504), 2),
    ];
    let env = TestEnv::with_packages().await;
    for (id, (fault, _)) in (1..).zip(&faults) {
        env.sandbox.oms.add_fault(Rule::new(fault.clone()).of_package(id).times(1));
    }
    let _all = env.consume(&["all"]).await;
    publish(&env, 1..=faults.len() as u64).await;
    for (id, (fault, times)) in (1..).zip(&faults) {
        env.wait_until_invoiced(id).await;
        eventually("the delayed command was executed", async || {
            (env.sandbox.oms.summary().packages[&id].times == *times).then_some(())
        })
        .await;
        env.assert_one_invoice(id);
        assert!(env.sandbox.oms.summary().packages[&id].times <= 2, "{fault:?}");
    }
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

/// The package, packed again with fewer of one article.
fn packed_again(id: u64) -> Value {
    let mut event = package(id);
    event["event"]["uuid"] = json!(format!("packed-again-{id}"));
    event["payload"]["packageitem_set"][1]["quantity"] = json!(1);
    event
}

/// Round 2 is written back, and round 1 never is.
async fn assert_later_round_written_back(env: &TestEnv) {
    let rounds =
        eventually_within(TIMEOUT, "the earlier invoice is skipped, the later written", async || {
            Some(env.rounds(1)).filter(|rounds| {
                rounds[1]["writtenBack"] == "skipped" && rounds[0]["standing"] == "written back"
            })
        })
        .await;
    assert_eq!(rounds[0]["round"], 2);
    let on_the_package = &env.sandbox.oms.summary().packages[&1];
    assert_eq!(json!(on_the_package.number), rounds[0]["voucherNumber"]);
    assert_eq!(on_the_package.written.len(), 1, "{on_the_package:?}");
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    // Omnium has both invoices.
    env.wait_for_records("omnium", State::Complete, 2).await;
    let earlier = rounds[1]["receipt"].as_str().expect("a receipt");
    let printed = env.run(&["render", "--receipt", earlier, "--original", "--output", "-"]);
    let reported = String::from_utf8_lossy(&printed.stderr).into_owned();
    assert!(reported.contains("package: nothing was sent"), "{reported}");
    assert!(reported.contains("omnium: identical to the file sent"), "{reported}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn later_round_wins_when_two_wait_together() {
    let env = TestEnv::with_packages_later(Duration::ZERO).await;
    env.ok(&["topology", "apply"]);
    let _rest = env.consume(&["packed", "receipt", "render", "upload", "dead"]).await;
    for (event, count) in [(package(1), 1), (packed_again(1), 2)] {
        env.publish_package(&event).await;
        eventually("its invoice waits to be written back", async || {
            (env.vhost.ready("bilag.writeback").await == Some(count)).then_some(())
        })
        .await;
    }
    let _writeback = env.consume(&["writeback"]).await;
    assert_later_round_written_back(&env).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn delayed_invoice_never_overwrites_a_later_one() {
    let mut env = TestEnv::with_packages().await;
    env.set("BILAG_RETRY_DELAYS", &["500ms"; 40].join(","));
    let mut first_invoice = answers(403, None);
    first_invoice.subject.invoice_number = Some("90001".to_owned());
    env.sandbox.oms.add_fault(first_invoice);
    let _all = env.consume(&["all"]).await;
    publish(&env, [1]).await;
    eventually("the first is rejected", async || (!env.sandbox.oms.ledger().is_empty()).then_some(())).await;
    env.publish_package(&packed_again(1)).await;
    eventually("the second is written", async || {
        env.sandbox.oms.summary().packages.get(&1).is_some_and(|it| it.number == "90002").then_some(())
    })
    .await;
    env.sandbox.oms.clear_faults();
    assert_later_round_written_back(&env).await;
}
