//! The same tasks without a mouse.

use bilag_tests::{Browser, TestEnv};

use super::{dead, publish_rejected};

/// Non-character keys, by their WebDriver code points.
const TAB: &str = "\u{e004}";
const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";
const SPACE: &str = " ";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_handled_by_keyboard_alone() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    publish_rejected(&env, 1..=3).await;
    env.sandbox.omnium.clear_faults();
    let console = env.console(&[]).await;
    let browser = Browser::wide().await;

    browser.open(&console.url).await;
    browser.keys(TAB).await;
    assert_eq!(browser.focus().await, "Skip to the content");
    browser.keys("?").await;
    browser.wait_for_text("previous in the list").await;
    browser.save_screenshot("keys").await;
    browser.keys(ESCAPE).await;
    browser.press_until_focused(TAB, "3 dead letters").await;
    browser.keys(ENTER).await;
    browser.wait_for_text("3 dead letters waiting, by cause").await;

    // The first row is the group, the next ones are its dead letters.
    for key in ["j", "j", "j", "k"] {
        browser.keys(key).await;
    }
    browser.save_screenshot("keyboard").await;
    let chosen = browser.find("tr:focus-within .muted").await.text().await.expect("an id");
    browser.keys(ENTER).await;
    browser.wait_for_text(&format!("Dead letter {chosen}")).await;
    browser.press_until_focused(TAB, "Redrive…").await;
    browser.keys(ENTER).await;
    browser.wait_for_text("Redrive 1 dead letter?").await;
    browser.press_until_focused(TAB, "Redrive 1 dead letter").await;
    browser.keys(ENTER).await;
    browser.wait_for_text("1 of 1 dead letter(s) of upload redriven").await;
    dead(&env, 2).await;

    browser.press_until_focused(TAB, "To the dead letters").await;
    browser.keys(ENTER).await;
    browser.wait_for_text("2 dead letters waiting, by cause").await;
    browser.keys("/").await;
    assert_eq!(browser.focus().await, "text");
    browser.keys("rcpt").await;
    browser.keys(ENTER).await;
    browser.wait_for_text("Show all").await;
    browser.press_until_focused(TAB, "id").await;
    browser.keys(SPACE).await;
    browser.press_until_focused(TAB, "Discard…").await;
    browser.keys(ENTER).await;
    browser.wait_for_text("Discard 1 dead letter?").await;
    browser.press_until_focused(TAB, "Discard 1 dead letter").await;
    browser.keys(ENTER).await;
    browser.wait_for_text("1 of 1 dead letter(s) of upload discarded").await;
    dead(&env, 1).await;
    browser.close().await;
}
