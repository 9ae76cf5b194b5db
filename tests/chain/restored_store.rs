//! A restored backup: receipts attached since are neither updated nor attached again.

use bilag_tests::{TestEnv, eventually, receipt};
use sandbox::omnium::Call;

const BEFORE: u32 = 5;
const SINCE: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finds_in_omnium_what_the_backup_lacks() {
    let mut env = TestEnv::new().await;
    let mut all = env.consume(&["all"]).await;
    for number in 1..=BEFORE {
        env.publish(&receipt(number)).await;
    }
    env.complete(BEFORE.into()).await;
    let backup = env.backup();
    for number in BEFORE + 1..=BEFORE + SINCE {
        env.publish(&receipt(number)).await;
    }
    env.complete((BEFORE + SINCE).into()).await;
    all.terminate();
    eventually("it has ended", async || all.has_ended()).await;

    env.restore(&backup);
    env.set("BILAG_RESTORED_AT", &chrono::Utc::now().to_rfc3339());
    let writes = || {
        let ledger = env.sandbox.omnium.ledger();
        ledger.iter().filter(|entry| matches!(entry.call, Call::Upsert | Call::Attach)).count()
    };
    let written = writes();
    let _again = env.consume(&["all"]).await;
    // The till's export or the bus still has what the store lacks.
    for number in BEFORE + 1..=BEFORE + SINCE {
        env.publish(&receipt(number)).await;
    }
    env.complete((BEFORE + SINCE).into()).await;
    assert_eq!(writes(), written, "nothing was written twice");
    env.assert_exactly_once(1..=BEFORE + SINCE);
}
