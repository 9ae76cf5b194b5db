//! The innermost layer: what a message may do to the process that handles it.
//!
//! A panic is caught, and is a dead letter. A message that was delivered too often without an end is not
//! handled again: it likely ends the process.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::topology::DELIVERY_LIMIT;
use crate::{Failure, Message, Outcome, Reason};

const PANICKED: &str = "the handler panicked: a defect of Bilag's";
const TOO_OFTEN: &str = "delivered too often without an end: it likely ends the process that handles it";

pub(super) async fn layer(
    message: &Message,
    handled: impl Future<Output = Result<Outcome, Failure>>,
) -> Result<Outcome, Failure> {
    if message.in_vain > DELIVERY_LIMIT.into() {
        return Err(Failure::reject(Reason::DELIVERY_LIMIT, TOO_OFTEN));
    }
    let handled = AssertUnwindSafe(handled).catch_unwind().await;
    handled.unwrap_or_else(|_| Err(Failure::reject(Reason::HANDLER_PANICKED, PANICKED)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivered(in_vain: u64) -> Message {
        Message { in_vain, ..Message::plain("{}") }
    }

    fn reason(result: Result<Outcome, Failure>) -> Option<Reason> {
        match result {
            Err(Failure::Reject { reason, .. }) => Some(reason),
            _ => None,
        }
    }

    #[tokio::test]
    async fn panic_is_a_rejection() {
        let result = layer(&delivered(0), async { panic!("with somebody's name") }).await;
        assert_eq!(reason(result), Some(Reason::HANDLER_PANICKED));
    }

    #[tokio::test]
    async fn rejects_beyond_the_delivery_limit() {
        let limit = u64::from(DELIVERY_LIMIT);
        let done = || async { Ok(Outcome::AlreadyDone) };
        assert!(layer(&delivered(limit), done()).await.is_ok());
        let result = layer(&delivered(limit + 1), async { panic!("it is not handled") }).await;
        assert_eq!(reason(result), Some(Reason::DELIVERY_LIMIT));
    }
}
