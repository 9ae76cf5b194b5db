//! Dead letters and the records they close.

use chrono::{DateTime, Duration, Utc};
use sync_store::{
    Closes, DeadLetter, DeadLetterFilter, Death, Key, Listed, NewDeadLetter, PackageKey, Page, Place,
    RecordFilter, State, SyncStore,
};

use crate::fresh::Fresh;
use crate::given::{LONG, ONE, TARGET, granted, in_state, key, letter, note, opened, record};

const MANY: u32 = 100;

async fn ids(store: &dyn SyncStore, filter: DeadLetterFilter) -> Vec<String> {
    let letters = store.dead_letters(&filter, Page::first(MANY)).await.expect("listed");
    letters.into_iter().map(|noted| noted.letter.id).collect()
}

/// What each target's record says it died of; `None` where it lives.
async fn deaths(store: &dyn SyncStore, key: &Key) -> Vec<(String, Option<Death>)> {
    let filter = RecordFilter { receipt: Some(key.receipt_uid.clone()), ..RecordFilter::default() };
    let listed = store.records(&filter, Page::first(MANY)).await.expect("listed");
    let deaths = listed.into_iter().map(|Listed { record, .. }| {
        assert_eq!(record.death.is_some(), record.state == State::Dead, "{record:?}");
        (record.target, record.death)
    });
    let mut deaths: Vec<_> = deaths.collect();
    deaths.sort_by(|one, other| one.0.cmp(&other.0));
    deaths
}

fn death_of(letter: &DeadLetter) -> Option<Death> {
    let DeadLetter { stage, reason, error, .. } = letter.clone();
    Some(Death { stage, reason, error })
}

pub(crate) async fn closes_the_record_of_its_target_with_the_reason(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::InvoiceCreated).await;
    let _ = opened(&*store, &key, "package", true, b"{}").await;
    let letter = letter("l", "omnium_rejected", Some(&key));
    note(&*store, &letter, ONE).await;
    let expected = [(TARGET.to_owned(), death_of(&letter)), ("package".to_owned(), None)];
    assert_eq!(deaths(&*store, &key).await, expected);
}

pub(crate) async fn closes_every_record_and_at_least_one(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    let letter = letter("l", "render_failed", Some(&key));
    let complete = in_state(&*store, "complete", State::Complete).await;
    let _ = opened(&*store, &complete, "package", true, b"{}").await;
    let of_complete = DeadLetter { id: "m".into(), key: Some(complete.clone()), ..letter.clone() };
    for letter in [&letter, &of_complete] {
        note(&*store, letter, Closes::Every { at_least: "erp" }).await;
    }
    let dead = death_of(&letter);
    let expected = [("erp".to_owned(), dead.clone()), (TARGET.to_owned(), dead.clone())];
    assert_eq!(deaths(&*store, &key).await, expected);
    let expected =
        [("erp".to_owned(), dead.clone()), (TARGET.to_owned(), None), ("package".to_owned(), dead)];
    assert_eq!(deaths(&*store, &complete).await, expected);
}

pub(crate) async fn a_redriven_record_continues_where_it_died(fresh: &Fresh) {
    let store = fresh.connect().await;
    for state in [State::Pending, State::InvoiceCreated, State::Attaching] {
        let key = in_state(&*store, state.as_str(), state).await;
        for (id, reason) in [("first", "omnium_rejected"), ("second", "retries_exhausted")] {
            note(&*store, &letter(&format!("{id}-{state}"), reason, Some(&key)), ONE).await;
        }
        let record = granted(&*store, &key, "a", LONG).await;
        assert_eq!((record.state, record.death), (state, None));
    }
}

pub(crate) async fn leaves_complete_and_skipped_records_alone(fresh: &Fresh) {
    let store = fresh.connect().await;
    for state in [State::Complete, State::Skipped] {
        let key = in_state(&*store, state.as_str(), state).await;
        note(&*store, &letter(state.as_str(), "retries_exhausted", Some(&key)), ONE).await;
        let record = record(&*store, &key).await;
        assert_eq!((record.state, record.death), (state, None));
    }
    assert_eq!(
        ids(&*store, DeadLetterFilter::default()).await.len(),
        2,
        "the dead letters are kept all the same"
    );
}

pub(crate) async fn writing_twice_keeps_one(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    let letter = letter("l", "omnium_rejected", Some(&key));
    note(&*store, &letter, ONE).await;
    assert!(store.move_dead_letter("l", Place::Redriven).await.expect("asked"));
    granted(&*store, &key, "a", LONG).await;

    note(&*store, &letter, ONE).await;
    assert_eq!(record(&*store, &key).await.state, State::Pending, "the late copy closed the record again");
    assert_eq!(ids(&*store, DeadLetterFilter::default()).await, [""; 0]);
    let redriven = DeadLetterFilter { place: Place::Redriven, ..DeadLetterFilter::default() };
    assert_eq!(ids(&*store, redriven).await, ["l"]);
}

pub(crate) async fn a_later_death_replaces_the_first(fresh: &Fresh) {
    let store = fresh.connect().await;
    let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
    let key = in_state(&*store, "r", State::Pending).await;
    let first = DeadLetter { last_failed_at: Some(now), ..letter("l", "omnium_rejected", Some(&key)) };
    let later = [
        DeadLetter { redriven: 1, reason: "render_failed".into(), ..first.clone() },
        DeadLetter { redriven: 1, last_failed_at: Some(now + Duration::hours(1)), ..first.clone() },
    ];
    note(&*store, &first, ONE).await;
    for letter in later {
        store.move_dead_letter("l", Place::Redriven).await.expect("asked");
        note(&*store, &letter, ONE).await;
        let noted = store.dead_letter("l").await.expect("asked").expect("kept").noted;
        assert_eq!((noted.letter, noted.place), (letter.clone(), Place::Dead));
        let death = record(&*store, &key).await.death.expect("dead");
        assert_eq!(death.reason, letter.reason);
    }
}

pub(crate) async fn a_broken_message_leaves_the_receipt_alone(fresh: &Fresh) {
    let store = fresh.connect().await;
    let on_its_way = in_state(&*store, "heard", State::Pending).await;
    let unheard = key("unheard");
    for reason in ["undecodable", "invalid_event", "conflicting_receipt", "too_large", "transform_failed"] {
        for key in [&on_its_way, &unheard] {
            for closes in [ONE, Closes::Target("package"), Closes::Every { at_least: "package" }] {
                let letter = letter(&format!("{reason}-{key}-{closes:?}"), reason, Some(key));
                note(&*store, &letter, closes).await;
            }
        }
        assert_eq!(record(&*store, &on_its_way).await.state, State::Pending, "{reason}");
        assert_eq!(store.record(&on_its_way, "package").await.expect("asked"), None, "{reason}");
        let record = record(&*store, &unheard).await;
        assert_eq!((record.state, record.heard_count), (State::Dead, 0), "{reason}");
        assert_eq!(record.death.expect("it says why").reason, reason);
    }
}

pub(crate) async fn a_running_lease_outlives_the_dead_letter(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", LONG).await;
    note(&*store, &letter("l", "retries_exhausted", Some(&key)), ONE).await;
    let answer = store.lease(&key, TARGET, "b", LONG).await.expect("asked");
    assert!(matches!(answer, sync_store::Lease::Held { .. }), "a call of a's may be in flight: {answer:?}");
    assert_eq!(record(&*store, &key).await.state, State::Dead);
}

pub(crate) async fn keeps_one_about_no_receipt(fresh: &Fresh) {
    let store = fresh.connect().await;
    let letter = DeadLetter { message_id: None, ..letter("l", "undecodable", None) };
    note(&*store, &letter, ONE).await;
    note(&*store, &DeadLetter { id: "m".into(), ..letter.clone() }, ONE).await;
    let kept = store.dead_letter("l").await.expect("asked").expect("kept");
    assert_eq!(kept.noted.letter, letter);
    assert_eq!(ids(&*store, DeadLetterFilter::default()).await.len(), 2);
    assert_eq!(store.counts().await.expect("counted"), [], "it made a record of no receipt");
    assert_eq!(store.dead_letter("n").await.expect("asked"), None);
}

pub(crate) async fn keeps_the_start_of_a_body(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, size) in
        [("empty", 0), ("all", NewDeadLetter::BODY_KEPT), ("start", NewDeadLetter::BODY_KEPT + 1)]
    {
        let body = vec![0xfe; size];
        let letter = letter(id, "undecodable", None);
        let new = NewDeadLetter { letter: &letter, headers: "{}", body: &body, closes: ONE };
        store.note_dead(&new).await.expect("noted");
        let kept = store.dead_letter(id).await.expect("asked").expect("kept");
        assert_eq!(kept.noted.body_size, size as u64);
        assert_eq!(kept.body, body[..size.min(NewDeadLetter::BODY_KEPT)]);
        assert_eq!(kept.headers, "{}");
    }
}

pub(crate) async fn filters_by_every_field(fresh: &Fresh) {
    let store = fresh.connect().await;
    let start = Utc::now() - Duration::days(1);
    let letters = [
        DeadLetter { stage: "render".into(), ..letter("a", "render_failed", Some(&key("R-1"))) },
        DeadLetter { error: "100% of Æ_\\".into(), ..letter("b", "render_failed", None) },
        DeadLetter {
            message_id: Some("Message-7".into()),
            package: Some(PackageKey::new("Akinon", 73)),
            ..letter("c", "invalid_event", None)
        },
    ];
    for letter in &letters {
        note(&*store, letter, ONE).await;
    }
    let any = DeadLetterFilter::default;
    let text = |text: &str| DeadLetterFilter { text: Some(text.to_owned()), ..any() };
    let table: [(DeadLetterFilter, &[&str]); 17] = [
        (any(), &["a", "b", "c"]),
        (DeadLetterFilter { stage: Some("render".into()), ..any() }, &["a"]),
        (DeadLetterFilter { reason: Some("render_failed".into()), ..any() }, &["a", "b"]),
        (DeadLetterFilter { tenant: Some(key("R-1").tenant_uid), ..any() }, &["a"]),
        (DeadLetterFilter { tenant: Some("nobody".into()), ..any() }, &[]),
        (DeadLetterFilter { since: Some(start), ..any() }, &["a", "b", "c"]),
        (DeadLetterFilter { since: Some(start + Duration::days(2)), ..any() }, &[]),
        (text("r-1"), &["a"]),
        (text("0%"), &["b"]),
        (text("%"), &["b"]),
        (text("_\\"), &["b"]),
        (DeadLetterFilter { not_in_errors: true, ..text("_\\") }, &[]),
        (DeadLetterFilter { not_in_errors: true, ..text("r-1") }, &["a"]),
        (text("MESSAGE-7"), &["c"]),
        (text("akinon/73"), &["c"]),
        (text("akinon/730"), &[]),
        (DeadLetterFilter { place: Place::Discarded, ..any() }, &[]),
    ];
    for (filter, expected) in table {
        let mut found = ids(&*store, filter.clone()).await;
        found.sort();
        assert_eq!(found, expected, "{filter:?}");
    }
    let mut seen = Vec::new();
    for offset in 0..3 {
        seen.extend(store.dead_letters(&any(), Page { limit: 1, offset }).await.expect("listed"));
    }
    assert_eq!(seen, store.dead_letters(&any(), Page::first(MANY)).await.expect("listed"));
    for letter in letters {
        let kept = store.dead_letter(&letter.id).await.expect("asked").expect("kept");
        assert_eq!(kept.noted.letter, letter);
    }
}

pub(crate) async fn counts_those_that_wait(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (id, reason) in [("a", "render_failed"), ("b", "render_failed"), ("c", "invalid_event")] {
        note(&*store, &letter(id, reason, None), ONE).await;
    }
    let counts = async || {
        let counts = store.dead_counts().await.expect("counted");
        counts.into_iter().map(|count| (count.reason, count.count)).collect::<Vec<_>>()
    };
    assert_eq!(counts().await, [("invalid_event".into(), 1), ("render_failed".into(), 2)]);
    assert!(store.move_dead_letter("b", Place::Redriven).await.expect("asked"));
    assert!(store.move_dead_letter("c", Place::Discarded).await.expect("asked"));
    assert!(!store.move_dead_letter("d", Place::Discarded).await.expect("asked"));
    assert_eq!(counts().await, [("render_failed".into(), 1)]);
    assert!(store.move_dead_letter("c", Place::Dead).await.expect("asked"));
    assert_eq!(counts().await, [("invalid_event".into(), 1), ("render_failed".into(), 1)]);
    let noted = store.dead_letter("a").await.expect("asked").expect("kept").noted;
    assert_eq!(store.dead_counts().await.expect("counted")[1].oldest, noted.noted_at);
}
