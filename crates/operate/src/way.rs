//! A receipt's way to one target: how far it has come, and what is holding it.

use std::fmt;

use chrono::{DateTime, Utc};
use sync_store::{DeadLetterFilter, Key, NotedDeadLetter, Page, Place, Record, State, StoreError, SyncStore};

use crate::{Stage, remedy};

/// How far a receipt has come on its way to one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where it goes.
    pub target: String,
    /// How far it has come.
    pub state: State,
    /// Since when nothing more has happened.
    pub since: DateTime<Utc>,
    /// What is holding it.
    pub holding: Holding,
}

/// What is holding a receipt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Nothing: it has arrived.
    Nothing,
    /// The target does not want it.
    NotWanted,
    /// A handler is at it.
    Handled {
        /// When its lease runs out, unless it is extended or given back.
        until: DateTime<Utc>,
    },
    /// Its message waits: in a work queue, or in a retry queue after a failure.
    Queued {
        /// A handler stopped in the middle: its lease was not given back before it ran out.
        interrupted: bool,
    },
    /// Its dead letter waits for a person.
    Dead {
        /// The dead letters, by their ids.
        letters: Vec<String>,
        /// What to do about it.
        remedy: &'static str,
    },
    /// Its dead letter was sent back to its queue, and was not handled yet.
    Redriven {
        /// The dead letters, by their ids.
        letters: Vec<String>,
    },
    /// Its dead letter was discarded by a person: nothing goes on until it is restored.
    Discarded {
        /// The dead letters, by their ids.
        letters: Vec<String>,
    },
    /// It is dead, and the index knows no dead letter of it.
    DeadLetterUnknown,
}

impl Holding {
    /// A short stable name, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::NotWanted => "not_wanted",
            Self::Handled { .. } => "handled",
            Self::Queued { .. } => "queued",
            Self::Dead { .. } => "dead",
            Self::Redriven { .. } => "redriven",
            Self::Discarded { .. } => "discarded",
            Self::DeadLetterUnknown => "letter_unknown",
        }
    }

    /// The dead letters that are holding it, by their ids.
    pub fn letters(&self) -> &[String] {
        match self {
            Self::Dead { letters, .. } | Self::Redriven { letters } | Self::Discarded { letters } => letters,
            _ => &[],
        }
    }
}

/// In words, with the commands that go on from here.
impl fmt::Display for Holding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing: it has arrived"),
            Self::NotWanted => f.write_str("nothing: it is not wanted there"),
            Self::Handled { until } => write!(f, "a handler is at it, until {until} at the latest"),
            Self::Queued { interrupted } => {
                let after = if *interrupted { "its handler stopped in the middle; " } else { "" };
                write!(
                    f,
                    "{after}its message waits in a queue or a retry queue, and is sent on again by itself \
                     where it got lost"
                )
            }
            Self::Dead { letters, remedy } => {
                write!(f, "its dead letter waits for a person: {} ({remedy})", shown(letters))
            }
            Self::Redriven { letters } => {
                write!(f, "its dead letter was sent back to its queue and was not handled yet: {}", shown(letters))
            }
            Self::Discarded { letters } => write!(
                f,
                "its dead letter was discarded; `bilag dead restore ID` brings it back: {}",
                shown(letters)
            ),
            Self::DeadLetterUnknown => f.write_str(
                "it is dead, and the index knows no dead letter of it; `bilag dead reindex` looks through the queues",
            ),
        }
    }
}

fn shown(letters: &[String]) -> String {
    letters.iter().map(|id| format!("bilag dead show {id}")).collect::<Vec<_>>().join(", ")
}

/// A receipt's way to the record's target; `letters` are all that are about the receipt.
pub fn way(record: &Record, letters: &[NotedDeadLetter], stages: &[Stage], now: DateTime<Utc>) -> Way {
    let holding = match record.state {
        State::Complete => Holding::Nothing,
        State::Skipped => Holding::NotWanted,
        State::Dead => dead(record, letters, stages),
        State::Pending | State::InvoiceCreated | State::Attaching => match &record.lease {
            Some(lease) if lease.until > now => Holding::Handled { until: lease.until },
            lease => Holding::Queued { interrupted: lease.is_some() },
        },
    };
    let since = record.completed_at.unwrap_or(record.updated_at);
    Way { target: record.target.clone(), state: record.state, since, holding }
}

/// A dead letter of another stage closed another target's record.
fn dead(record: &Record, letters: &[NotedDeadLetter], stages: &[Stage]) -> Holding {
    let Some(death) = &record.death else { return Holding::DeadLetterUnknown };
    let at = |place: Place| -> Vec<String> {
        let its = letters.iter().filter(|noted| noted.letter.key.as_ref() == Some(&record.key));
        let its = its.filter(|noted| noted.letter.stage == death.stage && noted.place == place);
        its.map(|noted| noted.letter.id.clone()).collect()
    };
    let (waiting, redriven, discarded) = (at(Place::Dead), at(Place::Redriven), at(Place::Discarded));
    if !waiting.is_empty() {
        Holding::Dead { letters: waiting, remedy: remedy(stages, &death.reason) }
    } else if !redriven.is_empty() {
        Holding::Redriven { letters: redriven }
    } else if !discarded.is_empty() {
        Holding::Discarded { letters: discarded }
    } else {
        Holding::DeadLetterUnknown
    }
}

/// Every dead letter about a receipt, wherever its message is.
///
/// # Errors
/// The store's.
pub async fn letters_about(store: &dyn SyncStore, key: &Key) -> Result<Vec<NotedDeadLetter>, StoreError> {
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

    fn holding(record: &Record, letters: &[NotedDeadLetter]) -> Holding {
        way(record, letters, &[], NOW).holding
    }

    #[test]
    fn what_is_holding_a_receipt_follows_from_its_record() {
        let lease = |until| Some(LeaseHolder { owner: "a".into(), until });
        let (later, before) = (NOW + Duration::from_secs(1), NOW - Duration::from_secs(1));
        assert_eq!(holding(&record(State::Complete), &[]), Holding::Nothing);
        assert_eq!(holding(&record(State::Skipped), &[]), Holding::NotWanted);
        for state in [State::Pending, State::InvoiceCreated, State::Attaching] {
            let with = |lease| holding(&Record { lease, ..record(state) }, &[]);
            assert_eq!(with(None), Holding::Queued { interrupted: false });
            assert_eq!(with(lease(later)), Holding::Handled { until: later });
            assert_eq!(with(lease(before)), Holding::Queued { interrupted: true });
        }
    }

    #[test]
    fn a_dead_one_is_held_by_the_letters_of_the_stage_it_died_in() {
        let dead = record(State::Dead);
        let here = |id: &str, place| letter(id, "upload", place);
        let elsewhere = letter("x", "erp", Place::Dead);
        assert_eq!(holding(&dead, std::slice::from_ref(&elsewhere)), Holding::DeadLetterUnknown);
        let waits = holding(&dead, &[elsewhere, here("a", Place::Dead), here("b", Place::Discarded)]);
        assert_eq!(waits.letters(), ["a"]);
        assert!(matches!(waits, Holding::Dead { .. }), "{waits:?}");
        let sent_on = holding(&dead, &[here("b", Place::Discarded), here("c", Place::Redriven)]);
        assert_eq!(sent_on, Holding::Redriven { letters: vec!["c".into()] });
        let discarded = holding(&dead, &[here("b", Place::Discarded)]);
        assert_eq!(discarded, Holding::Discarded { letters: vec!["b".into()] });
    }
}
