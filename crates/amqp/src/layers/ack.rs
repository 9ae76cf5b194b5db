//! The outermost layer: a message is acked once everything inside is settled, and never before.

use lapin::Acker;
use lapin::options::BasicAckOptions;

use super::Settled;
use crate::{Message, StageStatus, chain};

/// Acks what is settled; the rest is left to the end of its channel. Counts the message as in flight
/// meanwhile.
pub(super) async fn layer(
    acker: &Acker,
    status: &StageStatus,
    message: &Message,
    settled: impl Future<Output = Settled<()>>,
) -> Settled<()> {
    status.begin();
    let settled = settled.await;
    match &settled {
        // An ack that fails means that the channel is gone and the message comes again.
        Ok(()) => drop(acker.ack(BasicAckOptions::default()).await),
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
