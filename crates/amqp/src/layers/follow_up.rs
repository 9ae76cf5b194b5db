//! What follows from a message is published, and confirmed, before any outer layer sees a success.

use futures_util::future::join_all;

use super::{Context, Settled};
use crate::message::header::names;
use crate::{Failure, Outcome, PublishError};

/// Publishes the events of a success. A refusal fails the message; a lost connection leaves it unsettled.
pub(super) async fn layer(
    Context { message, publisher, .. }: Context<'_>,
    handled: impl Future<Output = Result<Outcome, Failure>>,
) -> Settled<Result<Outcome, Failure>> {
    let outcome = match handled.await {
        Ok(outcome) => outcome,
        Err(failure) => return Ok(Err(failure)),
    };
    let Outcome::Done(events) = &outcome else { return Ok(Ok(outcome)) };
    let incoming = message.header_text(names::TRACEPARENT);
    let publishing = events.iter().map(|event| publisher.publish_in(incoming.as_deref(), event));
    match join_all(publishing).await.into_iter().collect() {
        Ok(()) => Ok(Ok(outcome)),
        Err(lost @ PublishError::Lost(_)) => Err(lost),
        Err(error) => Ok(Err(Failure::unreached(error))),
    }
}
