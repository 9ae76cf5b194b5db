//! Where is this receipt, and what of the day?

use bilag_tests::{Browser, World, receipt};
use serde_json::json;

use super::{TIMEOUT, assert_document, assert_fits, dead, refuse};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finds_a_receipt_its_status_document_and_day() {
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    for number in 1201..=1203 {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, 3).await;
    refuse(&world, super::UNKNOWN_MARKET);
    let mut oles = receipt(1205);
    for place in ["/orderReceipt/customer/displayName", "/orderReceipt/order/address/displayName"] {
        *oles.pointer_mut(place).expect("the sample has one") = json!("Ole Bråten");
    }
    world.publish(&oles).await;
    dead(&world, 1).await;

    let console = world.console(&[]).await;
    let browser = Browser::wide().await;
    browser.open(&console.url).await;
    browser.press("Receipts").await;
    browser.shows("Latest receipts").await;
    assert_fits(&browser).await;
    browser.picture("receipts").await;
    browser.fill("q", "1202").await;
    browser.press("Find").await;
    browser.is_at("/receipts/7/rcpt-1202").await;
    browser.shows("It has arrived.").await;
    browser.shows("1202.pdf").await;
    assert_document(&browser).await;
    assert_fits(&browser).await;
    browser.picture("receipt").await;

    browser.press("Receipts").await;
    browser.shows("Latest receipts").await;
    browser.fill("q", "bråten").await;
    browser.press("Find").await;
    browser.is_at("/receipts/7/rcpt-1205").await;
    browser.shows("Its dead letter waits for an operator:").await;
    browser.shows("What to do: correct what Omnium's answer names").await;
    assert_document(&browser).await;
    browser.picture("receipt-held").await;
    browser.press("Receipts").await;
    browser.shows("Latest receipts").await;
    browser.fill("q", "nordmann").await;
    browser.press("Find").await;
    browser.shows("Receipts matching “nordmann”").await;
    browser.fill("q", "nobody").await;
    browser.press("Find").await;
    browser.shows("No matching receipts.").await;
    browser.picture("receipts-none").await;

    browser.press("Report").await;
    browser.is_at("/report").await;
    browser.fill("from", "11022026").await;
    browser.fill("to", "11022026").await;
    browser.press("Show").await;
    browser.shows("4 received = 3 complete + 0 skipped + 1 dead + 0 in progress").await;
    browser.shows("1 number is missing").await;
    assert_fits(&browser).await;
    browser.picture("report").await;
    browser.press("Download CSV").await;
    let csv = browser.downloaded("receipts-2026-11-02-2026-11-02.csv").await;
    assert!(csv.contains("1204"), "{csv}");
    assert_eq!(browser.complaints().await, [""; 0]);
    browser.close().await;
}
