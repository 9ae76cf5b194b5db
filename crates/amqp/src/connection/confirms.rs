//! A channel that carries many unconfirmed messages.
//!
//! The broker sends a returned message before it confirms that message, but lapin hands it to whichever confirm of
//! the channel is resolved next, and one frame may resolve many, in any order. So one task polls all confirms of a
//! channel, and puts together what they say:
//!
//! - A confirm that brings nothing was resolved when nothing was waiting to be handed out. If its own message was
//!   returned, a confirm that was resolved earlier brought it. So that task looks at all of those first.
//! - A confirm that brings another's message may have its own brought by a later one. It says nothing for certain.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    /// It may have been returned.
    Unsure,
}

/// A channel in confirm mode. Once it has said anything but that a message is accepted, it takes no further one: what
/// was returned is remembered as long as it lasts, and RabbitMQ 3.10 refuses for ever on a channel that has lost sight
/// of a quorum queue whose leader was killed. It is closed once nobody has it, with what is then unconfirmed.
pub(super) struct ConfirmChannel {
    status: ChannelStatus,
    is_spent: Arc<AtomicBool>,
    published: mpsc::UnboundedSender<(Publishing, oneshot::Sender<lapin::Result<Answer>>)>,
}

impl ConfirmChannel {
    pub(super) async fn open(link: &Link) -> lapin::Result<Self> {
        let channel = link.connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let status = channel.status().clone();
        let (published, publishing) = mpsc::unbounded_channel();
        let is_spent = Arc::<AtomicBool>::default();
        tokio::spawn(collect(channel, publishing, is_spent.clone()));
        Ok(Self { status, is_spent, published })
    }

    pub(super) fn is_open(&self) -> bool {
        self.status.connected() && !self.is_spent.load(Ordering::Relaxed)
    }

    /// Publishes persistent and mandatory. `None` where the channel's task is gone; the answer may never come where the
    /// connection is lost.
    pub(super) async fn publish(&self, message: Publishing) -> Option<lapin::Result<Answer>> {
        let (answer, answered) = oneshot::channel();
        self.published.send((message, answer)).ok()?;
        answered.await.ok()
    }
}

/// Publishes and collects confirms, until nobody has the channel any more.
async fn collect(
    channel: Channel,
    mut publishing: mpsc::UnboundedReceiver<(Publishing, oneshot::Sender<lapin::Result<Answer>>)>,
    is_spent: Arc<AtomicBool>,
) {
    let mut unconfirmed = FuturesUnordered::new();
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
                for (told, answer) in told(&mut returned, resolved.drain(..)) {
                    if !matches!(told, Ok(Answer::Accepted)) {
                        is_spent.store(true, Ordering::Relaxed);
                    }
                    // A publisher may have stopped waiting.
                    let _ = answer.send(told);
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

/// What confirms tell their publishers, with all that the channel's confirms have brought so far.
fn told<A>(
    returned: &mut Vec<BasicReturnMessage>,
    resolved: impl Iterator<Item = ((Publishing, lapin::Result<Confirmation>), A)>,
) -> Vec<(lapin::Result<Answer>, A)> {
    let mut heard = Vec::new();
    for ((message, confirmed), publisher) in resolved {
        let is_ack = confirmed.as_ref().is_ok_and(Confirmation::is_ack);
        let confirmed = confirmed.map(|confirmed| {
            let brought = confirmed.take_message();
            let brings = brought.is_some();
            returned.extend(brought);
            brings
        });
        heard.push((message, is_ack, confirmed, publisher));
    }
    let answer = |(message, is_ack, confirmed, publisher): (Publishing, bool, lapin::Result<bool>, A)| {
        let answer = confirmed.map(|brings| match returned.iter().any(|returned| message.is(returned)) {
            true => Answer::Returned,
            false if brings => Answer::Unsure,
            false if is_ack => Answer::Accepted,
            false => Answer::Refused,
        });
        (answer, publisher)
    };
    heard.into_iter().map(answer).collect()
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;

    use super::*;

    fn publishing(id: &str) -> Publishing {
        Publishing {
            exchange: "an-exchange".into(),
            routing_key: "a-key".into(),
            body: Bytes::from(id.to_owned()),
            properties: BasicProperties::default().with_message_id(id.into()),
        }
    }

    fn returned(id: &str) -> BasicReturnMessage {
        let Publishing { exchange, routing_key, body, properties } = publishing(id);
        let mut delivery = Delivery::mock(0, exchange, routing_key, false, body.to_vec());
        delivery.properties = properties;
        BasicReturnMessage { delivery, reply_code: 312, reply_text: "NO_ROUTE".into() }
    }

    /// What is told of messages that are confirmed in groups, each with what its confirm brings.
    fn told_of(groups: &[&[(&str, Option<&str>)]]) -> Vec<Answer> {
        let (mut seen, mut all) = (Vec::new(), Vec::new());
        for group in groups {
            let resolved = group.iter().map(|(id, brings)| {
                let confirmation = Confirmation::Ack(brings.map(returned));
                ((publishing(id), Ok(confirmation)), ())
            });
            let told = told(&mut seen, resolved);
            all.extend(told.into_iter().map(|(answer, ())| answer.expect("no error")));
        }
        all
    }

    #[test]
    fn returned_message_is_found_whichever_confirm_brings_it() {
        use Answer::{Accepted, Returned, Unsure};
        assert_eq!(told_of(&[&[("a", None), ("b", Some("b"))]]), [Accepted, Returned]);
        assert_eq!(told_of(&[&[("a", Some("b")), ("b", None)]]), [Unsure, Returned]);
        assert_eq!(told_of(&[&[("a", Some("b"))], &[("b", None)]]), [Unsure, Returned]);
        assert_eq!(told_of(&[&[("a", Some("b")), ("b", Some("a"))]]), [Returned, Returned]);
    }

    /// Both are returned and confirmed by one frame, and the first confirm is seen before the other is resolved.
    #[test]
    fn confirm_that_brings_another_message_is_not_believed() {
        use Answer::{Returned, Unsure};
        assert_eq!(told_of(&[&[("b", Some("a"))], &[("a", Some("b"))]]), [Unsure, Returned]);
    }
}
