//! Dead letters that are larger than the index keeps, read from their queue.

use std::time::Duration;

use amqp::{Browser, DeadLetterQueue};
use console::Role;
use operate::dead_letters::{Action, DeadLetterError, DeadLetterService, MoveRequest, Selection};
use reqwest::StatusCode;
use serde_json::Value;
use sync_store::{DeadLetterFilter, NewDeadLetter, Page, Place};
use tokio_util::sync::CancellationToken;

use crate::given::{letter, noted};
use crate::vhost::Vhost;
use crate::world::World;

/// A world with one long dead letter in its queue and in the index, and its id.
async fn with_long_letter() -> (Vhost, World, String) {
    let vhost = Vhost::new().await;
    let world = World::at(&vhost.url).await;
    vhost.die([format!("{{\"text\": \"{} the end\"}}", "x".repeat(NewDeadLetter::BODY_KEPT))]).await;
    let mut browser =
        Browser::begin(&vhost.broker(), "render", DeadLetterQueue::Dead).await.expect("a browser");
    let found = browser.next().await.expect("read").expect("it is there");
    let long = letter(&found.id, "render", "render_failed", "the template has a mistake");
    noted(world.store.as_ref(), &long, &Value::Null, &found.message.body).await;
    browser.end().await;
    (vhost, world, found.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_letter_is_read_whole_once_and_never_while_somebody_moves_letters() {
    let (vhost, world, id) = with_long_letter().await;
    let desk = world.desk(Role::Operator).await;
    let minute = Duration::from_secs(60);
    assert!(world.store.named_lease("dead:render", "kari 1", minute).await.expect("asked"));
    let busy = desk.page(&format!("/letters/{id}?whole=1")).await;
    assert!(
        busy.contains("kari is moving dead letters of render") && !busy.contains("the end"),
        "{busy:.3000}"
    );
    let document = desk.get(&format!("/letters/{id}/document.pdf")).await;
    assert_eq!(document.status, StatusCode::BAD_REQUEST);
    assert!(world.store.named_lease("dead:render", "kari 1", Duration::ZERO).await.expect("asked"));

    assert!(desk.page(&format!("/letters/{id}?whole=1")).await.contains("the end"));
    assert!(
        world.store.named_lease("dead:render", "ola 1", minute).await.expect("asked"),
        "it was given back"
    );
    assert!(
        desk.page(&format!("/letters/{id}?whole=1")).await.contains("the end"),
        "it is kept for a moment"
    );
    let document = desk.get(&format!("/letters/{id}/document.pdf")).await;
    assert!(document.text.contains("This dead letter has no PDF"), "{}", document.text);
    vhost.delete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_in_the_hands_of_another_reader_are_not_taken_for_gone() {
    let (vhost, world, id) = with_long_letter().await;
    // A foreign program, which knows no lease.
    let channel = vhost.channel().await;
    let mut reader = channel
        .basic_consume("bilag.render.dead".into(), "".into(), Default::default(), Default::default())
        .await
        .expect("it reads");
    let _in_hand =
        futures_util::StreamExt::next(&mut reader).await.expect("a dead letter").expect("it comes");
    let service = DeadLetterService {
        store: world.store.clone(),
        broker: vhost.broker(),
        stages: crate::world::stages(),
        delays: Vec::new(),
    };
    let request = MoveRequest {
        action: Action::Discard,
        who: "ola",
        rate: None,
        into_paused: false,
        cancel: CancellationToken::new(),
        progress: &|_| {},
    };
    let moved = service.execute(&request, &Selection::Ids(vec![id])).await;
    assert!(matches!(moved, Err(DeadLetterError::HeldByOthers { left: 1, .. })), "{moved:?}");
    let waiting = DeadLetterFilter { place: Place::Dead, ..Default::default() };
    let waiting = world.store.dead_letters(&waiting, Page::first(9));
    assert_eq!(waiting.await.expect("read").len(), 1, "the list still has it");
    vhost.delete().await;
}
