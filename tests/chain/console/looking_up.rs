//! Looking up a receipt, its status and document, and the day's report.

use bilag_tests::{Browser, TestEnv, receipt};
use serde_json::json;

use super::{assert_document, assert_fits, dead, reject_invoices};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finds_a_receipt_its_status_document_and_day() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    for number in 1201..=1203 {
        env.publish(&receipt(number)).await;
    }
    env.complete(3).await;
    reject_invoices(&env, super::UNKNOWN_MARKET);
    let mut oles = receipt(1205);
    for place in ["/orderReceipt/customer/displayName", "/orderReceipt/order/address/displayName"] {
        *oles.pointer_mut(place).expect("the sample has one") = json!("Ole Bråten");
    }
    env.publish(&oles).await;
    dead(&env, 1).await;

    let console = env.console(&[]).await;
    let browser = Browser::wide().await;
    browser.open(&console.url).await;
    browser.click_text("Receipts").await;
    browser.wait_for_text("Latest receipts").await;
    assert_fits(&browser).await;
    browser.save_screenshot("receipts").await;
    browser.fill("q", "1202").await;
    browser.click_text("Find").await;
    browser.wait_for_path("/receipts/7/rcpt-1202").await;
    browser.wait_for_text("It has arrived.").await;
    browser.wait_for_text("1202.pdf").await;
    assert_document(&browser).await;
    assert_fits(&browser).await;
    browser.save_screenshot("receipt").await;

    browser.click_text("Receipts").await;
    browser.wait_for_text("Latest receipts").await;
    browser.fill("q", "bråten").await;
    browser.click_text("Find").await;
    browser.wait_for_path("/receipts/7/rcpt-1205").await;
    browser.wait_for_text("Its dead letter waits for an operator:").await;
    browser.wait_for_text("What to do: correct what Omnium's answer names").await;
    assert_document(&browser).await;
    browser.save_screenshot("receipt-held").await;
    browser.click_text("Receipts").await;
    browser.wait_for_text("Latest receipts").await;
    browser.fill("q", "nordmann").await;
    browser.click_text("Find").await;
    browser.wait_for_text("Receipts matching “nordmann”").await;
    browser.fill("q", "nobody").await;
    browser.click_text("Find").await;
    browser.wait_for_text("No matching receipts.").await;
    browser.save_screenshot("receipts-none").await;

    browser.click_text("Report").await;
    browser.wait_for_path("/report").await;
    browser.fill("from", "11022026").await;
    browser.fill("to", "11022026").await;
    browser.click_text("Show").await;
    browser.wait_for_text("4 received = 3 complete + 0 skipped + 1 dead + 0 in progress").await;
    browser.wait_for_text("1 number is missing").await;
    assert_fits(&browser).await;
    browser.save_screenshot("report").await;
    browser.click_text("Download CSV").await;
    let csv = browser.downloaded("receipts-2026-11-02-2026-11-02.csv").await;
    assert!(csv.contains("1204"), "{csv}");
    assert_eq!(browser.console_errors().await, [""; 0]);
    browser.close().await;
}
