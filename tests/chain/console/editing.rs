//! A broken event, corrected in the browser.

use bilag_tests::{Browser, World, receipt};
use serde_json::Value;

use super::{TIMEOUT, assert_fits, broken, dead};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_event_is_corrected_validated_and_completes() {
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    world.publish(&broken(1201)).await;
    dead(&world, 1).await;
    let console = world.console(&["--allow-edit"]).await;
    let browser = Browser::wide().await;
    browser.open(&console.at("/letters")).await;
    browser.click("table.letters tbody tr a").await;
    browser.shows("at orderReceipt.items[0].unitPrice").await;
    browser.press("Edit…").await;
    browser.shows("Body to be sent to bilag.receipt").await;
    assert!(browser.value("body").await.contains("\"unitPrice\": \"349900\""));
    browser.picture("edit").await;

    browser.press("Check…").await;
    browser.shows("Nothing was changed.").await;
    browser.complaints().await;
    let mut wrong = receipt(1201);
    wrong["orderReceipt"]["voucherNumber"] = Value::Null;
    let wrong = wrong.to_string();
    browser.fill("body", &wrong).await;
    browser.press("Check…").await;
    browser.shows("receipt cannot decode this: at orderReceipt.voucherNumber").await;
    assert_eq!(browser.value("body").await, wrong, "what was typed is kept");
    browser.complaints().await;
    browser.picture("edit-refused").await;
    browser.fill("body", &receipt(1202).to_string()).await;
    browser.press("Check…").await;
    browser.press("Send").await;
    browser.shows("the dead letter is about receipt 7/rcpt-1201").await;
    assert_eq!(world.dead_letters().len(), 1);
    browser.complaints().await;

    browser.fill("body", &receipt(1201).to_string()).await;
    browser.press("Check…").await;
    browser.shows("Send the corrected body?").await;
    assert_fits(&browser).await;
    browser.picture("edit-sure").await;
    browser.press("Send").await;
    browser.shows("It is in the archive").await;
    assert_fits(&browser).await;
    browser.picture("edited").await;
    world.complete_within(TIMEOUT, 1).await;
    world.assert_exactly_once(1201..=1201);
    browser.open(&console.at("/letters?place=discarded")).await;
    browser.shows("1 dead letter discarded, by cause").await;
    browser.close().await;
}
