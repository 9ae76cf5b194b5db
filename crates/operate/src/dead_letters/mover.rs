//! Moves the dead letters of one stage in growing batches, each dead letter put in its new place before it is
//! taken from the old one, and watches the outcome of a batch before it sends the next.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use amqp::{BrowseError, Browser, Destination, Found};
use chrono::{DateTime, Utc};
use events::Target;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use sync_store::{DeadLetterFilter, Key, NewAuditEntry, Page, Place, RecordFilter, State};
use tokio::time::sleep;

use super::lease::Lease;
use super::{Action, DeadLetterError, DeadLetterService, MoveRequest, Moved, Progress};

/// One action on the dead letters of one stage.
pub(super) struct BatchMover<'a> {
    pub(super) service: &'a DeadLetterService,
    pub(super) request: &'a MoveRequest<'a>,
    pub(super) stage: &'a str,
    /// By hand: what is sent to it waits, so that no outcome can be watched.
    pub(super) is_paused: bool,
    pub(super) lease: &'a Lease<'a>,
}

/// Batch sizes of a redrive: whether the cause is gone shows with the first few. The last applies to all that
/// follow, and to actions that cannot fail again.
const BATCHES: [usize; 6] = [1, 2, 5, 20, 100, 500];
const LARGEST: usize = BATCHES[BATCHES.len() - 1];

/// Bytes of bodies after which a batch is complete.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// Then the browser is replaced: brokers close channels that hold a delivery for 30 minutes.
const BROWSER_MAX_AGE: Duration = Duration::from_secs(600);

/// Queries to the store at once.
const CONCURRENT_QUERIES: usize = 4;

/// How far the move has come.
struct Moving {
    /// Still to be moved.
    wanted: HashSet<String>,
    /// In their new place, and perhaps still in the old one: the connection was lost before the broker confirmed.
    /// The next browser takes them.
    put: HashSet<String>,
    moved: Moved,
    batches: usize,
    /// Sent last, and still watched.
    sent: Option<Batch>,
    /// Whether its outcome is unknown.
    is_unsettled: bool,
}

/// How one pass through the queue ended.
enum PassEnd {
    /// At the last dead letter, or all are moved.
    Through,
    /// At its maximum age; another pass continues.
    Anew,
    /// The channel was closed, as brokers do when deliveries are held for too long.
    Lost(BrowseError),
}

impl Moving {
    fn is_over(&self) -> bool {
        self.wanted.is_empty() && self.put.is_empty()
    }
}

/// A dead letter of a batch, with its receipt if the index knows it.
struct Selected {
    found: Found,
    key: Option<Key>,
}

impl BatchMover<'_> {
    /// Moves the dead letters; stops when they fail again, on cancellation, and when the lease is lost.
    pub(super) fn run(&self, wanted: HashSet<String>) -> BoxFuture<'_, Result<Moved, DeadLetterError>> {
        self.move_all(wanted).boxed()
    }

    async fn move_all(&self, wanted: HashSet<String>) -> Result<Moved, DeadLetterError> {
        let (action, of) = (self.request.action, wanted.len());
        let moved = Moved { action, stage: self.stage.to_owned(), moved: 0, of };
        let (put, sent) = (HashSet::new(), None);
        let mut moving = Moving { wanted, put, moved, batches: 0, sent, is_unsettled: false };
        // What the broker requeues is in the queue a moment later.
        let mut all_requeued = true;
        let held_by_others = loop {
            let before = moving.moved.moved;
            let (end, others) = self.one_pass(&mut moving).await?;
            let came_further = moving.moved.moved > before;
            match end {
                PassEnd::Through if moving.is_over() || !came_further => break others || !all_requeued,
                PassEnd::Through | PassEnd::Anew => all_requeued = true,
                PassEnd::Lost(_) if came_further => all_requeued = false,
                PassEnd::Lost(error) => return Err(error.into()),
            }
        };
        let Moving { wanted, moved, .. } = moving;
        self.report(&Progress::Done(&moved));
        if !wanted.is_empty() {
            if held_by_others {
                let (left, stage) = (wanted.len(), self.stage.to_owned());
                return Err(DeadLetterError::HeldByOthers { left, stage, so_far: moved });
            }
            if !self.lease.keep().await? {
                return Err(DeadLetterError::Lost { so_far: moved });
            }
            self.forget(wanted.into_iter().collect()).await?;
        }
        Ok(moved)
    }

    /// One pass through the queue, and whether another consumer reads it if dead letters are left.
    async fn one_pass(&self, moving: &mut Moving) -> Result<(PassEnd, bool), DeadLetterError> {
        let mut browser =
            Browser::begin(&self.service.broker, self.stage, self.request.action.from().0).await?;
        let end = self.all_batches(&mut browser, moving).await;
        let is_lost = browser.is_lost();
        let others = match moving.wanted.is_empty() {
            true => Ok(false),
            false => browser.is_read_by_others().await,
        };
        browser.end().await;
        match end {
            Err(DeadLetterError::Browser(error)) if is_lost => Ok((PassEnd::Lost(error), true)),
            end => Ok((end?, others?)),
        }
    }

    async fn all_batches(
        &self,
        browser: &mut Browser,
        moving: &mut Moving,
    ) -> Result<PassEnd, DeadLetterError> {
        while !moving.is_over() {
            self.settle(browser, moving).await?;
            if browser.age() > BROWSER_MAX_AGE {
                return Ok(PassEnd::Anew);
            }
            let size = match self.request.action {
                Action::Redrive => BATCHES.get(moving.batches).copied().unwrap_or(LARGEST),
                Action::Discard | Action::Restore => LARGEST,
            };
            moving.batches += 1;
            let batch = self.next_batch(browser, moving, size).await?;
            if batch.is_empty() {
                break;
            }
            // What is archived cannot fail again, and nothing is sent after the last batch.
            if self.request.action == Action::Redrive && !self.is_paused && batch.len() < moving.wanted.len()
            {
                moving.sent = Some(self.about_to_be_sent(browser, moving.sent.take()).await?);
                moving.is_unsettled = true;
            }
            let letters: Vec<_> = batch.iter().map(|letter| letter.found.id.clone()).collect();
            let act = NewAuditEntry {
                who: self.request.who,
                act: self.request.action.name(),
                stage: self.stage,
                letters: &letters,
                detail: "",
            };
            self.service.store.write_audit(&act).await?;
            self.move_batch(browser, moving, batch).await?;
            if !moving.is_over() {
                self.report(&Progress::Batch(&moving.moved));
            }
        }
        Ok(PassEnd::Through)
    }

    /// Waits for the outcome of the batch that was sent last.
    async fn settle(&self, browser: &Browser, moving: &mut Moving) -> Result<(), DeadLetterError> {
        let Some(sent) = moving.sent.as_mut().filter(|_| moving.is_unsettled) else { return Ok(()) };
        self.report(&Progress::Settling { stage: self.stage, count: sent.size });
        match settle(self, browser, sent).await? {
            Outcome::Fine => moving.is_unsettled = false,
            Outcome::Failing { why, error } => {
                return Err(DeadLetterError::Failing { why, error, so_far: moving.moved.clone() });
            }
            Outcome::Cancelled => return Err(DeadLetterError::Cancelled { so_far: moving.moved.clone() }),
        }
        Ok(())
    }

    /// Moves a batch within the rate.
    async fn move_batch(
        &self,
        browser: &Browser,
        moving: &mut Moving,
        batch: Vec<Selected>,
    ) -> Result<(), DeadLetterError> {
        let (at_once, pause) = match self.request.rate {
            Some(rate) => {
                let at_once = rate.div_ceil(10);
                (usize::from(at_once), Duration::from_secs(1) * u32::from(at_once) / u32::from(rate))
            }
            None => (LARGEST, Duration::ZERO),
        };
        let mut batch = batch.into_iter();
        loop {
            let chunk: Vec<_> = batch.by_ref().take(at_once).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            if self.request.cancel.is_cancelled() {
                return Err(DeadLetterError::Cancelled { so_far: moving.moved.clone() });
            }
            if !self.lease.keep().await? {
                return Err(DeadLetterError::Lost { so_far: moving.moved.clone() });
            }
            self.move_chunk(browser, moving, chunk).await?;
            sleep(pause).await;
        }
    }

    /// All are put in their new places, then taken from the old one, then moved in the index. Killed in between,
    /// a dead letter is in both places, or the index shows one that is gone: the next request for it reports that
    /// and corrects the index.
    async fn move_chunk(
        &self,
        browser: &Browser,
        moving: &mut Moving,
        chunk: Vec<Selected>,
    ) -> Result<(), DeadLetterError> {
        let complete = self.complete(&chunk).await?;
        let (destination, place) = self.request.action.to();
        let mut letters = Vec::with_capacity(chunk.len());
        let mut places = HashMap::<Place, Vec<String>>::new();
        for (letter, complete) in chunk.into_iter().zip(complete) {
            let (destination, place) = match complete {
                true => (Destination::Discarded, Place::Discarded),
                false => (destination, place),
            };
            if complete {
                self.report(&Progress::Archived { id: &letter.found.id });
            }
            places.entry(place).or_default().push(letter.found.id.clone());
            if let Some(sent) = moving.sent.as_mut().filter(|_| moving.is_unsettled) {
                sent.size += 1;
                sent.messages.push(letter.found.message.id());
                sent.receipts.extend(letter.key);
            }
            letters.push((letter.found, destination));
        }
        let ids: Vec<_> = letters.iter().map(|(found, _)| found.id.clone()).collect();
        for id in &ids {
            moving.wanted.remove(id);
        }
        browser.put_all(&letters).await?;
        moving.moved.moved += ids.len();
        moving.put.extend(ids.iter().cloned());
        let taken = browser.take(letters.into_iter().map(|(found, _)| found)).await;
        for (place, ids) in places {
            self.service.store.move_dead_letters(&ids, place).await?;
        }
        taken?;
        for id in &ids {
            moving.put.remove(id);
        }
        Ok(())
    }

    /// For each dead letter, whether it would be redriven for a receipt that is complete.
    async fn complete(&self, chunk: &[Selected]) -> Result<Vec<bool>, DeadLetterError> {
        if self.request.action != Action::Redrive {
            return Ok(vec![false; chunk.len()]);
        }
        let queries: Vec<_> = chunk.iter().map(|letter| self.is_complete(letter.key.as_ref())).collect();
        iter(queries).buffered(CONCURRENT_QUERIES).try_collect().await
    }

    /// Begins to watch a batch: the dead letters sent from now on, and those of the previous batch.
    async fn about_to_be_sent(
        &self,
        browser: &Browser,
        before: Option<Batch>,
    ) -> Result<Batch, DeadLetterError> {
        let now = self.service.store.now().await?;
        let (since, messages) = match before {
            Some(Batch { sent, messages, size, .. }) => {
                (sent, messages.into_iter().rev().take(size).collect::<Vec<_>>())
            }
            None => (now, Vec::new()),
        };
        let before = browser.waiting(&self.service.delays).await?;
        Ok(Batch { since, sent: now, size: 0, before, messages, receipts: Vec::new() })
    }

    /// The next selected dead letters of the queue. The others stay unacknowledged, and return to their places
    /// when the browser ends.
    async fn next_batch(
        &self,
        browser: &mut Browser,
        moving: &mut Moving,
        size: usize,
    ) -> Result<Vec<Selected>, DeadLetterError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let is_full = |batch: &Vec<_>, moving: &Moving| match moving.wanted.len() {
            0 => moving.put.is_empty(),
            wanted => batch.len() >= size.min(wanted),
        };
        while !is_full(&batch, moving) && bytes < BATCH_BYTES {
            if self.request.cancel.is_cancelled() {
                return Err(DeadLetterError::Cancelled { so_far: moving.moved.clone() });
            }
            // A lost lease is noticed before anything is moved.
            self.lease.keep().await?;
            match browser.next().await? {
                Some(found) if moving.wanted.contains(&found.id) => {
                    bytes += found.message.body.len();
                    batch.push(found);
                }
                Some(found) if moving.put.contains(&found.id) => {
                    let id = found.id.clone();
                    browser.take([found]).await?;
                    moving.put.remove(&id);
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut keys = match self.request.action {
            Action::Redrive => self.keys(&batch).await?,
            Action::Discard | Action::Restore => HashMap::new(),
        };
        Ok(batch.into_iter().map(|found| Selected { key: keys.remove(&found.id), found }).collect())
    }

    /// Receipts of these dead letters, by id, from the index. Dead letters about the message itself are left out:
    /// they say nothing about how far the receipt has come.
    async fn keys(&self, batch: &[Found]) -> Result<HashMap<String, Key>, DeadLetterError> {
        let ids = batch.iter().map(|found| found.id.clone()).collect();
        let filter = DeadLetterFilter { ids: Some(ids), ..Default::default() };
        let all = Page::first(u32::try_from(LARGEST).unwrap_or(u32::MAX));
        let noted = self.service.store.dead_letters(&filter, all).await?;
        let noted = noted.into_iter().filter(|noted| !noted.letter.is_about_the_message());
        let keys = noted.filter_map(|noted| Some((noted.letter.id, noted.letter.key?)));
        Ok(keys.collect())
    }

    pub(super) fn target(&self) -> Option<&Target> {
        self.service.stages.iter().find(|stage| stage.name == self.stage)?.target.as_ref()
    }

    /// Whether the receipt is complete at every target that the stage serves.
    async fn is_complete(&self, key: Option<&Key>) -> Result<bool, DeadLetterError> {
        let Some(key) = key else { return Ok(false) };
        let filter = RecordFilter {
            receipt: Some(key.receipt_uid.clone()),
            tenant_uid: Some(key.tenant_uid.clone()),
            target: self.target().map(|target| target.as_str().to_owned()),
            ..Default::default()
        };
        let records = self.service.store.records(&filter, Page::first(100)).await?;
        let mut states =
            records.iter().filter(|listed| listed.record.key == *key).map(|listed| listed.record.state);
        let any = states.clone().any(|state| state == State::Complete);
        Ok(any && states.all(|state| matches!(state, State::Complete | State::Skipped)))
    }

    /// Corrects the index: dead letters that are not in their queue were moved by another tool.
    async fn forget(&self, gone: Vec<String>) -> Result<(), DeadLetterError> {
        self.service.store.move_dead_letters(&gone, Place::Redriven).await?;
        self.report(&Progress::Gone { ids: &gone });
        Ok(())
    }

    fn report(&self, progress: &Progress<'_>) {
        (self.request.progress)(progress);
    }
}

/// A batch that was redriven.
struct Batch {
    sent: DateTime<Utc>,
    /// When the previous batch was sent, or this one if it is the first.
    since: DateTime<Utc>,
    size: usize,
    /// Messages in the work queue and in the retry queues before.
    before: (u32, u32),
    /// Message ids of this batch and the previous one.
    messages: Vec<String>,
    /// Those not known to be complete.
    receipts: Vec<Key>,
}

/// What became of a batch, as far as can be seen.
enum Outcome {
    Fine,
    /// They fail again, or are not consumed.
    Failing {
        why: String,
        /// Of the first one that died again.
        error: Option<String>,
    },
    Cancelled,
}

/// Without any progress of the batch.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A message that fails at once has failed so long after it was consumed, where no record tells.
const QUIET: Duration = Duration::from_secs(2);

/// Batches up to this size find out whether the cause is gone. A larger one is not waited for: it is watched
/// on with the next.
const PROBE: usize = 20;

const POLL_EVERY: Duration = Duration::from_millis(200);

/// Polls until every receipt of the batch is complete, if the stage serves a target; otherwise until the work
/// queue has been empty for a moment.
async fn settle(
    mover: &BatchMover<'_>,
    browser: &Browser,
    batch: &mut Batch,
) -> Result<Outcome, DeadLetterError> {
    let mut happened = Instant::now();
    let mut empty_since = None;
    let enough = if batch.size <= PROBE { QUIET } else { Duration::ZERO };
    let mut left = (u32::MAX, usize::MAX);
    let many = u32::try_from(batch.size.div_ceil(2)).unwrap_or(u32::MAX);
    loop {
        if mover.request.cancel.is_cancelled() {
            return Ok(Outcome::Cancelled);
        }
        // A lost lease is noticed before the next batch is moved.
        mover.lease.keep().await?;
        if let Some((why, error)) = died_again(mover, batch).await? {
            return Ok(Outcome::Failing { why, error: Some(error) });
        }
        let (waiting, retrying) = browser.waiting(&mover.service.delays).await?;
        let more = retrying.saturating_sub(batch.before.1);
        if more >= many {
            let why = format!("{more} of the last batch failed and wait in retry queues");
            return Ok(Outcome::Failing { why, error: None });
        }
        if waiting > 0 {
            empty_since = None;
        }
        let quiet = waiting == 0 && empty_since.get_or_insert_with(Instant::now).elapsed() >= enough;
        match mover.target() {
            Some(target) => {
                let receipts = std::mem::take(&mut batch.receipts);
                batch.receipts = incomplete(mover, receipts, target.as_str()).await?;
                if batch.receipts.is_empty() {
                    return Ok(Outcome::Fine);
                }
            }
            None if quiet => return Ok(Outcome::Fine),
            None => {}
        }
        if waiting < left.0 || batch.receipts.len() < left.1 {
            left = (waiting.min(left.0), batch.receipts.len().min(left.1));
            happened = Instant::now();
        }
        if happened.elapsed() > TIMEOUT {
            return Ok(Outcome::Failing { why: not_consumed(mover.stage, waiting), error: None });
        }
        sleep(POLL_EVERY).await;
    }
}

fn not_consumed(stage: &str, waiting: u32) -> String {
    match waiting {
        0 => format!("{stage} did not finish the last batch within {} s", TIMEOUT.as_secs()),
        _ => format!(
            "{waiting} message(s) wait in bilag.{stage} and are not consumed: {stage} is paused, overloaded or not running"
        ),
    }
}

/// Those whose record is neither complete nor skipped; stops at the first.
async fn incomplete(
    mover: &BatchMover<'_>,
    mut keys: Vec<Key>,
    target: &str,
) -> Result<Vec<Key>, DeadLetterError> {
    while let Some(key) = keys.last() {
        let record = mover.service.store.record(key, target).await?;
        if record.is_none_or(|record| !matches!(record.state, State::Complete | State::Skipped)) {
            break;
        }
        keys.pop();
    }
    Ok(keys)
}

/// How many of the batch died again, and the error of the first.
async fn died_again(
    mover: &BatchMover<'_>,
    batch: &Batch,
) -> Result<Option<(String, String)>, DeadLetterError> {
    let (stage, since) = (Some(mover.stage.to_owned()), Some(batch.since));
    let filter = DeadLetterFilter { stage, since, ..Default::default() };
    let letters = mover.service.store.dead_letters(&filter, Page::first(200)).await?;
    let mut again = letters.into_iter().map(|noted| noted.letter).filter(|letter| {
        letter.redriven > 0 && letter.message_id.as_ref().is_some_and(|id| batch.messages.contains(id))
    });
    let Some(first) = again.next() else { return Ok(None) };
    let count = 1 + again.count();
    Ok(Some((format!("{count} of the last batch died again with {}", first.reason), first.error)))
}
