//! Groups of dead letters that died of the same thing.

use sync_store::{DeadCause, DeadLetter, DeadLetterFilter, DeadLetterId, Page, Place, SyncStore, group_id};

use crate::fresh::Fresh;
use crate::given::{ONE, letter, note};

async fn noted(store: &dyn SyncStore, id: &str, error: &str) {
    note(store, &DeadLetter { error: error.to_owned(), ..letter(id, "omnium_rejected", None) }, ONE).await;
}

async fn groups(store: &dyn SyncStore, filter: &DeadLetterFilter) -> Vec<DeadCause> {
    store.dead_causes(filter, Page::first(10)).await.expect("grouped")
}

fn rows(groups: &[DeadCause]) -> Vec<(&str, u64, &str)> {
    groups.iter().map(|group| (&*group.cause, group.count, &*group.letter)).collect()
}

pub(crate) async fn groups_by_cause_with_the_newest_of_each(fresh: &Fresh) {
    let store = fresh.connect().await;
    noted(&*store, "a", "Omnium answered 400: \"store 70\"").await;
    noted(&*store, "b", "Omnium answered 409").await;
    noted(&*store, "c", "Omnium answered 400: \"store 71\"").await;
    fresh.run("update dead_letter set noted_at = 1 where id = 'a'").await;
    fresh.run("update dead_letter set noted_at = 2 where id = 'b'").await;
    fresh.run("update dead_letter set noted_at = 3 where id = 'c'").await;
    let any = DeadLetterFilter::default();
    let found = groups(&*store, &any).await;
    assert_eq!(rows(&found), [("Omnium answered 400: \"…\"", 2, "c"), ("Omnium answered 409", 1, "b")]);
    let first = &found[0];
    assert_eq!((first.oldest.timestamp_millis(), first.newest.timestamp_millis()), (1, 3));
    assert_eq!(first.error, "Omnium answered 400: \"store 71\"");
    assert_eq!(first.id(), group_id("upload", "omnium_rejected", "Omnium answered 400: \"…\""));
    let second = store.dead_causes(&any, Page { limit: 1, offset: 1 }).await.expect("grouped");
    assert_eq!(second, found[1..]);

    let of_group = DeadLetterFilter { cause: Some(first.cause.clone()), ..any.clone() };
    let mut ids = store.dead_letter_ids(&of_group).await.expect("listed");
    ids.sort_by(|one, other| one.id.cmp(&other.id));
    let id = |id: &str| DeadLetterId { stage: "upload".to_owned(), id: id.to_owned() };
    assert_eq!(ids, [id("a"), id("c")]);
    let by_id = DeadLetterFilter { group: Some(first.id()), ..any.clone() };
    assert_eq!(groups(&*store, &by_id).await, found[..1], "a group is found by its id");
    let unknown = DeadLetterFilter { group: Some("00000000".to_owned()), ..any.clone() };
    assert_eq!(groups(&*store, &unknown).await, []);
    let counts = store.dead_letters_by_stage(&by_id).await.expect("counted");
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("upload".to_owned(), 2)]);
    let text = DeadLetterFilter { text: Some("store 70".to_owned()), ..any };
    assert_eq!(rows(&groups(&*store, &text).await), [("Omnium answered 400: \"…\"", 1, "a")]);
}

pub(crate) async fn moves_many_at_once(fresh: &Fresh) {
    let store = fresh.connect().await;
    let ids: Vec<_> = (0..5).map(|number| format!("l{number}")).collect();
    for id in &ids {
        noted(&*store, id, "refused").await;
    }
    let mut moved = ids[1..3].to_vec();
    moved.extend(["unknown".to_owned(), "a \"quoted\\ one".to_owned()]);
    assert_eq!(store.move_dead_letters(&moved, Place::Discarded).await.expect("moved"), 2);
    assert_eq!(store.move_dead_letters(&[], Place::Discarded).await.expect("moved"), 0);
    let counts = store.dead_counts().await.expect("counted");
    assert_eq!(counts[0].count, 3);
    let chosen = DeadLetterFilter { ids: Some(ids[..2].to_vec()), ..DeadLetterFilter::default() };
    let found = store.dead_letters(&chosen, Page::first(10)).await.expect("listed");
    assert_eq!(found.iter().map(|noted| &*noted.letter.id).collect::<Vec<_>>(), ["l0"]);
}

pub(crate) async fn fills_causes_of_an_earlier_version(fresh: &Fresh) {
    let store = fresh.connect().await;
    for number in 0..5 {
        noted(&*store, &format!("l{number}"), &format!("voucher {number} is unknown")).await;
    }
    noted(&*store, "silent", "").await;
    fresh.run("update dead_letter set cause = '', group_id = ''").await;
    assert_eq!(groups(&*store, &DeadLetterFilter::default()).await.len(), 1, "they are counted meanwhile");
    let mut filled = 0;
    loop {
        let more = store.fill_causes(4).await.expect("filled");
        filled += more;
        if more < 4 {
            break;
        }
    }
    assert_eq!(filled, 6);
    let found = groups(&*store, &DeadLetterFilter::default()).await;
    let by_id = DeadLetterFilter { group: Some(found[0].id()), ..DeadLetterFilter::default() };
    assert_eq!(groups(&*store, &by_id).await, found[..1], "and their group's id");
    let mut counts: Vec<_> = found.iter().map(|group| (&*group.cause, group.count)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [("no error is told", 1), ("voucher # is unknown", 5)]);
}

pub(crate) async fn keeps_stages_and_errors_of_any_length(fresh: &Fresh) {
    let store = fresh.connect().await;
    let long = DeadLetter {
        stage: "ø".repeat(5_000),
        reason: "r".repeat(5_000),
        error: "Æ ".repeat(5_000),
        ..letter("l", "x", None)
    };
    note(&*store, &long, ONE).await;
    let kept = store.dead_letter("l").await.expect("asked").expect("kept").noted.letter;
    assert_eq!(kept.error, long.error);
    assert_eq!((kept.stage.as_str(), kept.reason.as_str()), (&*"ø".repeat(100), &*"r".repeat(200)));
}
