//! Editing an invalid event in the browser.

use bilag_tests::{Browser, TestEnv, receipt};
use serde_json::Value;

use super::{assert_fits, broken, dead};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_event_is_corrected_validated_and_completes() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    env.publish(&broken(1201)).await;
    dead(&env, 1).await;
    let console = env.console(&["--allow-edit"]).await;
    let browser = Browser::wide().await;
    browser.open(&console.at("/letters")).await;
    browser.click("table.letters tbody tr a").await;
    browser.wait_for_text("at orderReceipt.items[0].unitPrice").await;
    browser.click_text("Edit…").await;
    browser.wait_for_text("Body to be sent to bilag.receipt").await;
    assert!(browser.value("body").await.contains("\"unitPrice\": \"349900\""));
    browser.save_screenshot("edit").await;

    browser.click_text("Check…").await;
    browser.wait_for_text("Nothing was changed.").await;
    browser.console_errors().await;
    let mut wrong = receipt(1201);
    wrong["orderReceipt"]["voucherNumber"] = Value::Null;
    let wrong = wrong.to_string();
    browser.fill("body", &wrong).await;
    browser.click_text("Check…").await;
    browser.wait_for_text("receipt cannot decode this: at orderReceipt.voucherNumber").await;
    assert_eq!(browser.value("body").await, wrong, "the typed text is kept");
    browser.console_errors().await;
    browser.save_screenshot("edit-refused").await;
    browser.fill("body", &receipt(1202).to_string()).await;
    browser.click_text("Check…").await;
    browser.click_text("Send").await;
    browser.wait_for_text("the dead letter is about receipt 7/rcpt-1201").await;
    assert_eq!(env.dead_letters().len(), 1);
    browser.console_errors().await;

    browser.fill("body", &receipt(1201).to_string()).await;
    browser.click_text("Check…").await;
    browser.wait_for_text("Send the corrected body?").await;
    assert_fits(&browser).await;
    browser.save_screenshot("edit-sure").await;
    browser.click_text("Send").await;
    browser.wait_for_text("It is in the archive").await;
    assert_fits(&browser).await;
    browser.save_screenshot("edited").await;
    env.complete(1).await;
    env.assert_exactly_once(1201..=1201);
    browser.open(&console.at("/letters?place=discarded")).await;
    browser.wait_for_text("1 dead letter discarded, by cause").await;
    browser.close().await;
}
