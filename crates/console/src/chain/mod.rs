//! The chain's numbers: what the broker and the store say of each stage, gathered once for all who look.

mod broker;
mod pause;
mod stored;

use std::sync::Arc;
use std::time::Duration;

use amqp::Management;
use chrono::{DateTime, Utc};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::server::App;

pub(crate) use broker::{BrokerNumbers, Source, StageDepth};
pub(crate) use pause::Pause;
pub(crate) use stored::StoreNumbers;

use broker::BrokerAsker;

/// For so long what was gathered is shown to everybody: a thousand viewers ask as much as one.
const KEPT: Duration = Duration::from_secs(2);

/// Gathers the numbers.
pub(crate) struct ChainNumbers {
    broker: BrokerAsker,
    kept: Mutex<Option<(Instant, Arc<Gathered>)>>,
}

/// The numbers as of one moment. What could not be asked is told in words.
pub(crate) struct Gathered {
    pub(crate) at: DateTime<Utc>,
    pub(crate) broker: Result<BrokerNumbers, String>,
    pub(crate) store: Result<StoreNumbers, String>,
}

impl ChainNumbers {
    pub(crate) fn new(broker: amqp::Broker, management: Option<Management>) -> Self {
        Self { broker: BrokerAsker::new(broker, management), kept: Mutex::default() }
    }

    /// The numbers, not much older than [`KEPT`].
    pub(crate) async fn gather(&self, app: &App) -> Arc<Gathered> {
        let mut kept = self.kept.lock().await;
        if let Some((since, gathered)) = &*kept
            && since.elapsed() < KEPT
        {
            return gathered.clone();
        }
        let (broker, store) = tokio::join!(self.broker.ask(&app.stages, &app.delays), stored::ask(app));
        let gathered = Arc::new(Gathered { at: app.clock.now(), broker, store });
        *kept = Some((Instant::now(), gathered.clone()));
        gathered
    }

    /// Closes what is open.
    pub(crate) async fn close(&self) {
        self.broker.close().await;
    }
}
