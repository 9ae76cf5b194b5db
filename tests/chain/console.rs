//! Operators at work in a real browser: `bilag console` as a process, its pages in Chromium.

mod editing;
mod hostile;
mod keyboard;
mod login;
mod looking_up;
mod pausing;
mod phone;
mod redriving;

use std::ops::RangeInclusive;

use bilag_tests::{Browser, TIMEOUT, World, eventually_within, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};

/// Omnium refuses every invoice with these words, until its faults are cleared.
fn refuse(world: &World, words: &str) {
    let refusal = Fault::Body { status: StatusCode::BAD_REQUEST, body: json!(words).to_string() };
    world.sandbox.omnium.add_fault(Rule::new(refusal).on(Call::Upsert));
}

/// What Omnium says of a store that it does not know.
const UNKNOWN_MARKET: &str = "The market NO-OSLO is not known";

/// Waits until so many dead letters wait for a person.
async fn dead(world: &World, count: usize) {
    eventually_within(TIMEOUT, &format!("{count} letters are dead"), async || {
        (world.dead_letters().len() == count).then_some(())
    })
    .await;
}

/// Publishes receipts that Omnium refuses, and waits until they are dead.
async fn publish_refused(world: &World, numbers: RangeInclusive<u32>) {
    refuse(world, UNKNOWN_MARKET);
    let count = numbers.clone().count();
    for number in numbers {
        world.publish(&receipt(number)).await;
    }
    dead(world, count).await;
}

/// A receipt with an amount as text.
fn broken(number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["items"][0]["unitPrice"] = json!("349900");
    event
}

/// Nothing is cut off at the side, and nothing went wrong in the page.
async fn assert_fits(browser: &Browser) {
    let script = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(browser.run(script).await, 0, "{} is wider than the screen", at(browser).await);
    let complaints = browser.complaints().await;
    assert!(complaints.is_empty(), "{}: {complaints:?}", at(browser).await);
}

async fn at(browser: &Browser) -> String {
    browser.page.current_url().await.expect("a page is open").to_string()
}

/// The page's frame shows a document: the server sends a PDF, and the browser draws it.
async fn assert_document(browser: &Browser) {
    let script = "const [frame, done] = [document.querySelector('iframe'), arguments[0]];\
                  fetch(frame.src).then(async answer => \
                  done([answer.status, answer.headers.get('content-type'), (await answer.text()).slice(0, 5)]))";
    let answer = browser.page.execute_async(script, Vec::new()).await.expect("it is answered");
    assert_eq!(answer, json!([200, "application/pdf", "%PDF-"]));
    eventually_within(TIMEOUT, "the document is drawn", async || {
        let drawn = browser.find("iframe").await.screenshot().await.ok()?;
        // One without dead letters compresses to less.
        (drawn.len() > 20_000).then_some(())
    })
    .await;
}
