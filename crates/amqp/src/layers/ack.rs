//! The outermost layer: a message may be acked once everything inside is settled, and never before.

use super::Settled;
use crate::acks::Acks;
use crate::{Message, StageStatus, chain};

/// Lets what is settled be acked; the rest is left to the end of its channel. Counts the message as in flight
/// meanwhile.
pub(super) async fn layer(
    acks: &Acks,
    tag: u64,
    status: &StageStatus,
    message: &Message,
    settled: impl Future<Output = Settled<()>>,
) -> Settled<()> {
    status.begin();
    let settled = settled.await;
    match &settled {
        Ok(()) => acks.settle(tag),
        Err(error) => tracing::debug!(
            stage = status.stage,
            message_id = message.id(),
            error = chain(error),
            "not settled; the broker delivers it again"
        ),
    }
    status.end();
    settled
}
