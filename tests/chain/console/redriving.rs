//! Finding a group, fixing its cause and redriving it.

use bilag_tests::{Browser, TestEnv};
use serde_json::json;

use super::{assert_document, assert_fits, broken, dead, publish_rejected};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_a_group_once_its_cause_is_fixed() {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    let _all = env.consume(&["all"]).await;
    publish_rejected(&env, 1201..=1212).await;
    env.publish(&broken(1213)).await;
    dead(&env, 13).await;

    let console = env.console(&[]).await;
    let browser = Browser::wide().await;
    browser.open(&console.url).await;
    browser.wait_for_text("13 dead letters").await;
    assert_fits(&browser).await;
    browser.save_screenshot("chain").await;

    browser.click_text("13 dead letters").await;
    browser.wait_for_text("13 dead letters waiting, by cause").await;
    let refused = browser.find("table.groups tbody tr:nth-child(2)").await.text().await.expect("a text");
    assert!(refused.contains("The market NO-OSLO is not known") && refused.contains("12"), "{refused}");
    assert!(refused.contains("correct what Omnium's answer names"), "{refused}");
    assert_fits(&browser).await;
    browser.save_screenshot("letters").await;

    browser.click("table.groups tbody tr:nth-child(2) a").await;
    browser.wait_for_text("12 dead letters waiting, by cause").await;
    browser.wait_for_text("What to do: correct what Omnium's answer names").await;
    browser.save_screenshot("letters-of-a-cause").await;
    browser.click("table.letters tbody tr a").await;
    browser.wait_for_text("Content (invoice.rendered.v1)").await;
    for shown in ["The market NO-OSLO is not known", "Turski «Fonna» 180 cm", "Kari Nordmann"] {
        browser.wait_for_text(shown).await;
    }
    assert_document(&browser).await;
    assert_fits(&browser).await;
    browser.save_screenshot("letter").await;

    env.sandbox.omnium.clear_faults();
    browser.click_text("all dead letters with this cause").await;
    browser.click("input[name=which][value=all]").await;
    browser.click_text("Redrive…").await;
    browser.wait_for_text("Redrive 12 dead letters?").await;
    browser.fill("rate", "4").await;
    browser.save_screenshot("redrive").await;
    browser.click_text("Redrive 12 dead letters").await;
    browser.wait_for_text("Running; it continues when you leave this page.").await;
    browser.run("window.sameAsBefore = true").await;
    browser.wait_for_text("of 12 dead letter(s) of upload redriven").await;
    browser.save_screenshot("job").await;
    browser.wait_for_text("12 of 12 dead letter(s) of upload redriven").await;
    browser.wait_for_text("To the dead letters").await;
    assert_eq!(browser.run("return window.sameAsBefore").await, json!(true), "the page renewed itself");
    assert_fits(&browser).await;
    browser.save_screenshot("job-done").await;

    browser.click_text("To the dead letters").await;
    browser.wait_for_text("1 dead letter waiting, by cause").await;
    browser.click("table.letters tbody tr a").await;
    browser.wait_for_text("at orderReceipt.items[0].unitPrice").await;
    browser.click_text("Discard…").await;
    browser.click_text("Discard 1 dead letter").await;
    browser.wait_for_text("1 of 1 dead letter(s) of receipt discarded").await;
    browser.click_text("Chain").await;
    browser.wait_for_text("No dead letters.").await;
    browser.save_screenshot("chain-without-dead-letters").await;

    env.complete(12).await;
    env.assert_exactly_once(1201..=1212);
    browser.click_text("Audit").await;
    browser.wait_for_text("redrive").await;
    browser.save_screenshot("audit").await;
    browser.close().await;
}
