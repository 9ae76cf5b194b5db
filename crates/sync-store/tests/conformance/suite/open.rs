//! Opening records.

use futures_util::future::join_all;
use sync_store::{Opened, State, StoreError, fingerprint};

use crate::fresh::Fresh;
use crate::given::{ONE, TARGET, in_state, key, letter, note, opened, receipt, record};

pub(crate) async fn a_receipt_is_new_the_first_time(fresh: &Fresh) {
    let store = fresh.connect().await;
    assert_eq!(opened(&*store, &key("r"), TARGET, true, b"{}").await, Opened::New);
    let record = record(&*store, &key("r")).await;
    assert_eq!((record.state, record.heard_count), (State::Pending, 1));
    assert_eq!((record.lease, record.death, record.invoice_id), (None, None, None));
}

pub(crate) async fn an_unwanted_receipt_is_skipped_until_wanted(fresh: &Fresh) {
    let store = fresh.connect().await;
    let steps = [
        (false, Opened::New, State::Skipped),
        (false, Opened::Again(State::Skipped), State::Skipped),
        (true, Opened::Again(State::Pending), State::Pending),
        (false, Opened::Again(State::Pending), State::Pending),
    ];
    for (wanted, answer, state) in steps {
        assert_eq!(opened(&*store, &key("r"), TARGET, wanted, b"{}").await, answer);
        assert_eq!(record(&*store, &key("r")).await.state, state);
    }
}

pub(crate) async fn a_duplicate_answers_the_current_state(fresh: &Fresh) {
    let store = fresh.connect().await;
    for state in State::ALL.into_iter().filter(|state| *state != State::Skipped) {
        let key = in_state(&*store, state.as_str(), state).await;
        assert_eq!(opened(&*store, &key, TARGET, true, b"{}").await, Opened::Again(state));
        let record = record(&*store, &key).await;
        assert_eq!((record.state, record.heard_count), (state, 2));
    }
}

pub(crate) async fn a_uid_belongs_to_its_tenant(fresh: &Fresh) {
    let store = fresh.connect().await;
    let other = sync_store::Key::new("tenant-2", "r");
    assert_eq!(opened(&*store, &key("r"), TARGET, true, b"one").await, Opened::New);
    assert_eq!(opened(&*store, &other, TARGET, true, b"two").await, Opened::New);
    let kept = store.receipt(&other).await.expect("asked").expect("kept");
    assert_eq!(kept.body, b"two");
}

pub(crate) async fn each_target_has_a_record_of_its_own(fresh: &Fresh) {
    let store = fresh.connect().await;
    assert_eq!(opened(&*store, &key("r"), TARGET, true, b"{}").await, Opened::New);
    assert_eq!(opened(&*store, &key("r"), "package", false, b"{}").await, Opened::New);
    let other = store.record(&key("r"), "package").await.expect("asked").expect("there is one");
    assert_eq!((record(&*store, &key("r")).await.state, other.state), (State::Pending, State::Skipped));
}

pub(crate) async fn different_bytes_answer_the_kept_ones(fresh: &Fresh) {
    let store = fresh.connect().await;
    assert_eq!(opened(&*store, &key("r"), TARGET, true, b"first").await, Opened::New);
    for target in [TARGET, "package"] {
        let answer = opened(&*store, &key("r"), target, true, b"second").await;
        let kept = fingerprint(b"first");
        assert_eq!(answer, Opened::Differs { body: b"first".to_vec(), fingerprint: kept });
    }
    assert_eq!(record(&*store, &key("r")).await.heard_count, 1);
    assert_eq!(store.record(&key("r"), "package").await.expect("asked"), None);

    let same = store.open(&receipt(&key("r"), &fingerprint(b"first"), b"second"), TARGET, true).await;
    assert_eq!(same.expect("opened"), Opened::Again(State::Pending));
    assert_eq!(store.receipt(&key("r")).await.expect("asked").expect("kept").body, b"first");
}

pub(crate) async fn a_dead_record_stays_dead(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Dead).await;
    assert_eq!(opened(&*store, &key, TARGET, true, b"{}").await, Opened::Again(State::Dead));
    let record = record(&*store, &key).await;
    assert_eq!(record.death.map(|death| death.reason).as_deref(), Some("omnium_rejected"));
}

pub(crate) async fn a_valid_event_opens_a_record_of_broken_ones(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (wanted, state) in [(true, State::Pending), (false, State::Skipped)] {
        let key = key(state.as_str());
        note(&*store, &letter(state.as_str(), "invalid_event", Some(&key)), ONE).await;
        assert_eq!(record(&*store, &key).await.state, State::Dead);

        assert_eq!(opened(&*store, &key, TARGET, wanted, b"{}").await, Opened::New);
        let record = record(&*store, &key).await;
        assert_eq!((record.state, record.death, record.heard_count), (state, None, 1));
    }
}

pub(crate) async fn of_many_at_once_one_is_new(fresh: &Fresh) {
    let handles = [fresh.connect().await, fresh.connect().await];
    for round in 0..10 {
        let key = key(&format!("r{round}"));
        let answers = join_all((0..16).map(|i| {
            let (store, key) = (&*handles[i % 2], &key);
            async move { opened(store, key, TARGET, true, b"{}").await }
        }))
        .await;
        assert_eq!(answers.iter().filter(|answer| **answer == Opened::New).count(), 1);
        assert_eq!(record(&*handles[0], &key).await.heard_count, 16);
    }
}

pub(crate) async fn keeps_any_text(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = key("o'kvittering; -- 🧾 \"x\"");
    let long = "9".repeat(1 << 20);
    let receipt = sync_store::NewReceipt {
        voucher_number: &long,
        order_number: "a\0b",
        ..receipt(&key, "f", &[0, 255])
    };
    assert_eq!(store.open(&receipt, TARGET, true).await.expect("opened"), Opened::New);
    let kept = store.receipt(&key).await.expect("asked").expect("kept");
    assert_eq!(kept.facts.voucher_number, long);
    assert_eq!(kept.facts.order_number, "a\u{fffd}b", "PostgreSQL has no NUL in texts");
    assert_eq!(kept.body, [0, 255]);
}

pub(crate) async fn distinguishes_a_refused_value_from_a_broken_store(fresh: &Fresh) {
    let store = fresh.connect().await;
    let refuse = if fresh.url.starts_with("sqlite") {
        "create trigger refuse before insert on receipt when new.receipt_uid = 'refused'
         begin select raise(abort, 'no'); end"
    } else {
        "create function refuse() returns trigger language plpgsql as
             $$ begin raise exception 'no'; end $$;
         create trigger refuse before insert on receipt for each row
             when (new.receipt_uid = 'refused') execute function refuse()"
    };
    fresh.run(refuse).await;
    let open = async |uid: &str| store.open(&receipt(&key(uid), "f", b"{}"), TARGET, true).await;
    let refused = open("refused").await;
    assert!(matches!(refused, Err(StoreError::Refused { .. })), "{refused:?}");
    assert_eq!(open("other").await.expect("opened"), Opened::New);
    fresh.run("alter table receipt rename to receipt_of_another_version").await;
    let broken = open("third").await;
    assert!(matches!(broken, Err(StoreError::Broken { .. })), "{broken:?}");
}
