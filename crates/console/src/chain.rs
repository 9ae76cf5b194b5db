//! Status of the chain: what broker and store say about each stage, gathered once for all viewers.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use amqp::{
    Alarms, Delay, Depths, Management, QueueDepth, chain, dead_queue_name, queue_name, retry_queue_name,
};
use chrono::{DateTime, Utc};
use operate::Stage;
use operate::dead_letters::DeadLetterService;
use sync_store::{PackageState, State, StoreError, SyncStore};

use crate::caches::Cached;
use crate::clock::Clock;
use crate::redaction::Redacted;

/// Age at which the status is gathered again.
const MAX_AGE: Duration = Duration::from_secs(2);

/// Gathers the status of the chain.
pub(crate) struct ChainMonitor {
    service: Arc<DeadLetterService>,
    management: Option<Management>,
    depths: Depths,
    alarms: Option<Alarms>,
    clock: Clock,
    status: Cached<Arc<ChainStatus>>,
}

/// Status at one moment. What could not be asked is an error in words.
pub(crate) struct ChainStatus {
    pub(crate) at: DateTime<Utc>,
    pub(crate) broker: Result<BrokerStatus, String>,
    pub(crate) store: Result<StoreStatus, String>,
}

/// Numbers of every stage that has a queue.
#[derive(Clone, Debug)]
pub(crate) struct BrokerStatus {
    pub(crate) source: Source,
    /// The broker's alarm, as it names it: until it ends, the broker accepts no messages.
    pub(crate) alarm: Option<String>,
    stages: HashMap<&'static str, StageDepth>,
}

/// Where the numbers come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Management,
    /// With the error of the management API, if it was asked.
    Amqp(Option<String>),
}

/// Messages and consumers of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageDepth {
    pub(crate) waiting: u64,
    /// Known to the management API only.
    pub(crate) in_flight: Option<u64>,
    pub(crate) in_retry: u64,
    pub(crate) dead: u64,
    pub(crate) consumers: u64,
}

/// What the store knows, by stage.
#[derive(Clone, Debug, Default)]
pub(crate) struct StoreStatus {
    /// Number of dead letters, and when the oldest died.
    pub(crate) dead: HashMap<String, (u64, DateTime<Utc>)>,
    /// Last change of the record in progress that has not changed for longest.
    pub(crate) in_progress: HashMap<String, DateTime<Utc>>,
    /// Why stages consume nothing.
    pub(crate) pauses: HashMap<String, Pause>,
    /// Why messages of some tenants or stores wait while the stage runs.
    pub(crate) tenants: HashMap<String, Vec<Redacted>>,
}

/// Why a stage consumes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pause {
    pub(crate) text: Redacted,
    /// An operator has paused it, and can resume it.
    pub(crate) by_hand: bool,
}

impl BrokerStatus {
    /// `None` if the stage has no queue.
    pub(crate) fn of(&self, stage: &str) -> Option<StageDepth> {
        self.stages.get(stage).copied()
    }
}

impl ChainMonitor {
    pub(crate) fn new(service: Arc<DeadLetterService>, management: Option<Management>, clock: Clock) -> Self {
        let depths = Depths::new(service.broker.clone());
        let alarms = service.stages.first().map(|stage| Alarms::new(service.broker.clone(), stage.name));
        Self { service, management, depths, alarms, clock, status: Cached::new(MAX_AGE) }
    }

    /// The status, at most [`MAX_AGE`] old.
    pub(crate) async fn status(&self) -> Arc<ChainStatus> {
        let gather = async || {
            let (broker, store) = tokio::join!(self.broker_status(), self.store_status());
            Ok::<_, Infallible>(Arc::new(ChainStatus { at: self.clock.now(), broker, store }))
        };
        let Ok(status) = self.status.get(|_| true, gather).await;
        status
    }

    /// Closes the connections to the broker.
    pub(crate) async fn close(&self) {
        self.depths.close().await;
        if let Some(alarms) = &self.alarms {
            alarms.close().await;
        }
    }

    async fn broker_status(&self) -> Result<BrokerStatus, String> {
        let alarm = async {
            match &self.alarms {
                Some(alarms) => alarms.now().await.map_err(|error| chain(&error)),
                None => Ok(None),
            }
        };
        let (depths, alarm) = tokio::join!(self.queue_depths(), alarm);
        Ok(BrokerStatus { alarm: alarm?, ..depths? })
    }

    /// From the management API if it is configured and answers, otherwise by AMQP.
    async fn queue_depths(&self) -> Result<BrokerStatus, String> {
        let DeadLetterService { stages, delays, .. } = &*self.service;
        let source = match &self.management {
            None => Source::Amqp(None),
            Some(management) => match management.depths().await {
                Ok(depths) => return Ok(by_stage(Source::Management, stages, delays, &depths)),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "the management API did not answer");
                    Source::Amqp(Some(error.to_string()))
                }
            },
        };
        let queues: Vec<_> = stages.iter().flat_map(|stage| queues(stage.name, delays)).collect();
        match self.depths.of(&queues).await {
            Ok(depths) => Ok(by_stage(source, stages, delays, &depths)),
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(error, "the broker did not answer");
                Err(error)
            }
        }
    }

    async fn store_status(&self) -> Result<StoreStatus, String> {
        store_status(self.service.store.as_ref(), &self.service.stages).await.map_err(|error| {
            tracing::warn!(error = chain(&error), "the store did not answer");
            error.to_string()
        })
    }
}

/// Work queue, dead-letter queue, then the retry queues.
fn queues(stage: &str, delays: &[Delay]) -> Vec<String> {
    let work = queue_name(stage);
    let mut queues = vec![work.clone(), dead_queue_name(stage)];
    queues.extend(delays.iter().map(|delay| retry_queue_name(&work, *delay)));
    queues
}

fn by_stage(source: Source, stages: &[Stage], delays: &[Delay], depths: &[QueueDepth]) -> BrokerStatus {
    let by_name: HashMap<_, _> = depths.iter().map(|depth| (depth.name.as_str(), depth)).collect();
    let of = |stage: &Stage| {
        let names = queues(stage.name, delays);
        let work = by_name.get(names[0].as_str())?;
        let ready = |name: &String| by_name.get(name.as_str()).map_or(0, |depth| depth.ready);
        let depth = StageDepth {
            waiting: work.ready,
            in_flight: work.in_flight,
            in_retry: names[2..].iter().map(ready).sum(),
            dead: ready(&names[1]),
            consumers: work.consumers,
        };
        Some((stage.name, depth))
    };
    BrokerStatus { source, alarm: None, stages: stages.iter().filter_map(of).collect() }
}

async fn store_status(store: &dyn SyncStore, stages: &[Stage]) -> Result<StoreStatus, StoreError> {
    let mut status = StoreStatus::default();
    for now in operate::stages::status(store, stages).await? {
        let stage = now.stage.name.to_owned();
        if let Some(why) = now.why_paused() {
            let pause = Pause { text: (&why).into(), by_hand: now.hold.is_some() };
            status.pauses.insert(stage.clone(), pause);
        }
        let waiting = [now.why_tenants_wait(), now.why_stores_wait()].concat();
        status.tenants.insert(stage, waiting.iter().map(Redacted::from).collect());
    }
    for count in store.dead_counts().await? {
        let (letters, oldest) = status.dead.entry(count.stage).or_insert((0, count.oldest));
        *letters += count.count;
        *oldest = count.oldest.min(*oldest);
    }
    let mut progress = |stage: &str, since: DateTime<Utc>| {
        let oldest = status.in_progress.entry(stage.to_owned()).or_insert(since);
        *oldest = since.min(*oldest);
    };
    for count in store.counts().await? {
        let is_in_progress = matches!(count.state, State::Pending | State::InvoiceCreated | State::Attaching);
        let target = Some(count.target.as_str());
        let stage = stages.iter().find(|stage| stage.target.as_ref().map(|t| t.as_str()) == target);
        if let Some(stage) = stage.filter(|_| is_in_progress) {
            progress(stage.name, count.oldest);
        }
    }
    for count in store.package_counts().await? {
        if matches!(count.state, PackageState::Asking | PackageState::Asked) {
            stages
                .iter()
                .filter(|stage| stage.records_packages)
                .for_each(|stage| progress(stage.name, count.oldest));
        }
    }
    Ok(status)
}
