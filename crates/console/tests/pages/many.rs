//! Many dead letters: counts come at once, lists in pages.

use console::Role;
use futures_util::StreamExt;
use futures_util::stream::iter;
use serde_json::Value;

use crate::given::{letter, noted};
use crate::world::World;

const MANY: u32 = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_letters_are_counted_at_once_and_listed_in_pages() {
    let world = World::new().await;
    let store = world.store.as_ref();
    let noting = iter(0..MANY).map(|i| async move {
        let error = format!("voucher {i} of kind {}", if i % 2 == 0 { "even" } else { "odd" });
        let letter = letter(&format!("{i:016x}"), "render", "render_failed", &error);
        noted(store, &letter, &Value::Null, b"{}").await;
    });
    noting.buffer_unordered(64).collect::<Vec<_>>().await;
    let desk = world.desk(Role::Operator).await;
    let first = desk.page("/letters").await;
    assert!(first.contains("20\u{202f}000 dead letters waiting, by cause"), "{first}");
    assert!(first.contains("<strong>10000</strong>"), "two causes of ten thousand each");
    assert!(first.len() < 100_000, "{} bytes", first.len());
    assert_eq!(first.matches("name=\"id\"").count(), 50);
    let last = desk.page("/letters?offset=19950").await;
    assert_eq!(last.matches("name=\"id\"").count(), 50);
    assert!(!last.contains("rel=\"next\"") && last.contains("rel=\"prev\""), "{last}");
    let beyond = desk.page("/letters?offset=30000").await;
    assert!(beyond.contains("No dead letters on this page"), "{beyond}");
    let ids = |page: &str| -> Vec<String> {
        let ids = page.split("name=\"id\" value=\"").skip(1);
        ids.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
    };
    let second = desk.page("/letters?offset=50").await;
    assert!(ids(&second).iter().all(|id| !ids(&first).contains(id)), "no dead letter is on two pages");
    let asked = desk.post("/letters/confirm", &[("act", "discard"), ("which", "all"), ("text", "odd")]).await;
    assert!(asked.text.contains("Discard 10\u{202f}000 dead letters?"), "{}", asked.text);
    let lines = desk.get("/letters/export").await.text.lines().count();
    assert_eq!(lines, MANY as usize);
}
