//! The console in a real browser: `bilag console` as a process, its pages in Chromium.

mod editing;
mod hostile;
mod keyboard;
mod login;
mod looking_up;
mod pausing;
mod phone;
mod redriving;

use std::ops::RangeInclusive;

use bilag_tests::{Browser, TIMEOUT, TestEnv, eventually_within, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};

/// Omnium rejects every invoice with this message, until its faults are cleared.
fn reject_invoices(env: &TestEnv, words: &str) {
    let refusal = Fault::Body { status: StatusCode::BAD_REQUEST, body: json!(words).to_string() };
    env.sandbox.omnium.add_fault(Rule::new(refusal).on(Call::Upsert));
}

/// Omnium's message for an unknown store.
const UNKNOWN_MARKET: &str = "The market NO-OSLO is not known";

/// Waits until the index has so many dead letters.
async fn dead(env: &TestEnv, count: usize) {
    eventually_within(TIMEOUT, &format!("{count} dead letters are indexed"), async || {
        (env.dead_letters().len() == count).then_some(())
    })
    .await;
}

/// Publishes receipts that Omnium rejects, and waits until they are dead letters.
async fn publish_rejected(env: &TestEnv, numbers: RangeInclusive<u32>) {
    reject_invoices(env, UNKNOWN_MARKET);
    let count = numbers.clone().count();
    for number in numbers {
        env.publish(&receipt(number)).await;
    }
    dead(env, count).await;
}

/// A receipt with an amount of the wrong type.
fn broken(number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["items"][0]["unitPrice"] = json!("349900");
    event
}

/// The page is no wider than the screen, and the browser logged no error.
async fn assert_fits(browser: &Browser) {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.run(script).await, 0, "{} is wider than the screen", at(browser).await);
    let console_errors = browser.console_errors().await;
    assert!(console_errors.is_empty(), "{}: {console_errors:?}", at(browser).await);
}

async fn at(browser: &Browser) -> String {
    browser.page.current_url().await.expect("a page is open").to_string()
}

/// The page's frame shows a document: the server sends a PDF, and the browser renders it.
async fn assert_document(browser: &Browser) {
    let script = "const [frame, done] = [document.querySelector('iframe'), arguments[0]];\
                  fetch(frame.src).then(async answer => \
                  done([answer.status, answer.headers.get('content-type'), (await answer.text()).slice(0, 5)]))";
    let answer = browser.page.execute_async(script, Vec::new()).await.expect("it is answered");
    assert_eq!(answer, json!([200, "application/pdf", "%PDF-"]));
    eventually_within(TIMEOUT, "the document is drawn", async || {
        let drawn = browser.find("iframe").await.screenshot().await.ok()?;
        // An empty frame compresses to fewer bytes.
        (drawn.len() > 20_000).then_some(())
    })
    .await;
}
