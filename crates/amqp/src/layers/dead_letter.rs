//! What a person must look at goes among the dead letters.

use super::Settled;
use super::put_aside::Aside;
use crate::message::death_id;
use crate::message::header::names;
use crate::metrics::Metrics;
use crate::topology::DEAD;
use crate::{Failure, Message, Publisher, Reason, Subject};

/// A message that is not tried again.
pub(super) struct Dead {
    pub(super) reason: Reason,
    pub(super) failure: Failure,
}

/// The dead letters of a stage.
pub(super) struct DeadLetters {
    pub(super) stage: &'static str,
}

impl DeadLetters {
    /// Publishes what the layers inside have given up, and logs it as an error.
    pub(super) async fn layer(
        &self,
        message: &Message,
        subject: &(dyn Fn() -> Option<Subject> + Sync),
        publisher: &Publisher,
        metrics: &Metrics,
        retried: impl Future<Output = Settled<Option<Dead>>>,
    ) -> Settled<()> {
        let Some(Dead { reason, failure }) = retried.await? else { return Ok(()) };
        let stage = self.stage;
        let about = subject().map(|subject| subject.to_string());
        let (message_id, error) = (message.id(), failure.chain());
        tracing::error!(stage, message_id, about, %reason, error, "dead letter");
        let mut aside = Aside::new(stage, message, subject).failed(&failure);
        aside.headers.set_number(names::ATTEMPT, message.attempt().into());
        aside.headers.set_text(names::REASON, reason.as_str());
        aside.headers.set_text(names::DEATH, death_id());
        aside.publish(publisher, DEAD, stage).await?;
        metrics.dead_lettered(reason);
        Ok(())
    }
}
