//! A stage is held up by hand, and let go on.

use bilag_tests::{Browser, World, receipt};

use super::{MINUTE, assert_fits};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stage_is_paused_with_a_reason_and_goes_on() {
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    let console = world.console(&[]).await;
    let browser = Browser::wide().await;
    browser.open(&console.url).await;
    browser.shows("No dead letter waits for a person.").await;
    browser.press("Pause upload…").await;
    browser.shows("takes nothing more within seconds").await;
    assert_fits(&browser).await;
    browser.picture("pause").await;
    browser.fill("why", "Omnium moves house, until 06:00").await;
    browser.press("Pause upload").await;
    browser.shows("Paused: upload.").await;
    browser.shows("Omnium moves house, until 06:00").await;
    world.publish(&receipt(1201)).await;
    browser.run("window.sameAsBefore = true").await;
    let waiting = "#stage-upload";
    browser.find(waiting).await;
    bilag_tests::eventually_within(MINUTE, "the page shows that one waits", async || {
        let script = "return document.querySelector('#stage-upload').closest('article').innerText";
        let card = browser.run(script).await.as_str()?.to_owned();
        card.replace('\n', " ").contains("waiting 1").then_some(())
    })
    .await;
    assert_eq!(browser.run("return window.sameAsBefore").await, true, "the page renewed itself");
    assert_fits(&browser).await;
    browser.picture("paused").await;
    browser.open(&console.at("/receipts/7/rcpt-1201")).await;
    browser.picture("receipt-paused").await;
    browser.shows("Its message waits in a queue").await;

    browser.press("Chain").await;
    browser.press("Resume upload…").await;
    browser.shows("Omnium moves house, until 06:00").await;
    browser.picture("resume").await;
    browser.press("Let it go on").await;
    browser.is_at("/").await;
    world.complete_within(MINUTE, 1).await;
    world.assert_exactly_once(1201..=1201);
    assert!(!browser.text().await.contains("Paused"), "it goes on");
    browser.close().await;
}
