//! The same pages on a phone in dark mode.

use bilag_tests::{Browser, TestEnv};
use serde_json::json;

use super::{assert_document, assert_fits, broken, dead, publish_rejected};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_is_discarded_and_restored_on_a_phone() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    publish_rejected(&env, 1201..=1202).await;
    env.publish(&broken(1203)).await;
    dead(&env, 3).await;
    let console = env.console(&[]).await;
    let browser = Browser::phone_dark().await;

    browser.open(&console.url).await;
    let dark = browser.run("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!(dark, json!(true));
    assert_fits(&browser).await;
    browser.save_screenshot("phone-chain").await;
    browser.click_text("3 dead letters").await;
    browser.wait_for_text("3 dead letters waiting, by cause").await;
    assert_fits(&browser).await;
    browser.save_screenshot("phone-letters").await;
    browser.click("table.letters tbody tr:last-child a").await;
    browser.wait_for_text("Content").await;
    assert_document(&browser).await;
    assert_fits(&browser).await;
    browser.save_screenshot("phone-letter").await;
    browser.page.back().await.expect("back");

    browser.click("table.letters tbody tr:last-child input[type=checkbox]").await;
    browser.click_text("Discard…").await;
    browser.wait_for_text("Discard 1 dead letter?").await;
    assert_fits(&browser).await;
    browser.save_screenshot("phone-discard").await;
    browser.click_text("Discard 1 dead letter").await;
    browser.wait_for_text("1 of 1 dead letter(s) of upload discarded").await;
    browser.click_text("To the dead letters").await;
    browser.wait_for_text("2 dead letters waiting, by cause").await;
    browser.click_text("Discarded").await;
    browser.wait_for_text("1 dead letter discarded, by cause").await;
    assert_fits(&browser).await;
    browser.save_screenshot("phone-discarded").await;
    browser.click("table.letters tbody tr a").await;
    browser.wait_for_text("It is in the archive").await;
    browser.click_text("Restore…").await;
    browser.click_text("Restore 1 dead letter").await;
    browser.wait_for_text("1 of 1 dead letter(s) of upload restored").await;
    browser.save_screenshot("phone-job").await;
    browser.click_text("To the dead letters").await;
    browser.wait_for_text("3 dead letters waiting, by cause").await;
    dead(&env, 3).await;

    for path in ["/receipts", "/packages", "/report?from=2026-11-02&to=2026-11-02", "/audit", "/jobs"] {
        browser.open(&console.at(path)).await;
        assert_fits(&browser).await;
        browser.save_screenshot(&format!("phone-{}", path[1..].split('?').next().unwrap_or_default())).await;
    }
    browser.close().await;
}
