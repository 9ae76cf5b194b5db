//! A stage is held up by hand, and let go on.

use bilag_tests::{Browser, World, eventually, receipt};

use super::{TIMEOUT, assert_fits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stage_is_paused_with_a_reason_and_resumed() {
    let world = World::new().await;
    let all = world.consume(&["all"]).await;
    let console = world.console(&[]).await;
    let browser = Browser::wide().await;
    browser.open(&console.url).await;
    browser.shows("No dead letters.").await;
    browser.press("Pause upload…").await;
    browser.shows("stop consuming").await;
    assert_fits(&browser).await;
    browser.picture("pause").await;
    browser.fill("why", "Omnium moves house, until 06:00").await;
    browser.press("Pause upload").await;
    browser.shows("Paused: upload.").await;
    browser.shows("Omnium moves house, until 06:00").await;
    eventually("its process has confirmed", async || {
        all.log().contains("paused by an operator").then_some(())
    })
    .await;
    world.publish(&receipt(1201)).await;
    browser.run("window.sameAsBefore = true").await;
    browser.shows("waiting 1 in retry 0").await;
    assert_eq!(browser.run("return window.sameAsBefore").await, true, "the page renewed itself");
    assert_fits(&browser).await;
    browser.picture("paused").await;
    browser.open(&console.at("/receipts/7/rcpt-1201")).await;
    browser.picture("receipt-paused").await;
    browser.shows("Its message waits in a work queue").await;

    browser.press("Chain").await;
    browser.press("Resume upload…").await;
    browser.shows("Omnium moves house, until 06:00").await;
    browser.picture("resume").await;
    browser.press("Resume").await;
    browser.is_at("/").await;
    world.complete_within(TIMEOUT, 1).await;
    world.assert_exactly_once(1201..=1201);
    browser.gone("Paused: upload.").await;
    browser.picture("resumed").await;
    browser.close().await;
}
