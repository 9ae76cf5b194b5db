//! The same pages on a telephone, in the dark.

use bilag_tests::{Browser, World};
use serde_json::json;

use super::{assert_document, assert_fits, broken, dead, publish_refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_is_discarded_and_restored_on_a_phone() {
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    publish_refused(&world, 1201..=1202).await;
    world.publish(&broken(1203)).await;
    dead(&world, 3).await;
    let console = world.console(&[]).await;
    let browser = Browser::narrow_and_dark().await;

    browser.open(&console.url).await;
    let dark = browser.run("return matchMedia('(prefers-color-scheme: dark)').matches").await;
    assert_eq!(dark, json!(true));
    assert_fits(&browser).await;
    browser.picture("phone-chain").await;
    browser.press("3 dead letters").await;
    browser.shows("3 dead letters waiting, by cause").await;
    assert_fits(&browser).await;
    browser.picture("phone-letters").await;
    browser.click("table.letters tbody tr:last-child a").await;
    browser.shows("Content").await;
    assert_document(&browser).await;
    assert_fits(&browser).await;
    browser.picture("phone-letter").await;
    browser.page.back().await.expect("back");

    browser.click("table.letters tbody tr:last-child input[type=checkbox]").await;
    browser.press("Discard…").await;
    browser.shows("Discard 1 dead letter?").await;
    assert_fits(&browser).await;
    browser.picture("phone-discard").await;
    browser.press("Discard 1 dead letter").await;
    browser.shows("1 of 1 dead letter(s) of upload discarded").await;
    browser.press("To the dead letters").await;
    browser.shows("2 dead letters waiting, by cause").await;
    browser.press("Discarded").await;
    browser.shows("1 dead letter discarded, by cause").await;
    assert_fits(&browser).await;
    browser.picture("phone-discarded").await;
    browser.click("table.letters tbody tr a").await;
    browser.shows("It is in the archive").await;
    browser.press("Restore…").await;
    browser.press("Restore 1 dead letter").await;
    browser.shows("1 of 1 dead letter(s) of upload restored").await;
    browser.picture("phone-job").await;
    browser.press("To the dead letters").await;
    browser.shows("3 dead letters waiting, by cause").await;
    dead(&world, 3).await;

    for path in ["/receipts", "/packages", "/report?from=2026-11-02&to=2026-11-02", "/audit", "/jobs"] {
        browser.open(&console.at(path)).await;
        assert_fits(&browser).await;
        browser.picture(&format!("phone-{}", path[1..].split('?').next().unwrap_or_default())).await;
    }
    browser.close().await;
}
