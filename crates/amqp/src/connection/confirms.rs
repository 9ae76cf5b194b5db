//! A channel that carries many unconfirmed messages.
//!
//! The broker sends a returned message before it confirms that message, but lapin hands it to whichever confirm of
//! the channel is resolved next, and one frame may resolve many. So no confirm is believed by itself: one task
//! polls them all, looks at every confirm that was resolved before the one in its hand, and tells each publisher
//! all that was returned until then. A publisher knows its own message by what it published.

use bytes::Bytes;
use futures_util::future::{Either, ready};
use futures_util::stream::{FuturesUnordered, StreamExt};
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, ChannelStatus, Confirmation};
use tokio::sync::{mpsc, oneshot};

use crate::connection::Link;

/// A message on its way to the broker.
#[derive(Clone, Debug)]
pub(super) struct Publishing {
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) body: Bytes,
    pub(super) properties: BasicProperties,
}

impl Publishing {
    /// Whether a returned message is this one, or its equal.
    fn is(&self, returned: &BasicReturnMessage) -> bool {
        self.exchange == returned.exchange
            && self.routing_key == returned.routing_key
            && self.properties.message_id() == returned.properties.message_id()
            && self.body == returned.data
    }
}

/// What the broker says to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is safely in every queue it goes to.
    Accepted,
    /// It would go to no queue.
    Returned,
    /// A queue did not take it.
    Refused,
}

/// A channel in confirm mode. It is closed once nobody has it, with what is then unconfirmed.
pub(super) struct ConfirmChannel {
    status: ChannelStatus,
    published: mpsc::UnboundedSender<(Publishing, oneshot::Sender<lapin::Result<Answer>>)>,
}

impl ConfirmChannel {
    pub(super) async fn open(link: &Link) -> lapin::Result<Self> {
        let channel = link.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let status = channel.status().clone();
        let (published, publishing) = mpsc::unbounded_channel();
        tokio::spawn(collect(channel, publishing));
        Ok(Self { status, published })
    }

    pub(super) fn is_open(&self) -> bool {
        self.status.connected()
    }

    /// Publishes persistent and mandatory. The answer comes once the broker has one; never, where the connection ends
    /// without an error.
    pub(super) fn publish(&self, message: Publishing) -> oneshot::Receiver<lapin::Result<Answer>> {
        let (answer, answered) = oneshot::channel();
        // Where the task is gone, so is the answer.
        let _ = self.published.send((message, answer));
        answered
    }
}

/// Publishes and collects confirms, until nobody has the channel any more.
async fn collect(
    channel: Channel,
    mut publishing: mpsc::UnboundedReceiver<(Publishing, oneshot::Sender<lapin::Result<Answer>>)>,
) {
    let mut unconfirmed = FuturesUnordered::new();
    // Whoever is told of one publishes on another channel from then on: there are few.
    let mut returned = Vec::new();
    let mut resolved = Vec::new();
    loop {
        tokio::select! {
            message = publishing.recv() => {
                let Some((message, answer)) = message else { return };
                let confirmed = confirmation(&channel, message);
                unconfirmed.push(Either::Left(async move { Some((confirmed.await, answer)) }));
            }
            Some(first) = unconfirmed.next() => {
                resolved.extend(first);
                // What was resolved before the first is polled before this: futures are polled in the order in which
                // they were woken.
                unconfirmed.push(Either::Right(ready(None)));
                while let Some(Some(next)) = unconfirmed.next().await {
                    resolved.push(next);
                }
                returned.extend(resolved.iter_mut().filter_map(|((_, confirmed), _)| take_returned(confirmed)));
                for ((message, confirmed), answer) in resolved.drain(..) {
                    let is_returned = || returned.iter().any(|returned| message.is(returned));
                    // A publisher may have stopped waiting.
                    let _ = answer.send(confirmed.map(|confirmed| match confirmed {
                        _ if is_returned() => Answer::Returned,
                        confirmed if confirmed.is_ack() => Answer::Accepted,
                        _ => Answer::Refused,
                    }));
                }
            }
        }
    }
}

async fn confirmation(channel: &Channel, message: Publishing) -> (Publishing, lapin::Result<Confirmation>) {
    const PERSISTENT: u8 = 2;
    let Publishing { exchange, routing_key, body, properties } = &message;
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = properties.clone().with_delivery_mode(PERSISTENT);
    let confirmed = async {
        channel.basic_publish(exchange.clone(), routing_key.clone(), options, body, properties).await?.await
    };
    let confirmed = confirmed.await;
    (message, confirmed)
}

/// The message that came with a confirm, this one's own or another's.
fn take_returned(confirmed: &mut lapin::Result<Confirmation>) -> Option<BasicReturnMessage> {
    match confirmed {
        Ok(Confirmation::Ack(returned) | Confirmation::Nack(returned)) => returned.take(),
        _ => None,
    }
}
