//! Dead letters: which, what is done with them, and what became of it. The command line and the browser
//! do the same; this prints nothing.

mod decoded;
mod deed;
mod edit;
mod error;
mod json;
mod lag;
mod lease;
mod progress;
mod reindex;
mod selection;
mod settling;
mod shift;
mod whole;

use std::collections::HashSet;

use amqp::{Broker, Delay};
use sync_store::SyncStore;
use tokio::sync::watch;

use crate::Stage;
use crate::stages::WhyPaused;
pub use decoded::{Decoded, DecodedLine, decoded};
pub use deed::Deed;
pub use edit::{EditError, is_same};
pub use error::DeadLetterError;
pub use json::json;
pub use lag::{Lag, LagError, lag};
pub use progress::{Moved, Progress};
pub use reindex::{Reindexed, reindex};
pub use selection::{Selection, group};
pub use whole::whole;

use lease::Lease;
use shift::Shift;

/// Where dead letters are worked on: their index, their queues, and the stages that they are of.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    /// The index.
    pub store: &'a dyn SyncStore,
    /// The queues.
    pub broker: &'a Broker,
    /// The stages of the chain.
    pub stages: &'a [Stage],
    /// The retry queues, where a redriven dead letter that fails again goes.
    pub delays: &'a [Delay],
}

/// What is to be done, and how.
#[derive(Clone)]
pub struct Order<'a> {
    /// What.
    pub deed: Deed,
    /// Who wants it, for the audit log and for whoever comes in between.
    pub who: &'a str,
    /// At most so many dead letters a second; as fast as it goes where there is no rate.
    pub rate: Option<u16>,
    /// Redrive also where the stage is paused by hand. Then its dead letters wait in its queue until somebody
    /// resumes it, and nothing is seen of what becomes of them.
    pub into_paused: bool,
    /// Becomes true once somebody wants it to stop. What is in flight is finished first.
    pub stopped: watch::Receiver<bool>,
    /// Hears how it goes, between two dead letters: it must not take long.
    pub progress: &'a (dyn Fn(&Progress<'_>) + Send + Sync),
}

impl Desk<'_> {
    /// Moves the selected dead letters, stage by stage, each put in its new place before it is taken from the
    /// old one. A dead letter is where it was until it has moved, whatever the error.
    ///
    /// # Errors
    /// Nothing was moved where a dead letter is not known or is elsewhere, and where somebody else is moving
    /// dead letters of the first stage. It stops where redriven dead letters fail again or are not taken, where
    /// somebody says so, and where store or broker are lost; the error says how far it came.
    pub async fn carry_out(
        &self,
        order: &Order<'_>,
        selection: &Selection,
    ) -> Result<Vec<Moved>, DeadLetterError> {
        let chosen = selection.by_stage(self.store, order.deed).await?;
        let held = self.held(order, chosen.keys()).await?;
        let mut all = Vec::new();
        for (stage, ids) in chosen {
            let lease = Lease::take(self.store, &stage, order.who).await?;
            let shift =
                Shift { desk: self, order, stage: &stage, held: held.contains(&stage), lease: &lease };
            let ended = shift.run(ids).await;
            lease.give_back().await;
            all.push(ended?);
        }
        Ok(all)
    }

    /// Which of these stages are paused by hand. Of the others that wait, it tells why: the first dead letter
    /// of a stage that is paused by itself is what it probes with.
    async fn held(
        &self,
        order: &Order<'_>,
        stages: impl Iterator<Item = &String>,
    ) -> Result<HashSet<String>, DeadLetterError> {
        let mut held = HashSet::new();
        if order.deed != Deed::Redrive {
            return Ok(held);
        }
        let all = crate::stages::stages(self.store, self.stages).await?;
        for stage in stages {
            let Some(now) = all.iter().find(|now| now.stage.name == stage) else { continue };
            match now.why_paused() {
                Some(why) if now.hold.is_some() && !order.into_paused => {
                    return Err(DeadLetterError::Paused { stage: stage.clone(), why: why.to_string() });
                }
                Some(why) => (order.progress)(&Progress::Waits { stage, why: &why }),
                None if now.running.is_empty() => {
                    let why = WhyPaused { text: "none of its processes is heard of".to_owned(), error: None };
                    (order.progress)(&Progress::Waits { stage, why: &why });
                }
                None => {}
            }
            if now.hold.is_some() {
                held.insert(stage.clone());
            }
        }
        Ok(held)
    }
}
