//! Sends what the store has, marks it sent after the answer, and tries again what failed.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use sync_store::{Notification, NotificationStore, StoreError};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{Message, Recipient, SendError};

/// How often the store is asked. Slack takes one message a second.
const EVERY: Duration = Duration::from_secs(2);

/// The waits between attempts double from the first to the longest: about a day in all.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(3600);
const ATTEMPTS: u32 = 32;

/// Where it is refused for good: for about twenty minutes, in which a mistake may be mended.
const REFUSALS: u32 = 9;

/// Nothing is sent for longer after failures, so that a server that is there again is noticed.
const LONGEST_HOLD: Duration = Duration::from_secs(300);

/// Attempts, by their outcome. Made at the first, when it is known whether anybody collects.
static ATTEMPTED: LazyLock<Counter<u64>> = LazyLock::new(|| {
    global::meter("bilag")
        .u64_counter("bilag.notifications.attempts")
        .with_unit("{attempt}")
        .with_description("Attempts to send a notification")
        .build()
});

/// Recipients that are reached by one server. One after the other: with a wrong password, many logins at once would lock
/// the account.
pub struct Senders(Vec<Recipient>);

impl Senders {
    /// Those of each server: a webhook alone, all e-mail together.
    pub fn by_server(recipients: Vec<Recipient>) -> Vec<Self> {
        let (emails, webhooks): (Vec<_>, Vec<_>) = recipients.into_iter().partition(Recipient::is_email);
        let emails = (!emails.is_empty()).then_some(Self(emails));
        webhooks.into_iter().map(|webhook| Self(vec![webhook])).chain(emails).collect()
    }

    /// Whether the server can be reached: nothing is sent. Answers what was found, and of whom.
    ///
    /// # Errors
    /// What is wrong, and with whose server.
    pub async fn reach(&self) -> Result<String, String> {
        let described = self.0.iter().map(Recipient::described).collect::<Vec<_>>().join(", ");
        let Some(first) = self.0.first() else { return Ok(described) };
        match first.reach().await {
            Ok(found) => Ok(format!("{described} {found}")),
            Err(error) => Err(format!("{described}: {}", amqp::chain(&error))),
        }
    }
}

/// Sends notifications for as long as the process runs.
pub async fn send(store: Arc<dyn NotificationStore>, senders: Senders) {
    let owner = Uuid::new_v4().to_string();
    let mut queues: Vec<_> = senders.0.into_iter().map(Queue::new).collect();
    // What failed one after the other.
    let mut failures = 0;
    loop {
        let mut pause = EVERY;
        for queue in queues.iter_mut().filter(|queue| queue.held_until <= Instant::now()) {
            match queue.send_next(&*store, &owner).await {
                Ok(true) => failures = 0,
                Ok(false) => {}
                Err(error) if error.is_of_server() => {
                    failures += 1;
                    pause = error.held_for().max(hold(failures));
                    break;
                }
                Err(_) => queue.held_until = Instant::now() + hold(queue.failures),
            }
        }
        sleep(pause.max(EVERY)).await;
    }
}

/// After so many failures, nothing is sent for so long.
fn hold(failures: u32) -> Duration {
    wait(failures).min(LONGEST_HOLD)
}

/// One recipient's.
struct Queue {
    recipient: Recipient,
    channel: String,
    /// What was refused one after the other.
    failures: u32,
    held_until: Instant,
}

impl Queue {
    fn new(recipient: Recipient) -> Self {
        Self { channel: recipient.name(), recipient, failures: 0, held_until: Instant::now() }
    }

    /// Sends what is due first. Answers whether there was any.
    async fn send_next(&mut self, store: &dyn NotificationStore, owner: &str) -> Result<bool, SendError> {
        let leased = store.lease_notification(&self.channel, owner, self.recipient.sent_within()).await;
        let notification = match leased {
            Ok(Some(notification)) => notification,
            Ok(None) => return Ok(false),
            Err(error) => {
                tracing::debug!(%error, "the store could not be asked for notifications");
                return Ok(false);
            }
        };
        let sent = send_one(store, &self.recipient, owner, &notification).await;
        self.failures = if sent.is_ok() { 0 } else { self.failures + 1 };
        sent.map(|()| true)
    }
}

/// Sends one, and stores what came of it.
async fn send_one(
    store: &dyn NotificationStore,
    recipient: &Recipient,
    owner: &str,
    notification: &Notification,
) -> Result<(), SendError> {
    let Notification { id, message, noted_at, attempts } = notification;
    let Ok(message) = serde_json::from_str::<Message>(message) else {
        log_unmarked(store.notification_failed(id, owner, "not a message of this version", None).await);
        return Ok(());
    };
    let to = recipient.name();
    let error = match recipient.send(&message, id, *noted_at).await {
        Ok(_) => {
            count("sent");
            tracing::info!(kind = message.kind, to, "notification sent: {}", message.title);
            log_unmarked(store.notification_sent(id, owner).await);
            return Ok(());
        }
        Err(error) => error,
    };
    let most = if error.is_permanent() { REFUSALS } else { ATTEMPTS };
    let retry_after = (*attempts < most).then(|| wait(*attempts).max(error.held_for()));
    count(if retry_after.is_some() { "failed" } else { "given_up" });
    let cause = amqp::chain(&error);
    match retry_after {
        Some(wait) if *attempts == 1 => {
            tracing::warn!(
                error = cause,
                kind = message.kind,
                to,
                "notification not sent; retrying in {} s",
                wait.as_secs()
            );
        }
        Some(_) => tracing::debug!(error = cause, kind = message.kind, to, attempts, "notification not sent"),
        None => tracing::error!(
            error = cause,
            kind = message.kind,
            to,
            "notification given up: {}",
            message.title
        ),
    }
    log_unmarked(store.notification_failed(id, owner, &cause, retry_after).await);
    Err(error)
}

fn count(outcome: &'static str) {
    ATTEMPTED.add(1, &[KeyValue::new("bilag.outcome", outcome)]);
}

/// After an attempt, counted from 1.
fn wait(attempts: u32) -> Duration {
    FIRST_WAIT.saturating_mul(2_u32.saturating_pow(attempts - 1)).min(LONGEST_WAIT)
}

/// It is sent again once the lease expires.
fn log_unmarked(marked: Result<sync_store::Step, StoreError>) {
    if let Err(error) = marked {
        tracing::warn!(%error, "the outcome of a notification could not be stored; it may be sent again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_for_about_a_day() {
        assert_eq!([1, 2, 3].map(wait), [5, 10, 20].map(Duration::from_secs));
        assert_eq!(wait(40), LONGEST_WAIT);
        let whole: Duration = (1..ATTEMPTS).map(wait).sum();
        assert!((20..28).contains(&(whole.as_secs() / 3600)), "{whole:?}");
    }
}
