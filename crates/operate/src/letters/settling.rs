//! What becomes of the dead letters of a batch, before the next one is sent after them.

use std::time::{Duration, Instant};

use amqp::Browser;
use chrono::{DateTime, Utc};
use sync_store::{DeadLetterFilter, Key, Page, State};
use tokio::time::sleep;

use super::DeadLetterError;
use super::shift::Shift;

/// A batch that was redriven.
pub(super) struct Batch {
    /// When it was sent.
    pub(super) sent: DateTime<Utc>,
    /// When the one before was sent, or this one where it is the first.
    pub(super) since: DateTime<Utc>,
    /// How many dead letters.
    pub(super) size: usize,
    /// What waited in the work queue and in the retry queues before.
    pub(super) before: (u32, u32),
    /// The ids of its messages, and of those of the one before.
    pub(super) messages: Vec<String>,
    /// The receipts that they are about and that are not known to be complete.
    pub(super) receipts: Vec<Key>,
}

/// What became of a batch, as far as can be seen.
pub(super) enum Settled {
    /// Nothing speaks against going on.
    Well,
    /// They fail again, or are not taken.
    Badly {
        /// What was seen.
        why: String,
        /// The error of the first dead letter that died again.
        error: Option<String>,
    },
    /// Somebody wants to stop.
    Stopped,
}

/// How long nothing may happen to a batch.
const TIMEOUT: Duration = Duration::from_secs(20);

/// How long after it was taken a dead letter that fails at once has shown that, where no record tells.
const QUIET: Duration = Duration::from_secs(2);

/// Batches up to this size find out whether the cause is gone. A larger one is not waited for so long: it
/// is watched on with the next one.
const TRIAL: usize = 20;

const STEP: Duration = Duration::from_millis(200);

/// Watches until every receipt of the batch is complete, where the stage serves a target; else until
/// the work queue was empty for a moment.
pub(super) async fn settle(
    shift: &Shift<'_>,
    walk: &Browser,
    batch: &mut Batch,
) -> Result<Settled, DeadLetterError> {
    let mut happened = Instant::now();
    let mut empty_since = None;
    let enough = if batch.size <= TRIAL { QUIET } else { Duration::ZERO };
    let mut left = (u32::MAX, usize::MAX);
    let many = u32::try_from(batch.size.div_ceil(2)).unwrap_or(u32::MAX);
    loop {
        if *shift.order.stopped.borrow() {
            return Ok(Settled::Stopped);
        }
        // Where it is lost, that is noticed before the next batch is moved.
        shift.lease.keep().await?;
        if let Some((why, error)) = died_again(shift, batch).await? {
            return Ok(Settled::Badly { why, error: Some(error) });
        }
        let (waiting, retrying) = walk.waiting(shift.desk.delays).await?;
        let more = retrying.saturating_sub(batch.before.1);
        if more >= many {
            let why = format!("{more} of the last batch failed and wait to be tried again");
            return Ok(Settled::Badly { why, error: None });
        }
        if waiting > 0 {
            empty_since = None;
        }
        let quiet = waiting == 0 && empty_since.get_or_insert_with(Instant::now).elapsed() >= enough;
        match shift.target() {
            Some(target) => {
                let receipts = std::mem::take(&mut batch.receipts);
                batch.receipts = incomplete(shift, receipts, target.as_str()).await?;
                if batch.receipts.is_empty() {
                    return Ok(Settled::Well);
                }
            }
            None if quiet => return Ok(Settled::Well),
            None => {}
        }
        if waiting < left.0 || batch.receipts.len() < left.1 {
            left = (waiting.min(left.0), batch.receipts.len().min(left.1));
            happened = Instant::now();
        }
        if happened.elapsed() > TIMEOUT {
            return Ok(Settled::Badly { why: not_taken(shift.stage, waiting), error: None });
        }
        sleep(STEP).await;
    }
}

fn not_taken(stage: &str, waiting: u32) -> String {
    match waiting {
        0 => format!("{stage} is not done with the last batch within {} s", TIMEOUT.as_secs()),
        _ => format!(
            "{waiting} message(s) wait in bilag.{stage} and are not taken: {stage} is paused, overloaded or not running"
        ),
    }
}

/// Those whose record is neither complete nor skipped. The first of many tells enough for now.
async fn incomplete(
    shift: &Shift<'_>,
    mut keys: Vec<Key>,
    target: &str,
) -> Result<Vec<Key>, DeadLetterError> {
    while let Some(key) = keys.last() {
        let record = shift.desk.store.record(key, target).await?;
        if record.is_none_or(|record| !matches!(record.state, State::Complete | State::Skipped)) {
            break;
        }
        keys.pop();
    }
    Ok(keys)
}

/// That dead letters of the batch died again, and the error of the first of them.
async fn died_again(shift: &Shift<'_>, batch: &Batch) -> Result<Option<(String, String)>, DeadLetterError> {
    let (stage, since) = (Some(shift.stage.to_owned()), Some(batch.since));
    let filter = DeadLetterFilter { stage, since, ..Default::default() };
    let letters = shift.desk.store.dead_letters(&filter, Page::first(200)).await?;
    let mut again = letters.into_iter().map(|noted| noted.letter).filter(|letter| {
        letter.redriven > 0 && letter.message_id.as_ref().is_some_and(|id| batch.messages.contains(id))
    });
    let Some(first) = again.next() else { return Ok(None) };
    let count = 1 + again.count();
    Ok(Some((format!("{count} of the last batch died again, of {}", first.reason), first.error)))
}
