//! One connection's life: declare, consume, pause and probe, until it is lost or shut down.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer as Deliveries};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{interval, sleep, sleep_until, timeout};

use crate::acks::Acks;
use crate::connection::{GOODBYE, Link};
use crate::hold::Orders;
use crate::layers::{Layers, Permit};
use crate::message::delivery_count::delivered_in_vain;
use crate::topology::{apply, bus};
use crate::{ConnectError, Consumer, Publisher, StageState, Topology, TopologyError};

/// A message delivered this often without an end may be one that kills its process. From then on it
/// is handled alone, so that it dies without taking others along.
const SUSPICIOUS: u64 = 5;

/// How soon what somebody has deleted at the broker is there again.
const DECLARE_EVERY: Duration = Duration::from_secs(30);

const UNSETTLED: &str = "a message could be neither passed on nor put aside";

/// Why a session could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("no connection")]
    Connect(#[from] ConnectError),
    #[error("failed to declare the topology")]
    Topology(#[from] TopologyError),
    #[error("no channel")]
    Channel(#[source] lapin::Error),
}

impl SessionError {
    pub(crate) fn is_configuration(&self) -> bool {
        match self {
            Self::Connect(error) => error.is_configuration(),
            Self::Topology(error) => error.is_configuration(),
            Self::Channel(_) => false,
        }
    }
}

/// How a session ended.
pub(crate) enum Ended {
    Stopped,
    Lost(String),
}

/// How taking messages ended.
enum Next {
    /// What may be taken has changed.
    Again,
    /// Ended for good.
    End(Ended),
}

pub(crate) struct Session {
    link: Link,
    channel: Channel,
    acks: Arc<Acks>,
    publisher: Publisher,
    queue: String,
    concurrency: u16,
    /// Notified when a message could be neither passed on nor put aside. Only the end of the session
    /// gives it back, and only the next one declares what may be missing.
    unsettled: Arc<Notify>,
    /// What is declared again from time to time, where this process declares.
    declared: Option<Topology>,
    /// Notified when that failed.
    undeclared: Notify,
}

impl Session {
    /// The process's first session also checks the bus, for which the broker's log may note that the user lacks
    /// a right.
    pub(crate) async fn open(consumer: &Consumer, first: bool) -> Result<Self, SessionError> {
        let link = consumer.broker.connect(&format!("consume {}", consumer.queue().stage)).await?;
        if consumer.declares && first {
            bus::expect_topic(&link, &consumer.topology).await?;
        }
        match consumer.declares {
            true => apply::declare(&link, &consumer.topology).await?,
            false => apply::expect(&link, &consumer.topology).await?,
        }
        let channel = link.connection.create_channel().await.map_err(SessionError::Channel)?;
        let acks = Arc::default();
        let publisher = Publisher::connect(&consumer.broker).await?;
        consumer.status.set_state(StageState::Running);
        let (queue, concurrency) = (consumer.queue().name(), consumer.concurrency);
        let declared = consumer.declares.then(|| consumer.topology.clone());
        let (unsettled, undeclared) = (Arc::default(), Notify::new());
        Ok(Self { link, channel, acks, publisher, queue, concurrency, unsettled, declared, undeclared })
    }

    /// Takes messages, and shows meanwhile whether the broker blocks what follows from them.
    pub(crate) async fn run(
        self,
        layers: &Arc<Layers>,
        tasks: &mut JoinSet<()>,
        orders: &mut Orders,
    ) -> Ended {
        let ended = tokio::select! {
            ended = self.take(layers, tasks, orders) => ended,
            never = self.acks.send_groups(&self.channel) => match never {},
            never = self.publisher.follow_alarms(&self.queue, |alarm| layers.status.show_alarm(alarm)) => match never {},
            never = self.keep_declared() => match never {},
        };
        let _ = timeout(GOODBYE, self.acks.flush(&self.channel)).await;
        if let Ended::Stopped = ended {
            self.publisher.close().await;
            self.link.close().await;
        }
        ended
    }

    /// Declares from time to time what may have been deleted: nothing else would show that a binding is gone. Where
    /// that fails the session ends, and the next one says why.
    async fn keep_declared(&self) -> Infallible {
        let Some(topology) = &self.declared else { return pending().await };
        loop {
            sleep(DECLARE_EVERY).await;
            if apply::declare(&self.link, topology).await.is_err() {
                self.undeclared.notify_one();
            }
        }
    }

    /// Takes messages as the breaker permits, and none while the stage is held. A session begins with one message at a time, and goes
    /// over to many once it meets one that is beyond suspicion.
    async fn take(&self, layers: &Arc<Layers>, tasks: &mut JoinSet<()>, orders: &mut Orders) -> Ended {
        let mut alone = true;
        loop {
            let next = match layers.permit(Instant::now()) {
                _ if orders.hold.show(&layers.status) => self.stand_still(tasks, orders).await,
                Permit::NotBefore(instant) => self.wait_until(instant, orders).await,
                Permit::One => self.take_one(layers, &mut true, orders).await,
                Permit::All if alone => self.take_one(layers, &mut alone, orders).await,
                Permit::All => self.take_many(layers, &mut alone, tasks, orders).await,
            };
            if let Next::End(ended) = next {
                if let Ended::Stopped = ended {
                    layers.status.set_state(StageState::Stopping);
                    while tasks.join_next().await.is_some() {}
                }
                return ended;
            }
        }
    }

    /// Takes nothing as long as the stage is held; what is in flight is finished meanwhile.
    async fn stand_still(&self, tasks: &mut JoinSet<()>, orders: &mut Orders) -> Next {
        loop {
            tokio::select! {
                () = orders.hold.changed() => return Next::Again,
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                next = self.broken() => return next,
                next = self.deaf() => return next,
                () = orders.shutdown.cancelled() => return Next::End(Ended::Stopped),
            }
        }
    }

    async fn wait_until(&self, instant: Instant, orders: &mut Orders) -> Next {
        tokio::select! {
            () = sleep_until(instant.into()) => Next::Again,
            () = orders.hold.begun() => Next::Again,
            next = self.broken() => next,
            () = orders.shutdown.cancelled() => Next::End(Ended::Stopped),
        }
    }

    /// Returns once this session can settle nothing more.
    async fn broken(&self) -> Next {
        tokio::select! {
            () = self.publisher.lost() => lost("the publishing connection is gone"),
            () = self.unsettled.notified() => lost(UNSETTLED),
            () = self.undeclared.notified() => lost("queues and bindings could not be declared again"),
        }
    }

    /// Returns once the consuming connection is gone, which nobody else would notice while nothing
    /// is consumed.
    async fn deaf(&self) -> Next {
        let mut look = interval(Duration::from_millis(500));
        while self.link.is_connected() {
            look.tick().await;
        }
        lost("the consuming connection is gone")
    }

    /// Takes exactly one message and handles it before another is taken.
    async fn take_one(&self, layers: &Arc<Layers>, alone: &mut bool, orders: &mut Orders) -> Next {
        let mut deliveries = match self.consume(1).await {
            Ok(deliveries) => deliveries,
            Err(next) => return next,
        };
        let delivery = tokio::select! {
            delivery = deliveries.next() => delivery,
            next = self.broken() => return next,
            () = orders.shutdown.cancelled() => {
                let _ = self.cancel(&deliveries).await;
                return Next::End(Ended::Stopped);
            }
            () = orders.hold.begun() => {
                if let Err(next) = self.cancel(&deliveries).await {
                    return next;
                }
                // The one that the broker had sent before the cancel reached it.
                return match deliveries.next().await {
                    Some(Ok(delivery)) => self.handle_alone(layers, delivery, orders).await,
                    _ => Next::Again,
                };
            }
        };
        let delivery = match delivered(delivery).await {
            Ok(delivery) => delivery,
            Err(next) => return next,
        };
        *alone = delivered_in_vain(&delivery) >= SUSPICIOUS;
        // Before the ack, or the broker would hand out the next one.
        if let Err(next) = self.cancel(&deliveries).await {
            return next;
        }
        self.handle_alone(layers, delivery, orders).await
    }

    /// Handles a delivery while nothing is consumed, so that a hold need not wait for its end. It may kill the
    /// process: what was settled before is acked first, and not delivered in vain.
    async fn handle_alone(&self, layers: &Arc<Layers>, delivery: Delivery, orders: &mut Orders) -> Next {
        self.acks.flush(&self.channel).await;
        tokio::select! {
            settled = layers.handle(delivery, &self.publisher, &self.acks, true) => match settled {
                Ok(()) => Next::Again,
                Err(_) => lost(UNSETTLED),
            },
            never = orders.hold.follow(&layers.status) => match never {},
        }
    }

    /// Takes as many as may be in flight, until the breaker, a hold or a suspicious message says otherwise.
    async fn take_many(
        &self,
        layers: &Arc<Layers>,
        alone: &mut bool,
        tasks: &mut JoinSet<()>,
        orders: &mut Orders,
    ) -> Next {
        let mut deliveries = match self.consume(self.concurrency).await {
            Ok(deliveries) => deliveries,
            Err(next) => return next,
        };
        let mut suspicious = Vec::new();
        let next = loop {
            tokio::select! {
                delivery = deliveries.next() => match delivered(delivery).await {
                    Ok(delivery) if delivered_in_vain(&delivery) >= SUSPICIOUS => {
                        suspicious.push(delivery);
                        break Next::Again;
                    }
                    Ok(delivery) => self.spawn(layers, tasks, delivery),
                    Err(next) => return next,
                },
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                () = layers.paused() => break Next::Again,
                () = orders.hold.begun() => break Next::Again,
                next = self.broken() => return next,
                () = orders.shutdown.cancelled() => break Next::End(Ended::Stopped),
            }
        };
        if let Err(next) = self.cancel(&deliveries).await {
            return next;
        }
        // What the broker had sent before the cancel reached it.
        while let Some(Ok(delivery)) = deliveries.next().await {
            match delivered_in_vain(&delivery) >= SUSPICIOUS {
                true => suspicious.push(delivery),
                false => self.spawn(layers, tasks, delivery),
            }
        }
        if !suspicious.is_empty() {
            *alone = true;
            while tasks.join_next().await.is_some() {}
            for delivery in suspicious {
                self.acks.flush(&self.channel).await;
                if layers.handle(delivery, &self.publisher, &self.acks, false).await.is_err() {
                    return lost(UNSETTLED);
                }
            }
        }
        next
    }

    fn spawn(&self, layers: &Arc<Layers>, tasks: &mut JoinSet<()>, delivery: Delivery) {
        let (layers, publisher, acks) = (layers.clone(), self.publisher.clone(), self.acks.clone());
        let unsettled = self.unsettled.clone();
        tasks.spawn(async move {
            if layers.handle(delivery, &publisher, &acks, false).await.is_err() {
                unsettled.notify_one();
            }
        });
    }

    async fn consume(&self, prefetch: u16) -> Result<Deliveries, Next> {
        let consume = async {
            self.channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            self.channel
                .basic_consume(self.queue.as_str().into(), "".into(), options, FieldTable::default())
                .await
        };
        consume.await.map_err(|error| lost(&error.to_string()))
    }

    async fn cancel(&self, deliveries: &Deliveries) -> Result<(), Next> {
        let cancelled = self.channel.basic_cancel(deliveries.tag(), BasicCancelOptions::default()).await;
        cancelled.map_err(|error| lost(&error.to_string()))
    }
}

fn lost(why: &str) -> Next {
    Next::End(Ended::Lost(why.to_owned()))
}

/// One item of the consumer's stream. Its end without an error is the broker's own cancel: the queue
/// was deleted, or moved.
async fn delivered(item: Option<lapin::Result<Delivery>>) -> Result<Delivery, Next> {
    match item {
        Some(Ok(delivery)) => Ok(delivery),
        Some(Err(error)) => Err(lost(&error.to_string())),
        None => {
            sleep(Duration::from_millis(100)).await;
            Err(lost("the broker cancelled the consumer"))
        }
    }
}
