//! From a cause to its end, with the mouse.

use bilag_tests::{Browser, World};
use serde_json::json;

use super::{assert_document, assert_fits, broken, dead, publish_refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrives_a_group_once_its_cause_is_fixed() {
    let mut world = World::with_packages().await;
    world.deliver_to_erp();
    let _all = world.consume(&["all"]).await;
    publish_refused(&world, 1201..=1212).await;
    world.publish(&broken(1213)).await;
    dead(&world, 13).await;

    let console = world.console(&[]).await;
    let browser = Browser::wide().await;
    browser.open(&console.url).await;
    browser.shows("13 dead letters").await;
    assert_fits(&browser).await;
    browser.picture("chain").await;

    browser.press("13 dead letters").await;
    browser.shows("13 dead letters waiting, by cause").await;
    let refused = browser.find("table.groups tbody tr:nth-child(2)").await.text().await.expect("a text");
    assert!(refused.contains("The market NO-OSLO is not known") && refused.contains("12"), "{refused}");
    assert!(refused.contains("correct what Omnium's answer names"), "{refused}");
    assert_fits(&browser).await;
    browser.picture("letters").await;

    browser.click("table.groups tbody tr:nth-child(2) a").await;
    browser.shows("12 dead letters waiting, by cause").await;
    browser.shows("What to do: correct what Omnium's answer names").await;
    browser.picture("letters-of-a-cause").await;
    browser.click("table.letters tbody tr a").await;
    browser.shows("Content (invoice.rendered.v1)").await;
    for shown in ["The market NO-OSLO is not known", "Turski «Fonna» 180 cm", "Kari Nordmann"] {
        browser.shows(shown).await;
    }
    assert_document(&browser).await;
    assert_fits(&browser).await;
    browser.picture("letter").await;

    world.sandbox.omnium.clear_faults();
    browser.press("all dead letters with this cause").await;
    browser.click("input[name=which][value=all]").await;
    browser.press("Redrive…").await;
    browser.shows("Redrive 12 dead letters?").await;
    browser.fill("rate", "4").await;
    browser.picture("redrive").await;
    browser.press("Redrive 12 dead letters").await;
    browser.shows("Running; it continues when you leave this page.").await;
    browser.run("window.sameAsBefore = true").await;
    browser.shows("of 12 dead letter(s) of upload redriven").await;
    browser.picture("job").await;
    browser.shows("12 of 12 dead letter(s) of upload redriven").await;
    browser.shows("To the dead letters").await;
    assert_eq!(browser.run("return window.sameAsBefore").await, json!(true), "the page renewed itself");
    assert_fits(&browser).await;
    browser.picture("job-done").await;

    browser.press("To the dead letters").await;
    browser.shows("1 dead letter waiting, by cause").await;
    browser.click("table.letters tbody tr a").await;
    browser.shows("at orderReceipt.items[0].unitPrice").await;
    browser.press("Discard…").await;
    browser.press("Discard 1 dead letter").await;
    browser.shows("1 of 1 dead letter(s) of receipt discarded").await;
    browser.press("Chain").await;
    browser.shows("No dead letters.").await;
    browser.picture("chain-without-dead-letters").await;

    world.complete_within(super::TIMEOUT, 12).await;
    world.assert_exactly_once(1201..=1212);
    browser.press("Audit").await;
    browser.shows("redrive").await;
    browser.picture("audit").await;
    browser.close().await;
}
