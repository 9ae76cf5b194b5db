//! An operator pauses and resumes a stage.

use bilag_tests::{Browser, TestEnv, eventually, receipt};

use super::assert_fits;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stage_is_paused_with_a_reason_and_resumed() {
    let env = TestEnv::new().await;
    let all = env.consume(&["all"]).await;
    let console = env.console(&[]).await;
    let browser = Browser::wide().await;
    browser.open(&console.url).await;
    browser.wait_for_text("No dead letters.").await;
    browser.click_text("Pause upload…").await;
    browser.wait_for_text("stop consuming").await;
    assert_fits(&browser).await;
    browser.save_screenshot("pause").await;
    browser.fill("why", "Omnium moves house, until 06:00").await;
    browser.click_text("Pause upload").await;
    browser.wait_for_text("Paused: upload.").await;
    browser.wait_for_text("Omnium moves house, until 06:00").await;
    eventually("the process has confirmed", async || {
        all.log().contains("paused by an operator").then_some(())
    })
    .await;
    env.publish(&receipt(1201)).await;
    browser.run("window.sameAsBefore = true").await;
    browser.wait_for_text("waiting 1 in retry 0").await;
    assert_eq!(browser.run("return window.sameAsBefore").await, true, "the page renewed itself");
    assert_fits(&browser).await;
    browser.save_screenshot("paused").await;
    browser.open(&console.at("/receipts/7/rcpt-1201")).await;
    browser.save_screenshot("receipt-paused").await;
    browser.wait_for_text("Its message waits in a work queue").await;

    browser.click_text("Chain").await;
    browser.click_text("Resume upload…").await;
    browser.wait_for_text("Omnium moves house, until 06:00").await;
    browser.save_screenshot("resume").await;
    browser.click_text("Resume").await;
    browser.wait_for_path("/").await;
    env.complete(1).await;
    env.assert_exactly_once(1201..=1201);
    browser.wait_until_gone("Paused: upload.").await;
    browser.save_screenshot("resumed").await;
    browser.close().await;
}
