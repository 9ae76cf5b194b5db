//! What becomes of the letters of a batch, before the next one is sent after them.

use std::time::{Duration, Instant};

use amqp::Walk;
use chrono::{DateTime, Utc};
use sync_store::{Key, LetterFilter, Page, State};
use tokio::time::sleep;

use super::shift::Shift;
use crate::output::Failed;

/// A batch that was redriven.
pub struct Batch {
    /// When.
    pub since: DateTime<Utc>,
    /// What waited in the work queue and in the rungs before.
    pub before: (u32, u32),
    /// The ids of its messages.
    pub messages: Vec<String>,
    /// The receipts that they are about.
    pub receipts: Vec<Key>,
}

/// What became of a batch, as far as can be seen.
pub enum Settled {
    /// Nothing speaks against going on.
    Well,
    /// They fail again, or are not taken.
    Badly(String),
    /// Somebody wants to stop.
    Stopped,
}

/// How long a batch may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long after it was taken a letter that fails at once has shown that, where no record tells.
const QUIET: Duration = Duration::from_secs(2);

const STEP: Duration = Duration::from_millis(200);

/// Watches until every receipt of the batch is complete, where the stage serves a target; else until
/// the work queue was empty for a moment.
pub async fn settle(shift: &Shift<'_>, walk: &Walk, batch: &Batch) -> Result<Settled, Failed> {
    let begun = Instant::now();
    let mut empty_since = None;
    let many = u32::try_from(batch.messages.len().div_ceil(2)).unwrap_or(u32::MAX);
    loop {
        if *shift.stopped.borrow() {
            return Ok(Settled::Stopped);
        }
        if let Some(why) = died_again(shift, batch).await? {
            return Ok(Settled::Badly(why));
        }
        let (waiting, retrying) = walk.waiting(shift.delays).await.map_err(Failed::plainly)?;
        let more = retrying.saturating_sub(batch.before.1);
        if more >= many {
            return Ok(Settled::Badly(format!("{more} of the last batch failed and wait to be tried again")));
        }
        if waiting > 0 {
            empty_since = None;
        }
        let quiet = waiting == 0 && empty_since.get_or_insert_with(Instant::now).elapsed() >= QUIET;
        match shift.target() {
            Some(target) if all_complete(shift, batch, &target).await? => return Ok(Settled::Well),
            None if quiet => return Ok(Settled::Well),
            _ => {}
        }
        if begun.elapsed() > PATIENCE {
            let stage = shift.stage;
            return Ok(Settled::Badly(match waiting {
                0 => format!("{stage} is not done with the last batch within {} s", PATIENCE.as_secs()),
                _ => format!(
                    "{waiting} message(s) wait in bilag.{stage} and are not taken: {stage} is paused, overloaded or not running"
                ),
            }));
        }
        sleep(STEP).await;
    }
}

async fn all_complete(shift: &Shift<'_>, batch: &Batch, target: &str) -> Result<bool, Failed> {
    for key in &batch.receipts {
        let record = shift.store.record(key, target).await.map_err(Failed::plainly)?;
        if record.is_none_or(|record| !matches!(record.state, State::Complete | State::Skipped)) {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn died_again(shift: &Shift<'_>, batch: &Batch) -> Result<Option<String>, Failed> {
    let (stage, since) = (Some(shift.stage.to_owned()), Some(batch.since));
    let filter = LetterFilter { stage, since, ..Default::default() };
    let letters = shift.store.dead_letters(&filter, Page::first(200)).await.map_err(Failed::plainly)?;
    let mut again = letters.into_iter().map(|noted| noted.letter).filter(|letter| {
        letter.redriven > 0 && letter.message_id.as_ref().is_some_and(|id| batch.messages.contains(id))
    });
    let Some(first) = again.next() else { return Ok(None) };
    let count = 1 + again.count();
    Ok(Some(format!("{count} of the last batch died again, of {}: {}", first.reason, first.error)))
}
