//! Processes are killed between a call and its follow-up, or run twice: still one key,
//! one receipt and one invoice.

use bilag_tests::{TIMEOUT, TestEnv, eventually, eventually_within, package, transitioned};
use serde_json::json;
use sync_store::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_request_repeats_the_same_key() {
    use sandbox::invoice_service::{Fault, Rule};
    let env = TestEnv::with_packages().await;
    env.sandbox.invoice_service.add_fault(Rule::new(Fault::SlowAnswer { ms: 900 }).times(1));
    env.ok(&["topology", "apply"]);
    let _rest = env.consume(&["receipt", "render", "upload", "writeback", "dead"]).await;
    let mut packed = env.consume(&["packed"]).await;
    env.publish_package(&package(1)).await;
    eventually("the service has the request and has issued the invoice", async || {
        let asked = env.sandbox.invoice_service.summary();
        (!asked.packages.get(&1)?.receipts.is_empty()).then_some(())
    })
    .await;
    packed.kill();
    assert_eq!(env.rounds(1)[0]["state"], "asking");
    assert!(env.sandbox.omnium.ledger().is_empty(), "nothing followed");

    let _again = env.consume(&["packed"]).await;
    env.wait_until_invoiced(1).await;
    env.assert_one_invoice(1);
    assert_eq!(env.sandbox.invoice_service.summary().packages[&1].keys["akinon/1/1"], 2);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_the_write_back_repeats_it_unchanged() {
    use sandbox::oms::{Fault, Rule};
    let env = TestEnv::with_packages().await;
    env.sandbox.oms.add_fault(Rule::new(Fault::SlowAnswer { ms: 900 }).times(1));
    env.ok(&["topology", "apply"]);
    let _rest = env.consume(&["packed", "receipt", "render", "upload", "dead"]).await;
    let mut writeback = env.consume(&["writeback"]).await;
    env.publish_package(&package(1)).await;
    eventually("the package is written", async || {
        env.sandbox.oms.summary().packages.contains_key(&1).then_some(())
    })
    .await;
    writeback.kill();
    assert_eq!(env.rounds(1)[0]["writtenBack"], "attaching");

    let _again = env.consume(&["writeback"]).await;
    env.wait_until_invoiced(1).await;
    env.assert_one_invoice(1);
    assert_eq!(env.sandbox.oms.summary().packages[&1].times, 2);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicate_consumers_and_events_invoice_each_package_once() {
    const PACKAGES: u64 = 20;
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    let _one = env.consume(&["all"]).await;
    let _other = env.consume(&["all"]).await;
    for id in 1..=PACKAGES {
        for time in 0..3 {
            for mut event in [package(id), transitioned(id)] {
                let uuid = event["event"]["uuid"].as_str().expect("a uuid").to_owned();
                event["event"]["uuid"] = json!(format!("{uuid}-{time}"));
                env.publish_package(&event).await;
            }
        }
    }
    for target in ["omnium", "package", "erp"] {
        env.wait_for_records(target, State::Complete, PACKAGES).await;
    }
    eventually_within(TIMEOUT, "every queue is empty", async || {
        let queues = env.vhost.get("queues/{vhost}").await;
        let queues = queues.as_array().cloned().unwrap_or_default();
        (!queues.is_empty() && queues.iter().all(|queue| queue["messages"] == 0)).then_some(())
    })
    .await;
    for id in 1..=PACKAGES {
        env.assert_one_invoice(id);
        assert_eq!(env.rounds(id).len(), 1);
    }
    let erp = env.sandbox.erp.summary();
    assert!(erp.violations.is_empty(), "{:?}", erp.violations);
    assert_eq!(erp.invoices.len() as u64, PACKAGES);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}
