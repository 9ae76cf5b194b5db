//! Jobs: dead letters are moved at a real broker, with progress, a way to stop, and an end that is told.

use std::time::Duration;

use amqp::{Browser, DeadLetterQueue};
use console::Role;
use reqwest::StatusCode;
use serde_json::Value;
use sync_store::{DeadLetterFilter, Page, Place};
use tokio::time::{Instant, sleep};

use crate::given::{letter, noted, rejected};
use crate::vhost::Vhost;
use crate::world::{Desk, World};

/// A world with dead letters of the stage `render`, in their queue and in the index.
async fn with_letters(count: usize) -> (Vhost, World) {
    let vhost = Vhost::new().await;
    let world = World::at(&vhost.url).await;
    vhost.die((0..count).map(|i| format!("letter {i}"))).await;
    let mut walk = Browser::begin(&vhost.broker(), "render", DeadLetterQueue::Dead).await.expect("a walk");
    let mut seen = 0;
    while let Some(found) = walk.next().await.expect("read") {
        let letter = letter(&found.id, "render", "render_failed", "the template has a mistake");
        noted(world.store.as_ref(), &letter, &Value::Null, &found.message.body).await;
        seen += 1;
    }
    walk.end().await;
    assert_eq!(seen, count);
    (vhost, world)
}

/// Begins a job over all dead letters, and gives the address of its page.
async fn begin(desk: &Desk, act: &str) -> String {
    let begun = desk.post("/letters/act", &[("act", act), ("which", "all")]).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.text);
    begun.headers["location"].to_str().expect("text").to_owned()
}

async fn shows(desk: &Desk, path: &str, text: &str) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let page = desk.page(path).await;
        if page.contains(text) {
            return page;
        }
        assert!(Instant::now() < deadline, "{path} never shows {text:?}: {page}");
        sleep(Duration::from_millis(50)).await;
    }
}

async fn count(world: &World, place: Place) -> usize {
    let filter = DeadLetterFilter { place, ..Default::default() };
    world.store.dead_letters(&filter, Page::first(1000)).await.expect("read").len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redriving_all_is_stopped_in_the_middle_and_taken_up_again() {
    const ALL: usize = 30;
    let (vhost, world) = with_letters(ALL).await;
    let mut taken = vhost.consume().await;
    let desk = world.desk(Role::Operator).await;
    let job = begin(&desk, "redrive").await;
    let page = shows(&desk, &job, "<progress").await;
    assert!(page.contains("data-refresh") && page.contains("http-equiv=\"refresh\""), "{page}");
    assert!(page.contains(&format!("{ALL} render_failed in render")), "what it began with: {page}");
    assert!(desk.page("/letters").await.contains(&job), "the list tells what runs");
    assert_eq!(desk.post(&format!("{job}/stop"), &[]).await.status, StatusCode::SEE_OTHER);
    let page = shows(&desk, &job, "Stopped: ").await;
    assert!(page.contains("by anonymous") && page.contains("the others were not moved"), "{page}");
    assert!(!page.contains("data-refresh"), "an end does not change: {page}");
    let moved = count(&world, Place::Redriven).await;
    assert!((1..ALL).contains(&moved), "{moved}");
    assert_eq!(vhost.ready().await["dead"] as usize, ALL - moved);

    let job = begin(&desk, "redrive").await;
    shows(&desk, &job, "All dead letters were moved.").await;
    assert_eq!((count(&world, Place::Redriven).await, count(&world, Place::Dead).await), (ALL, 0));
    let mut bodies = std::collections::HashSet::new();
    while bodies.len() < ALL {
        assert!(bodies.insert(taken.recv().await.expect("it comes")), "none comes twice");
    }
    assert!(desk.page("/jobs").await.contains("incomplete"));
    let acts = world.store.audit_entries(Page::first(100)).await.expect("acts");
    let (stopped, others): (Vec<_>, Vec<_>) = acts.iter().partition(|act| act.act == "stop");
    assert!(others.iter().all(|act| act.act == "redrive" && act.who == "anonymous"));
    assert_eq!(stopped.len(), 1, "who stopped it is written down");
    assert!(stopped[0].detail.starts_with("job ") && stopped[0].detail.ends_with(" of anonymous"));
    vhost.delete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_discarded_is_restored_and_a_second_operator_is_told() {
    let (vhost, world) = with_letters(5).await;
    let desk = world.desk(Role::Operator).await;
    let held =
        world.store.named_lease("dead:render", "kari 1", Duration::from_secs(60)).await.expect("asked");
    assert!(held);
    let job = begin(&desk, "discard").await;
    shows(&desk, &job, "kari is moving dead letters of render").await;
    let given_back = world.store.named_lease("dead:render", "kari 1", Duration::ZERO).await.expect("asked");
    assert!(given_back);
    let job = begin(&desk, "discard").await;
    shows(&desk, &job, "All dead letters were moved.").await;
    assert_eq!(vhost.ready().await["discarded"], 5);
    assert!(desk.page("/letters?place=discarded").await.contains("5 dead letters discarded"));
    let asked = [("act", "restore"), ("which", "all"), ("place", "discarded")];
    let begun = desk.post("/letters/act", &asked).await;
    let job = begun.headers["location"].to_str().expect("text").to_owned();
    shows(&desk, &job, "All dead letters were moved.").await;
    assert_eq!((vhost.ready().await["discarded"], vhost.ready().await["dead"]), (0, 5));
    vhost.delete().await;
}

#[tokio::test]
async fn a_job_of_before_a_restart_is_none_of_after_it() {
    let world = World::new().await;
    rejected(world.store.as_ref(), 7).await;
    let desk = world.desk(Role::Operator).await;
    let before = begin(&desk, "redrive").await;
    desk.close().await;
    let desk = world.desk(Role::Operator).await;
    let after = begin(&desk, "redrive").await;
    assert_ne!(before, after);
    assert_eq!(desk.post(&format!("{before}/stop"), &[]).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_console_that_is_stopped_stops_its_jobs_orderly() {
    let (vhost, world) = with_letters(30).await;
    let _taken = vhost.consume().await;
    let desk = world.desk(Role::Operator).await;
    let job = begin(&desk, "redrive").await;
    shows(&desk, &job, "<progress").await;
    desk.close().await;
    let moved = count(&world, Place::Redriven).await;
    assert_eq!(vhost.ready().await["dead"] as usize, 30 - moved, "each dead letter is in one place");
    assert!(moved < 30, "it did not wait for all");
    let free = world.store.named_lease("dead:render", "ola 1", Duration::from_secs(60)).await.expect("asked");
    assert!(free, "the lease was given back");
    vhost.delete().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn letters_go_into_a_pause_only_where_that_was_confirmed() {
    let (vhost, world) = with_letters(3).await;
    let desk = world.desk(Role::Operator).await;
    let paused = operate::stages::pause(world.store.as_ref(), "render", "kari", "until 06:00").await;
    paused.map(drop).expect("paused");
    let job = begin(&desk, "redrive").await;
    let page = shows(&desk, &job, "Nothing was moved.").await;
    assert!(page.contains("paused by kari"), "{page}");
    assert_eq!(vhost.ready().await["dead"], 3);
    let sure = [("act", "redrive"), ("which", "all"), ("into_paused", "yes")];
    let begun = desk.post("/letters/act", &sure).await;
    let job = begun.headers["location"].to_str().expect("text").to_owned();
    shows(&desk, &job, "All dead letters were moved.").await;
    assert_eq!((vhost.ready().await["work"], vhost.ready().await["dead"]), (3, 0));
    vhost.delete().await;
}
