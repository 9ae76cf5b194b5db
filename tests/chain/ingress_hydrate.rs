//! Hydration: webhooks with ids only become whole receipts or dead letters, and are never lost.

use bilag_tests::{Ingress, TestEnv, eventually};
use sandbox::hydrate::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

fn ids(uid: &str) -> Value {
    json!({
        "action": "ORDER_RECEIPT_SETTLED",
        "tenant": { "Id": 7, "Uid": "7" },
        "store": { "Id": 1, "Uid": "70" },
        "orderReceipt": { "Id": 7123, "Uid": uid }
    })
}

async fn hydrating() -> TestEnv {
    let mut env = TestEnv::new().await;
    let url = env.sandbox.hydrate_url();
    env.set("BILAG_INGRESS_HYDRATE_URL", &url);
    env.set("BILAG_INGRESS_HYDRATE_AUTHORIZATION", "Bearer a-hook");
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_become_one_receipt() {
    let mut env = hydrating().await;
    let _all = env.consume(&["all"]).await;
    let ingress = env.ingress().await;
    for _ in 0..2 {
        assert_eq!(ingress.flow(&ids("rcpt-1")).await.expect("an answer"), 202);
    }
    eventually("it is complete", async || (env.records(State::Complete).await == 1).then_some(())).await;
    let summary = env.sandbox.omnium.summary();
    assert!(summary.violations.is_empty() && summary.invoices.contains_key("rcpt-1"), "{summary:?}");
    assert!(env.sandbox.hydrate.summary().violations.is_empty());
    assert!(env.dead_letters().is_empty());
}

fn fault(json: &Value) -> Rule {
    serde_json::from_value(json.clone()).expect("a rule")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failing_hook_gets_503_and_refusing_hook_a_dead_letter() {
    let mut env = hydrating().await;
    env.set("BILAG_INGRESS_TIMEOUT", "5s");
    let _all = env.consume(&["receipt", "dead"]).await;
    let ingress = env.ingress().await;
    let hook = env.sandbox.hydrate.clone();
    let answers = |status: u16| {
        hook.clear_faults();
        hook.add_fault(fault(&json!({ "fault": { "kind": "status", "status": status } })));
    };
    for (status, expected) in
        [(500, 503), (503, 503), (401, 503), (403, 503), (302, 503), (204, 503), (404, 202), (422, 202)]
    {
        answers(status);
        let answer = ingress.flow(&ids(&format!("rcpt-{status}"))).await.expect("an answer");
        assert_eq!(answer, expected, "the hook answers {status}");
    }
    hook.clear_faults();
    hook.add_fault(Rule::new(Fault::SlowAnswer { ms: 60_000 }));
    assert_eq!(ingress.flow(&ids("rcpt-slow")).await.expect("an answer"), 503, "the hook does not answer");
    answers(429);
    assert_eq!(ingress.flow(&ids("rcpt-429")).await.expect("an answer"), 503, "the hook answers 429");
    let letters = eventually("both are dead letters", async || {
        let letters = env.dead_letters();
        (letters.len() == 2).then_some(letters)
    })
    .await;
    assert!(letters.iter().all(|letter| letter["reason"] == "invalid_event"), "{letters:?}");
    let bodies: Vec<_> = env.vhost.peek("bilag.receipt.dead", 5).await;
    assert!(bodies.iter().any(|letter| letter.body == ids("rcpt-404").to_string().as_bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_without_a_hook_become_a_dead_letter() {
    let mut env = TestEnv::new().await;
    let _all = env.consume(&["receipt", "dead"]).await;
    let ingress: Ingress = env.ingress().await;
    assert_eq!(ingress.flow(&ids("rcpt-1")).await.expect("an answer"), 202);
    eventually("it is a dead letter", async || (env.dead_letters().len() == 1).then_some(())).await;
    assert!(ingress.process.log().contains("BILAG_INGRESS_HYDRATE_URL is not set"));
}
