//! The broker's alarms: while it is short of memory or disk, it reads nothing from connections that publish.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::BasicPublishOptions;
use lapin::{BasicProperties, Connection, Event};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use crate::connection::Link;
use crate::topology::REQUEUE;
use crate::{Broker, ConnectError, Topology, queue_name};

/// How long the broker may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Asks a broker again and again whether it has an alarm.
pub struct Alarms {
    broker: Broker,
    stage: &'static str,
    link: Mutex<Option<Link>>,
}

impl Alarms {
    /// Connects when it is first asked. The user needs no right that one of `stage` lacks.
    pub fn new(broker: Broker, stage: &'static str) -> Self {
        Self { broker, stage, link: Mutex::default() }
    }

    /// The alarm as the broker names it ("low on memory"), or that it does not answer one who publishes; `None`
    /// where it accepts messages.
    ///
    /// # Errors
    /// There is no connection. The next call connects anew.
    pub async fn now(&self) -> Result<Option<String>, ConnectError> {
        let mut kept = self.link.lock().await;
        let link = match kept.take() {
            Some(link) if link.is_connected() => link,
            _ => self.broker.connect("alarms").await?,
        };
        let alarm = link.ask_for_alarm(&queue_name(self.stage)).await;
        *kept = Some(link);
        Ok(alarm)
    }

    /// Closes the connection.
    pub async fn close(&self) {
        if let Some(link) = self.link.lock().await.take() {
            link.close().await;
        }
    }
}

/// The alarm at this moment, as [`Alarms::now`] has it.
///
/// # Errors
/// There is no connection.
pub async fn alarm(broker: &Broker, topology: &Topology) -> Result<Option<String>, ConnectError> {
    let Some(queue) = topology.work_queues.first() else { return Ok(None) };
    let alarms = Alarms::new(broker.clone(), queue.stage);
    let alarm = alarms.now().await?;
    alarms.close().await;
    Ok(alarm)
}

impl Link {
    /// The alarm at this moment. The broker tells of one only who publishes while it lasts. Any user of this queue's
    /// stage may ask, and no queue receives anything.
    pub(crate) async fn ask_for_alarm(&self, work_queue: &str) -> Option<String> {
        let mut alarm = self.alarm.clone();
        let answered = async {
            // Where the user may not publish there, or nothing is declared yet, the broker closes the channel, and
            // still tells of its alarm before it answers anything else.
            let _ = self.publish_nothing(work_queue).await;
            let _ = self.connection.create_channel().await;
        };
        let told = async {
            tokio::select! {
                biased;
                alarm = alarm.wait_for(Option::is_some) => alarm.ok().and_then(|alarm| alarm.clone()),
                () = answered => None,
            }
        };
        let silent = || Some(format!("it does not answer within {} seconds", TIMEOUT.as_secs()));
        timeout(TIMEOUT, told).await.unwrap_or_else(|_| silent())
    }

    /// A message in a transaction that is rolled back.
    async fn publish_nothing(&self, work_queue: &str) -> lapin::Result<()> {
        let channel = self.connection.create_channel().await?;
        channel.tx_select().await?;
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        channel.basic_publish(REQUEUE.into(), work_queue.into(), options, b"", properties).await?;
        channel.tx_rollback().await?;
        channel.close(200, "asked".into()).await
    }
}

/// The alarm that blocks a connection, from now on.
pub(crate) fn follow(connection: &Connection) -> watch::Receiver<Option<String>> {
    let mut events = connection.events_listener();
    let (alarm, followed) = watch::channel(None);
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            match event {
                Event::ConnectionBlocked(reason) => drop(alarm.send_replace(Some(reason))),
                Event::ConnectionUnblocked => drop(alarm.send_replace(None)),
                _ => {}
            }
        }
    });
    followed
}

/// Tells of each alarm that holds up a publisher, and of its end.
pub(crate) async fn tell(broker: Broker, mut alarm: watch::Receiver<Option<String>>) {
    while alarm.changed().await.is_ok() {
        let alarm = alarm.borrow_and_update().clone();
        (broker.on_alarm)(&broker, alarm.as_deref());
    }
}

pub(crate) fn log(broker: &Broker, alarm: Option<&str>) {
    match alarm {
        Some(alarm) => {
            tracing::warn!(%broker, alarm, "waiting: the broker has an alarm and accepts no messages")
        }
        None => tracing::info!(%broker, "the broker's alarm has ended"),
    }
}
