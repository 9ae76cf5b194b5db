//! The same way without a mouse.

use bilag_tests::{Browser, World};

use super::{dead, publish_refused};

/// Keys without a sign, as WebDriver writes them.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const SPACE: &str = " ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_handled_by_keyboard_alone() {
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    publish_refused(&world, 1..=3).await;
    world.sandbox.omnium.clear_faults();
    let console = world.console(&[]).await;
    let browser = Browser::wide().await;

    browser.open(&console.url).await;
    browser.keys(TAB).await;
    assert_eq!(browser.focus().await, "Skip to the content");
    browser.keys("?").await;
    browser.shows("previous in the list").await;
    browser.picture("keys").await;
    browser.keys(ESCAPE).await;
    browser.keys_until(TAB, "3 dead letters").await;
    browser.keys(ENTER).await;
    browser.shows("3 dead letters waiting, by cause").await;

    // The first row is the cause, the next ones are the dead letters.
    for key in ["j", "j", "j", "k"] {
        browser.keys(key).await;
    }
    browser.picture("keyboard").await;
    let chosen = browser.find("tr.here .muted").await.text().await.expect("an id");
    browser.keys(ENTER).await;
    browser.shows(&format!("Dead letter {chosen}")).await;
    browser.keys_until(TAB, "Redrive…").await;
    browser.keys(ENTER).await;
    browser.shows("Redrive 1 dead letter?").await;
    browser.keys_until(TAB, "Redrive 1 dead letter").await;
    browser.keys(ENTER).await;
    browser.shows("1 of 1 dead letter(s) of upload redriven").await;
    dead(&world, 2).await;

    browser.keys_until(TAB, "To the dead letters").await;
    browser.keys(ENTER).await;
    browser.shows("2 dead letters waiting, by cause").await;
    browser.keys("/").await;
    assert_eq!(browser.focus().await, "text");
    browser.keys("rcpt").await;
    browser.keys(ENTER).await;
    browser.shows("Show all").await;
    browser.keys_until(TAB, "id").await;
    browser.keys(SPACE).await;
    browser.keys_until(TAB, "Discard…").await;
    browser.keys(ENTER).await;
    browser.shows("Discard 1 dead letter?").await;
    browser.keys_until(TAB, "Discard 1 dead letter").await;
    browser.keys(ENTER).await;
    browser.shows("1 of 1 dead letter(s) of upload discarded").await;
    dead(&world, 1).await;
    browser.close().await;
}
