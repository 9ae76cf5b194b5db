//! The dead consumer: hears a copy of every dead letter, writes it into the index, and closes its
//! receipt's record as dead. The message itself stays in its dead-letter queue.

mod backlog;

use std::sync::Arc;

use amqp::{
    BoxError, Exchange, Failure, Handler, Message, Outcome, Reason, Subject, count_dead_by_broker,
    dead_letter_id, header_names,
};
use chrono::{DateTime, Utc};
use clap::Args;
use consumer::{Consumer, Shared, WrongSetting, of_store, plain_body};
use events::{About, Target};
use sync_store::{Closes, DeadLetter, Key, NewDeadLetter, PackageKey, SyncStore};

/// The dead stage.
pub struct DeadConsumer {
    store: Arc<dyn SyncStore>,
    stages: Vec<&'static str>,
    /// The stages that serve a target, each with its target.
    targets: Vec<(&'static str, Target)>,
    oms: String,
}

/// It needs nothing to be set.
#[derive(Clone, Debug, Default, Args)]
pub struct DeadSettings {}

impl Consumer for DeadConsumer {
    const NAME: &'static str = "dead";
    const ABOUT: &'static str = "Indexes dead letters";
    type Settings = DeadSettings;

    /// Every stage by its name, not `#`: a dead letter about a dead letter must not come back to it.
    fn hears(_: &DeadSettings, others: &[&'static str]) -> Vec<(Exchange, String)> {
        others.iter().map(|stage| (Exchange::Dead, (*stage).to_owned())).collect()
    }

    /// A dead letter about anything is noted.
    fn check(_: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(None)
    }

    fn start(_: &DeadSettings, shared: &Shared) -> Result<Self, WrongSetting> {
        tokio::spawn(fill_causes(shared.store()));
        backlog::measure(shared);
        Ok(Self {
            store: shared.store(),
            stages: shared.stages.clone(),
            targets: shared.targets.clone(),
            oms: shared.oms.clone(),
        })
    }
}

/// DeadLetters that an earlier version noted get their cause, so that they are grouped with the others.
async fn fill_causes(store: Arc<dyn SyncStore>) {
    const AT_ONCE: u32 = 500;
    loop {
        match store.fill_causes(AT_ONCE).await {
            Ok(filled) if filled == u64::from(AT_ONCE) => {}
            Ok(_) => return,
            Err(error) => {
                tracing::warn!(%error, "letters of an earlier version have no cause yet: the next start, or `bilag dead reindex`, goes on");
                return;
            }
        }
    }
}

impl Handler for DeadConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let letter = self.letter(message);
        let headers: serde_json::Map<_, _> =
            message.headers_for_people().into_iter().map(|(name, value)| (name, value.into())).collect();
        let new = NewDeadLetter {
            letter: &letter,
            headers: &serde_json::Value::from(headers).to_string(),
            body: &message.body,
            closes: self.closes(&letter.stage),
        };
        self.store.note_dead(&new).await.map_err(of_store)?;
        if is_of_the_brokers_making(message) {
            // What we dead-letter is logged and counted where it is decided; what the broker does, only
            // here.
            let (stage, reason, id) = (letter.stage, letter.reason, letter.id);
            self.count(&stage, &reason);
            tracing::error!(stage, reason, id, "dead letter of the broker's own making");
        }
        Ok(Outcome::Done(Vec::new()))
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}

/// Where a receipt that died before any target had a record of it is recorded as dead.
const FIRST_TARGET: &str = "omnium";

fn is_of_the_brokers_making(message: &Message) -> bool {
    message.header_text(header_names::REASON).is_none()
}

impl DeadConsumer {
    fn count(&self, stage: &str, reason: &str) {
        let stage = self.stages.iter().find(|known| **known == stage);
        let reason = Reason::COMMON.iter().map(|known| known.as_str()).find(|known| *known == reason);
        count_dead_by_broker(stage.unwrap_or(&backlog::OTHER), reason.unwrap_or(backlog::OTHER));
    }

    /// The records that a dead letter of this stage closes: its target's, where it serves one, else all of
    /// the receipt's.
    fn closes(&self, stage: &str) -> Closes<'_> {
        let serves = self.targets.iter().find(|(name, _)| *name == stage);
        serves.map_or(Closes::Every { at_least: FIRST_TARGET }, |(_, target)| Closes::Target(target.as_str()))
    }

    fn letter(&self, message: &Message) -> DeadLetter {
        let told = message.letter();
        let subject = self.about(message);
        DeadLetter {
            id: dead_letter_id(message),
            stage: told.stage,
            reason: if told.reason.is_empty() { "unknown".to_owned() } else { told.reason },
            error: told.error,
            key: match &subject {
                Some(Subject::Receipt { tenant, receipt }) => Some(Key::new(tenant, receipt)),
                _ => None,
            },
            package: match subject {
                Some(Subject::Package { oms, package }) => {
                    package.parse().ok().map(|package_id| PackageKey { oms, package_id })
                }
                _ => None,
            },
            message_id: Some(message.id()),
            attempts: message.attempt(),
            first_failed_at: time(told.first_failed_at),
            last_failed_at: time(told.last_failed_at),
            redriven: message
                .header_number(header_names::REDRIVEN)
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(0),
        }
    }

    /// What it is about. Straight from the bus it has no headers of ours.
    fn about(&self, message: &Message) -> Option<Subject> {
        let told = message.subject();
        if told.is_some() || !is_of_the_brokers_making(message) {
            return told;
        }
        let body = plain_body(message).ok()?;
        let receipt = events::receipt_uid(&body).map(|(tenant, receipt)| Subject::Receipt {
            tenant: tenant.to_string(),
            receipt: receipt.to_string(),
        });
        let package = || events::package_id(&body).map(|id| id.to_string());
        receipt.or_else(|| package().map(|package| Subject::Package { oms: self.oms.clone(), package }))
    }
}

fn time(text: Option<String>) -> Option<DateTime<Utc>> {
    let time = DateTime::parse_from_rfc3339(&text?).ok()?;
    Some(time.with_timezone(&Utc))
}
