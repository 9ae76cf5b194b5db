//! What follows from a message is published, and confirmed, before any outer layer sees a success.

use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{StreamExt, TryStreamExt, iter};

use super::{Context, Settled};
use crate::message::header::names;
use crate::topology::{REQUEUE, queue_name};
use crate::{Failure, Message, Outcome, PublishError, Publisher};

/// Parts of a message that are published at once.
const PARTS_AT_ONCE: usize = 32;

/// Publishes the events of a success. A refusal fails the message; a lost connection leaves it unsettled.
pub(super) async fn layer(
    Context { message, stage, publisher, .. }: Context<'_>,
    handled: impl Future<Output = Result<Outcome, Failure>>,
) -> Settled<Result<Outcome, Failure>> {
    let outcome = match handled.await {
        Ok(outcome) => outcome,
        Err(failure) => return Ok(Err(failure)),
    };
    let published = match &outcome {
        Outcome::Done(events) => {
            let incoming = message.header_text(names::TRACEPARENT);
            let publishing = events.iter().map(|event| publisher.publish_in(incoming.as_deref(), event));
            join_all(publishing).await.into_iter().collect()
        }
        Outcome::Split { bodies, opened } => split(message, stage, bodies, *opened, publisher).await,
        Outcome::AlreadyDone | Outcome::PassedOver => return Ok(Ok(outcome)),
    };
    match published {
        Ok(()) => Ok(Ok(outcome)),
        Err(lost @ PublishError::Lost(_)) => Err(lost),
        Err(error) => Ok(Err(Failure::unreached(error))),
    }
}

/// Puts the messages that a message holds into the stage's own queue. Their ids are made of its own: delivered
/// again, it makes the same messages again.
async fn split(
    message: &Message,
    stage: &str,
    bodies: &[Vec<u8>],
    opened: u16,
    publisher: &Publisher,
) -> Result<(), PublishError> {
    let queue = queue_name(stage);
    let parts = bodies.iter().enumerate().map(|(index, body)| {
        publisher.publish_raw(REQUEUE, &queue, Bytes::copy_from_slice(body), message.part(index, opened))
    });
    // Collected: futures made by a lazy iterator are not known to be Send.
    let parts: Vec<_> = parts.collect();
    iter(parts).buffer_unordered(PARTS_AT_ONCE).try_collect().await
}
