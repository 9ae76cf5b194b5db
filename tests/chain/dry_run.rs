//! A dry run passes every stage, writes nothing, and its receipts are sent once it is over.

use bilag_tests::{TestEnv, eventually, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::Value;
use sync_store::State;

/// Writing calls to Omnium.
fn written(env: &TestEnv) -> usize {
    let writes = |call| matches!(call, Call::Upsert | Call::Attach);
    env.sandbox.omnium.ledger().iter().filter(|entry| writes(entry.call)).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_nothing_to_omnium_and_shows_what_it_would() {
    let mut env = TestEnv::new().await;
    env.set("BILAG_DRY_RUN", "true");
    let mut all = env.consume(&["all"]).await;
    for number in 1..=5 {
        env.publish(&receipt(number)).await;
    }
    eventually("all passed every stage", async || {
        (env.records(State::Skipped).await == 5 && all.log().matches("dry run: would create").count() == 5)
            .then_some(())
    })
    .await;
    assert!(all.log().contains("dry run (BILAG_DRY_RUN)"), "{}", all.log());
    assert_eq!((written(&env), env.dead_letters().len()), (0, 0));
    let shown = env.ok(&["sync", "show", "1"]);
    let line = shown.lines().find(|line| line.starts_with("dry run")).expect("it is shown");
    assert!(line.contains("would create invoice rcpt-1 of 3836.50 NOK with 1.pdf ("), "{line}");
    all.kill();

    env.set("BILAG_DRY_RUN", "false");
    let mut all = env.consume(&["all"]).await;
    for number in 1..=5 {
        env.publish(&receipt(number)).await;
    }
    env.complete(5).await;
    all.kill();
    assert_eq!(written(&env), 10, "each is created once and has its file once");
    let shown: Value = serde_json::from_str(&env.ok(&["sync", "show", "1", "--json"])).expect("JSON");
    assert!(shown[0]["dryRun"].is_null(), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completes_an_invoice_created_before_it() {
    let mut env = TestEnv::new().await;
    // Omnium creates the invoice, and its answer is lost.
    let lost = Fault::Status { status: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None, done: true };
    env.sandbox.omnium.add_fault(Rule::new(lost).on(Call::Upsert));
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    eventually("the invoice is created", async || (written(&env) > 0).then_some(())).await;
    all.terminate();
    eventually("it has ended", async || all.has_ended()).await;
    env.sandbox.omnium.clear_faults();

    env.set("BILAG_DRY_RUN", "true");
    let mut all = env.consume(&["all"]).await;
    let found = |call| env.sandbox.omnium.ledger().iter().filter(|entry| entry.call == call).count();
    eventually("the dry run looks it up", async || (found(Call::Get) > 0).then_some(())).await;
    all.terminate();
    eventually("it has ended", async || all.has_ended()).await;
    assert_eq!((env.records(State::Pending).await, found(Call::Attach)), (1, 0), "{}", all.log());

    // It waits in a retry queue; publishing again avoids the wait.
    env.set("BILAG_DRY_RUN", "false");
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;
    env.assert_exactly_once(1..=1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_nothing_to_other_targets_or_the_invoice_service() {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    env.set("BILAG_DRY_RUN", "true");
    let all = env.start(&["consume", "all"]);
    eventually("the consumers consume", async || {
        (all.log().matches(" consuming ").count() >= 6).then_some(())
    })
    .await;
    assert!(all.log().contains("packed (BILAG_DRY_RUN"), "{}", all.log());
    let mut with_package = receipt(1);
    with_package["package"] = serde_json::json!({ "id": 73, "number": "000000073" });
    env.publish(&with_package).await;
    eventually("it reached each target", async || (env.records(State::Skipped).await == 3).then_some(()))
        .await;
    assert_eq!(written(&env), 0);
    assert!(env.sandbox.oms.ledger().is_empty() && env.sandbox.erp.ledger().is_empty());
    assert!(env.sandbox.invoice_service.ledger().is_empty());
}
