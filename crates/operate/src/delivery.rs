//! Delivery status: how far a receipt has come on its way to one target, and what it waits for.

use std::fmt;

use chrono::{DateTime, Utc};
use sync_store::{DeadLetterFilter, Key, NotedDeadLetter, Page, Place, Record, State, StoreError, SyncStore};

use crate::{Stage, remedy};

/// How far a receipt has come on its way to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// `omnium`, `package`, `erp`.
    pub target: String,
    /// Of its sync record.
    pub state: State,
    /// Last change of the record.
    pub since: DateTime<Utc>,
    /// What it waits for.
    pub blocker: Blocker,
}

/// What a receipt waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocker {
    /// It has arrived.
    Nothing,
    /// The target does not want it.
    NotWanted,
    /// A handler has the lease.
    Handler {
        /// Expiry of the lease, unless extended or given back.
        until: DateTime<Utc>,
    },
    /// Its message is in a work queue, or in a retry queue after a failure.
    Queue {
        /// The last handler did not finish: its lease expired.
        interrupted: bool,
    },
    /// Its dead letter waits for an operator.
    DeadLetter {
        /// Of the dead letters.
        ids: Vec<String>,
        /// What to do, in one line.
        remedy: &'static str,
    },
    /// Its dead letter was sent back to its queue and is not handled yet.
    Redriven {
        /// Of the dead letters.
        ids: Vec<String>,
    },
    /// Its dead letter was discarded: nothing happens until it is restored.
    Discarded {
        /// Of the dead letters.
        ids: Vec<String>,
    },
    /// It is dead, and the index has no dead letter of it.
    UnknownDeadLetter,
}

impl Blocker {
    /// Stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::NotWanted => "not_wanted",
            Self::Handler { .. } => "handled",
            Self::Queue { .. } => "queued",
            Self::DeadLetter { .. } => "dead",
            Self::Redriven { .. } => "redriven",
            Self::Discarded { .. } => "discarded",
            Self::UnknownDeadLetter => "letter_unknown",
        }
    }

    /// Whether its message is in a queue.
    pub fn is_queue(&self) -> bool {
        matches!(self, Self::Queue { .. } | Self::Redriven { .. })
    }

    /// Ids of the dead letters that it waits for.
    pub fn dead_letters(&self) -> &[String] {
        match self {
            Self::DeadLetter { ids, .. } | Self::Redriven { ids } | Self::Discarded { ids } => ids,
            _ => &[],
        }
    }
}

/// In words, with the commands that go on from here.
impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing: it has arrived"),
            Self::NotWanted => f.write_str("nothing: the target does not want it"),
            Self::Handler { until } => write!(f, "a handler has the lease until {until}"),
            Self::Queue { interrupted } => {
                let after = if *interrupted { "the last handler did not finish; " } else { "" };
                write!(
                    f,
                    "{after}its message waits in a work queue or a retry queue; if it was lost, the sync cycle sends \
                     it again"
                )
            }
            Self::DeadLetter { ids, remedy } => {
                write!(f, "its dead letter waits for an operator: {} ({remedy})", commands(ids))
            }
            Self::Redriven { ids } => {
                write!(f, "its dead letter was redriven and is not handled yet: {}", commands(ids))
            }
            Self::Discarded { ids } => write!(
                f,
                "its dead letter was discarded; `bilag dead restore ID` brings it back: {}",
                commands(ids)
            ),
            Self::UnknownDeadLetter => f.write_str(
                "it is dead, and the index has no dead letter of it; `bilag dead reindex` searches the queues",
            ),
        }
    }
}

fn commands(ids: &[String]) -> String {
    ids.iter().map(|id| format!("bilag dead show {id}")).collect::<Vec<_>>().join(", ")
}

/// Status of a receipt at the record's target; `letters` are [all about the receipt](dead_letters_about).
pub fn delivery_status(
    record: &Record,
    letters: &[NotedDeadLetter],
    stages: &[Stage],
    now: DateTime<Utc>,
) -> DeliveryStatus {
    let blocker = match record.state {
        State::Complete => Blocker::Nothing,
        State::Skipped => Blocker::NotWanted,
        State::Dead => dead(record, letters, stages),
        State::Pending | State::InvoiceCreated | State::Attaching => match &record.lease {
            Some(lease) if lease.until > now => Blocker::Handler { until: lease.until },
            lease => Blocker::Queue { interrupted: lease.is_some() },
        },
    };
    let since = record.completed_at.unwrap_or(record.updated_at);
    DeliveryStatus { target: record.target.clone(), state: record.state, since, blocker }
}

/// Dead letters of the stage that closed the record: one of another stage closed another target's.
fn dead(record: &Record, letters: &[NotedDeadLetter], stages: &[Stage]) -> Blocker {
    let Some(death) = &record.death else { return Blocker::UnknownDeadLetter };
    let at = |place: Place| -> Vec<String> {
        let its = letters.iter().filter(|noted| noted.letter.key.as_ref() == Some(&record.key));
        let its = its.filter(|noted| noted.letter.stage == death.stage && noted.place == place);
        its.map(|noted| noted.letter.id.clone()).collect()
    };
    let (waiting, redriven, discarded) = (at(Place::Dead), at(Place::Redriven), at(Place::Discarded));
    if !waiting.is_empty() {
        Blocker::DeadLetter { ids: waiting, remedy: remedy(stages, &death.reason) }
    } else if !redriven.is_empty() {
        Blocker::Redriven { ids: redriven }
    } else if !discarded.is_empty() {
        Blocker::Discarded { ids: discarded }
    } else {
        Blocker::UnknownDeadLetter
    }
}

/// Dead letters about a receipt, in every place.
///
/// # Errors
/// The store cannot be read.
pub async fn dead_letters_about(
    store: &dyn SyncStore,
    key: &Key,
) -> Result<Vec<NotedDeadLetter>, StoreError> {
    let mut letters = Vec::new();
    for place in Place::ALL {
        let filter = DeadLetterFilter { place, key: Some(key.clone()), ..Default::default() };
        letters.extend(store.dead_letters(&filter, Page::first(100)).await?);
    }
    Ok(letters)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sync_store::{DeadLetter, Death, LeaseHolder};

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn record(state: State) -> Record {
        let death = Death { stage: "upload".into(), reason: "invalid_event".into(), error: "…".into() };
        Record {
            key: Key::new("31", "r"),
            target: "omnium".into(),
            state,
            invoice_id: None,
            file_name: None,
            pdf_sha256: None,
            lease: None,
            death: (state == State::Dead).then_some(death),
            heard_count: 1,
            created_at: NOW,
            updated_at: NOW,
            completed_at: None,
        }
    }

    fn letter(id: &str, stage: &str, place: Place) -> NotedDeadLetter {
        let letter = DeadLetter {
            id: id.into(),
            stage: stage.into(),
            reason: "invalid_event".into(),
            error: "…".into(),
            key: Some(Key::new("31", "r")),
            package: None,
            message_id: None,
            attempts: 0,
            first_failed_at: None,
            last_failed_at: None,
            redriven: 0,
        };
        NotedDeadLetter { letter, body_size: 0, noted_at: NOW, place }
    }

    fn blocker(record: &Record, letters: &[NotedDeadLetter]) -> Blocker {
        delivery_status(record, letters, &[], NOW).blocker
    }

    #[test]
    fn derives_the_blocker_from_the_record() {
        let lease = |until| Some(LeaseHolder { owner: "a".into(), until });
        let (later, before) = (NOW + Duration::from_secs(1), NOW - Duration::from_secs(1));
        assert_eq!(blocker(&record(State::Complete), &[]), Blocker::Nothing);
        assert_eq!(blocker(&record(State::Skipped), &[]), Blocker::NotWanted);
        for state in [State::Pending, State::InvoiceCreated, State::Attaching] {
            let with = |lease| blocker(&Record { lease, ..record(state) }, &[]);
            assert_eq!(with(None), Blocker::Queue { interrupted: false });
            assert_eq!(with(lease(later)), Blocker::Handler { until: later });
            assert_eq!(with(lease(before)), Blocker::Queue { interrupted: true });
        }
    }

    #[test]
    fn blocks_on_dead_letters_of_the_stage_it_died_in() {
        let dead = record(State::Dead);
        let here = |id: &str, place| letter(id, "upload", place);
        let elsewhere = letter("x", "erp", Place::Dead);
        assert_eq!(blocker(&dead, std::slice::from_ref(&elsewhere)), Blocker::UnknownDeadLetter);
        let waits = blocker(&dead, &[elsewhere, here("a", Place::Dead), here("b", Place::Discarded)]);
        assert_eq!(waits.dead_letters(), ["a"]);
        assert!(matches!(waits, Blocker::DeadLetter { .. }), "{waits:?}");
        let sent_on = blocker(&dead, &[here("b", Place::Discarded), here("c", Place::Redriven)]);
        assert_eq!(sent_on, Blocker::Redriven { ids: vec!["c".into()] });
        let discarded = blocker(&dead, &[here("b", Place::Discarded)]);
        assert_eq!(discarded, Blocker::Discarded { ids: vec!["b".into()] });
    }
}
