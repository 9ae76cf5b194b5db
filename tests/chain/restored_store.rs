//! A store that was restored from a backup: what was attached since is neither updated nor attached again.

use bilag_tests::{TIMEOUT, World, eventually, receipt};
use sandbox::omnium::Call;

const BEFORE: u32 = 5;
const SINCE: u32 = 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finds_in_omnium_what_the_backup_lacks() {
    let mut world = World::new().await;
    let mut all = world.consume(&["all"]).await;
    for number in 1..=BEFORE {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, BEFORE.into()).await;
    let backup = world.backup();
    for number in BEFORE + 1..=BEFORE + SINCE {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, (BEFORE + SINCE).into()).await;
    all.terminate();
    eventually("it has ended", async || all.has_ended()).await;

    world.restore(&backup);
    world.set("BILAG_RESTORED_AT", &chrono::Utc::now().to_rfc3339());
    let writes = || {
        let ledger = world.sandbox.omnium.ledger();
        ledger.iter().filter(|entry| matches!(entry.call, Call::Upsert | Call::Attach)).count()
    };
    let written = writes();
    let _again = world.consume(&["all"]).await;
    // The till's export, or the bus, has what the store has forgotten.
    for number in BEFORE + 1..=BEFORE + SINCE {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, (BEFORE + SINCE).into()).await;
    assert_eq!(writes(), written, "nothing was written a second time");
    world.assert_exactly_once(1..=BEFORE + SINCE);
}
