//! What the broker says of each stage's queues.

use std::collections::HashMap;

use amqp::{
    Broker, Delay, Depths, Management, QueueDepth, chain, dead_queue_name, queue_name, retry_queue_name,
};
use operate::Stage;

/// Asks the broker: its management API where it is on and answers, AMQP otherwise.
pub(super) struct BrokerAsker {
    management: Option<Management>,
    depths: Depths,
}

/// The numbers of every stage that has a queue.
#[derive(Clone, Debug)]
pub(crate) struct BrokerNumbers {
    pub(crate) source: Source,
    stages: HashMap<&'static str, StageDepth>,
}

/// Who told the numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Management,
    /// With why the management API did not, where it was asked.
    Amqp(Option<String>),
}

/// The numbers of one stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct StageDepth {
    pub(crate) waiting: u64,
    pub(crate) in_flight: Option<u64>,
    pub(crate) in_retry: u64,
    pub(crate) dead: u64,
    pub(crate) consumers: u64,
}

impl BrokerNumbers {
    /// Those of one stage, where its queue is there.
    pub(crate) fn of(&self, stage: &str) -> Option<StageDepth> {
        self.stages.get(stage).copied()
    }
}

impl BrokerAsker {
    pub(super) fn new(broker: Broker, management: Option<Management>) -> Self {
        Self { management, depths: Depths::new(broker) }
    }

    /// Asks, or says in words why not.
    pub(super) async fn ask(&self, stages: &[Stage], delays: &[Delay]) -> Result<BrokerNumbers, String> {
        let source = match &self.management {
            None => Source::Amqp(None),
            Some(management) => match management.depths().await {
                Ok(depths) => return Ok(numbers(Source::Management, stages, delays, depths)),
                Err(error) => {
                    tracing::warn!(
                        error = chain(&error),
                        "the management API did not tell the chain's numbers"
                    );
                    Source::Amqp(Some(error.to_string()))
                }
            },
        };
        let queues: Vec<_> = stages.iter().flat_map(|stage| queues(stage.name, delays)).collect();
        match self.depths.of(&queues).await {
            Ok(depths) => Ok(numbers(source, stages, delays, depths)),
            Err(error) => {
                let told = chain(&error);
                tracing::warn!(error = told, "the broker did not tell the chain's numbers");
                Err(told)
            }
        }
    }

    pub(super) async fn close(&self) {
        self.depths.close().await;
    }
}

/// The work queue, the dead-letter queue, then the retry queues.
fn queues(stage: &str, delays: &[Delay]) -> Vec<String> {
    let work = queue_name(stage);
    let retry_queues = delays.iter().map(|delay| retry_queue_name(&work, *delay));
    [work.clone(), dead_queue_name(stage)].into_iter().chain(retry_queues.collect::<Vec<_>>()).collect()
}

fn numbers(source: Source, stages: &[Stage], delays: &[Delay], depths: Vec<QueueDepth>) -> BrokerNumbers {
    let by_name: HashMap<_, _> = depths.iter().map(|depth| (depth.name.as_str(), depth)).collect();
    let of = |stage: &Stage| {
        let names = queues(stage.name, delays);
        let work = by_name.get(names[0].as_str())?;
        let ready = |name: &String| by_name.get(name.as_str()).map_or(0, |depth| depth.ready);
        let numbers = StageDepth {
            waiting: work.ready,
            in_flight: work.in_flight,
            in_retry: names[2..].iter().map(ready).sum(),
            dead: ready(&names[1]),
            consumers: work.consumers,
        };
        Some((stage.name, numbers))
    };
    BrokerNumbers { source, stages: stages.iter().filter_map(of).collect() }
}
