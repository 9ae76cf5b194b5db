//! What a person must look at goes among the dead letters.

use super::put_aside::Aside;
use super::{Context, Settled};
use crate::message::death_id;
use crate::message::header::names;
use crate::topology::DEAD;
use crate::{Failure, Reason};

/// A message that is not tried again.
pub(super) struct Dead {
    pub(super) reason: Reason,
    pub(super) failure: Failure,
}

/// Publishes what the layers inside have given up, and logs it as an error.
pub(super) async fn layer(
    Context { stage, message, subject, publisher, metrics }: Context<'_>,
    retried: impl Future<Output = Settled<Option<Dead>>>,
) -> Settled<()> {
    let Some(Dead { reason, failure }) = retried.await? else { return Ok(()) };
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
