//! Text written by tills and customers stays text on every page.

use bilag_tests::{Browser, TestEnv, eventually_within, receipt};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};

use super::{TIMEOUT, assert_fits, dead, reject_invoices};

const HOSTILE: &str = "</bdi></title></textarea><script>document.title='x'</script>\
                       <img src=x onerror=\"document.title='x'\">\u{202e}";

/// The same for voucher numbers, which are short and contain no bidi marks.
const HOSTILE_NUMBER: &str = "</title><script>document.title='x'</script>";

/// A receipt that is hostile in every free-text member.
fn hostile(number: u32) -> Value {
    let mut event = receipt(number);
    for (place, hostile) in [
        ("/orderReceipt/items/0/name", HOSTILE),
        ("/orderReceipt/items/0/sku", HOSTILE_NUMBER),
        ("/orderReceipt/customer/displayName", HOSTILE),
        ("/orderReceipt/order/address/displayName", HOSTILE),
        ("/orderReceipt/order/orderNumber", HOSTILE_NUMBER),
        ("/orderReceipt/settlements/0/name", HOSTILE),
        ("/orderReceipt/seller/name", HOSTILE),
    ] {
        *event.pointer_mut(place).expect("the sample has one") = json!(hostile);
    }
    event
}

async fn is_harmless(browser: &Browser) {
    let title = browser.page.title().await.expect("a title");
    assert!(title.ends_with(" – Bilag"), "{title}");
    let strange = "return document.querySelectorAll('main script, main img, textarea script').length";
    assert_eq!(browser.run(strange).await, 0);
    // No Content Security Policy violation was logged.
    assert_fits(browser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_markup_stays_text_on_every_page() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    reject_invoices(&env, HOSTILE);
    env.publish(&hostile(1201)).await;
    dead(&env, 1).await;
    // A dead letter published by another program.
    let mut headers = FieldTable::default();
    for name in [amqp::header_names::REASON, amqp::header_names::ERROR, "x-till"] {
        headers.insert(name.into(), AMQPValue::LongString(HOSTILE.into()));
    }
    let properties = BasicProperties::default().with_headers(headers).with_message_id(HOSTILE.into());
    env.publish_to("bilag.dead", "receipt", HOSTILE.as_bytes(), properties).await;
    dead(&env, 2).await;

    let console = env.console(&["--allow-edit"]).await;
    let browser = Browser::wide().await;
    browser.open(&console.at("/stages/render/pause")).await;
    browser.fill("why", HOSTILE).await;
    browser.click_text("Pause render").await;
    browser.wait_for_text("onerror").await;
    is_harmless(&browser).await;
    browser.open(&console.at("/stages/render/pause")).await;
    is_harmless(&browser).await;
    browser.click_text("Resume").await;

    browser.open(&console.at("/letters")).await;
    browser.wait_for_text("2 dead letters waiting").await;
    is_harmless(&browser).await;
    browser.save_screenshot("hostile-letters").await;
    for letter in env.dead_letters() {
        let id = letter["id"].as_str().expect("an id");
        browser.open(&console.at(&format!("/letters/{id}"))).await;
        browser.wait_for_text("onerror").await;
        is_harmless(&browser).await;
        browser
            .save_screenshot(&format!("hostile-letter-{}", letter["stage"].as_str().unwrap_or_default()))
            .await;
        browser.open(&console.at(&format!("/letters/{id}/edit"))).await;
        browser.wait_for_text("Body to be sent to").await;
        is_harmless(&browser).await;
    }
    browser.open(&console.at("/receipts")).await;
    browser.fill("q", HOSTILE).await;
    browser.click_text("Find").await;
    is_harmless(&browser).await;
    browser.open(&console.at("/receipts/7/rcpt-1201")).await;
    browser.wait_for_text("onerror").await;
    is_harmless(&browser).await;
    browser.save_screenshot("hostile-receipt").await;
    for path in ["/receipts", "/packages", "/report?from=2026-11-02&to=2026-11-02", "/audit", "/jobs"] {
        browser.open(&console.at(path)).await;
        is_harmless(&browser).await;
    }
    eventually_within(TIMEOUT, "the action is in the audit log", async || {
        browser.open(&console.at("/audit")).await;
        browser.text().await.contains("onerror").then_some(())
    })
    .await;
    browser.close().await;
}
