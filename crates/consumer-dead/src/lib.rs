//! The dead consumer: hears a copy of every dead letter, writes it into the index, and closes its
//! receipt's record as dead. The message itself stays in its dead-letter queue.

use std::sync::Arc;

use amqp::{Failure, Handler, Message, Outcome, Subject, dead_letter_id, header_names};
use chrono::{DateTime, Utc};
use sync_store::{Closes, Key, Letter, NewLetter, SyncStore};

/// The dead stage.
pub struct DeadConsumer {
    /// Where the index is.
    pub store: Arc<dyn SyncStore>,
}

impl Handler for DeadConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let letter = letter(message);
        let headers: serde_json::Map<_, _> =
            message.headers_for_people().into_iter().map(|(name, value)| (name, value.into())).collect();
        let new = NewLetter {
            letter: &letter,
            headers: &serde_json::Value::from(headers).to_string(),
            body: &message.body,
            closes: Closes::Target(TARGET),
        };
        self.store.note_dead(&new).await.map_err(Failure::unreached)?;
        if is_of_the_brokers_making(message) {
            // What we dead-letter is logged where it is decided; what the broker does, only here.
            let (stage, reason, id) = (letter.stage, letter.reason, letter.id);
            tracing::error!(stage, reason, id, "dead letter of the broker's own making");
        }
        Ok(Outcome::Done(Vec::new()))
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}

/// The target that gets nothing now. Every stage there is serves it.
const TARGET: &str = events::Target::Omnium.as_str();

fn is_of_the_brokers_making(message: &Message) -> bool {
    message.header_text(header_names::REASON).is_none()
}

fn letter(message: &Message) -> Letter {
    let told = message.letter();
    let time = |text: Option<String>| {
        text.and_then(|text| DateTime::parse_from_rfc3339(&text).ok()).map(|time| time.with_timezone(&Utc))
    };
    let mut subject = message.subject();
    if is_of_the_brokers_making(message) && subject.is_none() {
        // Straight from the bus it has no headers of ours.
        subject = events::receipt_uid(&message.body)
            .map(|(tenant, receipt)| Subject { tenant: tenant.to_string(), receipt: receipt.to_string() });
    }
    Letter {
        id: dead_letter_id(message),
        stage: told.stage,
        reason: if told.reason.is_empty() { "unknown".to_owned() } else { told.reason },
        error: told.error,
        key: subject.map(|subject| Key::new(subject.tenant, subject.receipt)),
        package: None,
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
