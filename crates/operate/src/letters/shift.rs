//! Moving the dead letters of one stage: batch by batch, each dead letter put in its new place before it is
//! taken from the old one.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use amqp::{BrowseError, Browser, Destination, Found};
use events::Target;
use futures_util::stream::{StreamExt, TryStreamExt, iter};
use sync_store::{DeadLetterFilter, Key, NewAuditEntry, Page, Place, RecordFilter, State};
use tokio::time::sleep;

use super::settling::{Batch, Settled, settle};
use super::{DeadLetterError, Deed, Desk, Lease, Moved, Order, Progress};

/// Everything that moving the dead letters of one stage needs.
pub(super) struct Shift<'a> {
    pub(super) desk: &'a Desk<'a>,
    pub(super) order: &'a Order<'a>,
    pub(super) stage: &'a str,
    /// Whether it is paused by hand: nothing becomes of what is sent to it.
    pub(super) held: bool,
    pub(super) lease: &'a Lease<'a>,
}

/// Redriven are so many, then so many more: whether the cause is gone shows with the first. The last
/// is for all that follow, and for what cannot fail again.
const BATCHES: [usize; 6] = [1, 2, 5, 20, 100, 500];
const LARGEST: usize = BATCHES[BATCHES.len() - 1];

/// A batch ends where its bodies come to more than this, in bytes.
const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A walk as old as this gives what it has in flight back, and a new one begins: brokers do not let a
/// reader keep dead letters for longer than half an hour.
const WALK_ANEW: Duration = Duration::from_secs(600);

/// Questions to the store at once.
const QUESTIONS: usize = 4;

/// How far the dead letters of the stage have come.
struct Course {
    /// DeadLetters that are to be moved.
    wanted: HashSet<String>,
    /// DeadLetters that are in their new places and may not have been taken from the old one: the walk was lost before the
    /// broker said so. The next walk takes them.
    put: HashSet<String>,
    moved: Moved,
    batches: usize,
    /// What was sent last, and is still watched.
    sent: Option<Batch>,
    /// Whether nothing is known yet of what has become of it.
    is_unsettled: bool,
}

/// How a walk ended.
enum Walked {
    /// It has come to the last dead letter, or all are moved.
    Through,
    /// It has kept dead letters for long, has given them back, and another one is to go on.
    Anew,
    /// The broker has taken back what it had in flight, as it does where dead letters are kept for too long.
    Lost(BrowseError),
}

impl Course {
    fn is_over(&self) -> bool {
        self.wanted.is_empty() && self.put.is_empty()
    }
}

/// A dead letter of a batch, with the receipt that the index knows it is about.
struct InHand {
    found: Found,
    key: Option<Key>,
}

impl Shift<'_> {
    /// Moves the dead letters; stops where they fail again, where somebody says so, and where the lease
    /// is lost.
    pub(super) async fn run(&self, wanted: HashSet<String>) -> Result<Moved, DeadLetterError> {
        let (deed, of) = (self.order.deed, wanted.len());
        let moved = Moved { deed, stage: self.stage.to_owned(), moved: 0, of };
        let (put, sent) = (HashSet::new(), None);
        let mut course = Course { wanted, put, moved, batches: 0, sent, is_unsettled: false };
        // What the broker takes back from a walk is in the queue a moment later.
        let mut all_is_back = true;
        let in_other_hands = loop {
            let before = course.moved.moved;
            let (walked, others) = self.one_walk(&mut course).await?;
            let came_further = course.moved.moved > before;
            match walked {
                Walked::Through if course.is_over() || !came_further => break others || !all_is_back,
                Walked::Through | Walked::Anew => all_is_back = true,
                Walked::Lost(_) if came_further => all_is_back = false,
                Walked::Lost(error) => return Err(error.into()),
            }
        };
        let Course { wanted, moved, .. } = course;
        self.tell(&Progress::Done(&moved));
        if !wanted.is_empty() {
            if in_other_hands {
                let (left, stage) = (wanted.len(), self.stage.to_owned());
                return Err(DeadLetterError::InOtherHands { left, stage, so_far: moved });
            }
            if !self.lease.keep().await? {
                return Err(DeadLetterError::Lost { so_far: moved });
            }
            self.forget(wanted.into_iter().collect()).await?;
        }
        Ok(moved)
    }

    /// Walks once, and tells whether somebody else reads the queue where dead letters are left.
    async fn one_walk(&self, course: &mut Course) -> Result<(Walked, bool), DeadLetterError> {
        let mut walk = Browser::begin(self.desk.broker, self.stage, self.order.deed.from().0).await?;
        let walked = self.all_batches(&mut walk, course).await;
        let is_lost = walk.is_lost();
        let others = match course.wanted.is_empty() {
            true => Ok(false),
            false => walk.is_read_by_others().await,
        };
        walk.end().await;
        match walked {
            Err(DeadLetterError::Browser(error)) if is_lost => Ok((Walked::Lost(error), true)),
            walked => Ok((walked?, others?)),
        }
    }

    async fn all_batches(&self, walk: &mut Browser, course: &mut Course) -> Result<Walked, DeadLetterError> {
        while !course.is_over() {
            self.settle(walk, course).await?;
            if walk.age() > WALK_ANEW {
                return Ok(Walked::Anew);
            }
            let size = match self.order.deed {
                Deed::Redrive => BATCHES.get(course.batches).copied().unwrap_or(LARGEST),
                Deed::Discard | Deed::Restore => LARGEST,
            };
            course.batches += 1;
            let batch = self.next_batch(walk, course, size).await?;
            if batch.is_empty() {
                break;
            }
            // What is put aside cannot fail again, and nothing is sent after the last batch.
            if self.order.deed == Deed::Redrive && !self.held && batch.len() < course.wanted.len() {
                course.sent = Some(self.about_to_be_sent(walk, course.sent.take()).await?);
                course.is_unsettled = true;
            }
            let letters: Vec<_> = batch.iter().map(|letter| letter.found.id.clone()).collect();
            let act = NewAuditEntry {
                who: self.order.who,
                act: self.order.deed.name(),
                stage: self.stage,
                letters: &letters,
                detail: "",
            };
            self.desk.store.write_audit(&act).await?;
            self.move_batch(walk, course, batch).await?;
            if !course.is_over() {
                self.tell(&Progress::Batch(&course.moved));
            }
        }
        Ok(Walked::Through)
    }

    /// Waits until it is known what has become of the batch that was sent last.
    async fn settle(&self, walk: &Browser, course: &mut Course) -> Result<(), DeadLetterError> {
        let Some(sent) = course.sent.as_mut().filter(|_| course.is_unsettled) else { return Ok(()) };
        self.tell(&Progress::Settling { stage: self.stage, letters: sent.size });
        match settle(self, walk, sent).await? {
            Settled::Well => course.is_unsettled = false,
            Settled::Badly { why, error } => {
                return Err(DeadLetterError::Failing { why, error, so_far: course.moved.clone() });
            }
            Settled::Stopped => return Err(DeadLetterError::Stopped { so_far: course.moved.clone() }),
        }
        Ok(())
    }

    /// Moves a batch, at most as many a second as the rate allows.
    async fn move_batch(
        &self,
        walk: &Browser,
        course: &mut Course,
        batch: Vec<InHand>,
    ) -> Result<(), DeadLetterError> {
        let (at_once, pause) = match self.order.rate {
            Some(rate) => {
                let at_once = rate.div_ceil(10);
                (usize::from(at_once), Duration::from_secs(1) * u32::from(at_once) / u32::from(rate))
            }
            None => (LARGEST, Duration::ZERO),
        };
        let mut batch = batch.into_iter();
        loop {
            let handful: Vec<_> = batch.by_ref().take(at_once).collect();
            if handful.is_empty() {
                return Ok(());
            }
            if *self.order.stopped.borrow() {
                return Err(DeadLetterError::Stopped { so_far: course.moved.clone() });
            }
            if !self.lease.keep().await? {
                return Err(DeadLetterError::Lost { so_far: course.moved.clone() });
            }
            self.move_handful(walk, course, handful).await?;
            sleep(pause).await;
        }
    }

    /// First all are in their new places, then they are taken from the old one, and the index hears of
    /// it last. Killed in between, a dead letter is in both places, or the index shows one that is gone: the
    /// next one to ask for it is told, and the index is put right.
    async fn move_handful(
        &self,
        walk: &Browser,
        course: &mut Course,
        handful: Vec<InHand>,
    ) -> Result<(), DeadLetterError> {
        let complete = self.complete(&handful).await?;
        let (destination, place) = self.order.deed.to();
        let mut letters = Vec::with_capacity(handful.len());
        let mut places = HashMap::<Place, Vec<String>>::new();
        for (letter, complete) in handful.into_iter().zip(complete) {
            let (destination, place) = match complete {
                true => (Destination::Discarded, Place::Discarded),
                false => (destination, place),
            };
            if complete {
                self.tell(&Progress::Archived { id: &letter.found.id });
            }
            places.entry(place).or_default().push(letter.found.id.clone());
            if let Some(sent) = course.sent.as_mut().filter(|_| course.is_unsettled) {
                sent.size += 1;
                sent.messages.push(letter.found.message.id());
                sent.receipts.extend(letter.key);
            }
            letters.push((letter.found, destination));
        }
        let ids: Vec<_> = letters.iter().map(|(found, _)| found.id.clone()).collect();
        for id in &ids {
            course.wanted.remove(id);
        }
        walk.put_all(&letters).await?;
        course.moved.moved += ids.len();
        course.put.extend(ids.iter().cloned());
        let taken = walk.take(letters.into_iter().map(|(found, _)| found)).await;
        for (place, ids) in places {
            self.desk.store.move_dead_letters(&ids, place).await?;
        }
        taken?;
        for id in &ids {
            course.put.remove(id);
        }
        Ok(())
    }

    /// Of each dead letter, whether it would be redriven for a receipt to which nothing is left to be done.
    async fn complete(&self, handful: &[InHand]) -> Result<Vec<bool>, DeadLetterError> {
        if self.order.deed != Deed::Redrive {
            return Ok(vec![false; handful.len()]);
        }
        let questions: Vec<_> = handful.iter().map(|letter| self.is_complete(letter.key.as_ref())).collect();
        iter(questions).buffered(QUESTIONS).try_collect().await
    }

    /// What is watched after a batch was sent: its dead letters, as they are sent, and those of the one before it.
    async fn about_to_be_sent(
        &self,
        walk: &Browser,
        before: Option<Batch>,
    ) -> Result<Batch, DeadLetterError> {
        let now = self.desk.store.now().await?;
        let (since, messages) = match before {
            Some(Batch { sent, messages, size, .. }) => {
                (sent, messages.into_iter().rev().take(size).collect::<Vec<_>>())
            }
            None => (now, Vec::new()),
        };
        let before = walk.waiting(self.desk.delays).await?;
        Ok(Batch { since, sent: now, size: 0, before, messages, receipts: Vec::new() })
    }

    /// The next wanted dead letters of the walk. The others stay in flight, and return to their places when
    /// the walk ends.
    async fn next_batch(
        &self,
        walk: &mut Browser,
        course: &mut Course,
        size: usize,
    ) -> Result<Vec<InHand>, DeadLetterError> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let is_full = |batch: &Vec<_>, course: &Course| match course.wanted.len() {
            0 => course.put.is_empty(),
            wanted => batch.len() >= size.min(wanted),
        };
        while !is_full(&batch, course) && bytes < BATCH_BYTES {
            if *self.order.stopped.borrow() {
                return Err(DeadLetterError::Stopped { so_far: course.moved.clone() });
            }
            // One that is lost is noticed before anything is moved.
            self.lease.keep().await?;
            match walk.next().await? {
                Some(found) if course.wanted.contains(&found.id) => {
                    bytes += found.message.body.len();
                    batch.push(found);
                }
                Some(found) if course.put.contains(&found.id) => {
                    let id = found.id.clone();
                    walk.take([found]).await?;
                    course.put.remove(&id);
                }
                Some(_) => {}
                None => break,
            }
        }
        let mut keys = match self.order.deed {
            Deed::Redrive => self.keys(&batch).await?,
            Deed::Discard | Deed::Restore => HashMap::new(),
        };
        Ok(batch.into_iter().map(|found| InHand { key: keys.remove(&found.id), found }).collect())
    }

    /// The receipts that the index knows these dead letters are about. A dead letter about a message that was wrong
    /// is not about how far its receipt has come.
    async fn keys(&self, batch: &[Found]) -> Result<HashMap<String, Key>, DeadLetterError> {
        let ids = batch.iter().map(|found| found.id.clone()).collect();
        let filter = DeadLetterFilter { ids: Some(ids), ..Default::default() };
        let all = Page::first(u32::try_from(LARGEST).unwrap_or(u32::MAX));
        let noted = self.desk.store.dead_letters(&filter, all).await?;
        let noted = noted.into_iter().filter(|noted| !noted.letter.is_about_the_message());
        let keys = noted.filter_map(|noted| Some((noted.letter.id, noted.letter.key?)));
        Ok(keys.collect())
    }

    /// The target that the stage serves, where it serves one.
    pub(super) fn target(&self) -> Option<&Target> {
        self.desk.stages.iter().find(|stage| stage.name == self.stage)?.target.as_ref()
    }

    /// Whether nothing is left to be done for the dead letter's receipt at the targets that its stage is
    /// for.
    async fn is_complete(&self, key: Option<&Key>) -> Result<bool, DeadLetterError> {
        let Some(key) = key else { return Ok(false) };
        let filter = RecordFilter {
            receipt: Some(key.receipt_uid.clone()),
            tenant_uid: Some(key.tenant_uid.clone()),
            target: self.target().map(|target| target.as_str().to_owned()),
            ..Default::default()
        };
        let records = self.desk.store.records(&filter, Page::first(100)).await?;
        let mut states =
            records.iter().filter(|listed| listed.record.key == *key).map(|listed| listed.record.state);
        let any = states.clone().any(|state| state == State::Complete);
        Ok(any && states.all(|state| matches!(state, State::Complete | State::Skipped)))
    }

    /// DeadLetters that are not in their queue were moved by another tool.
    async fn forget(&self, gone: Vec<String>) -> Result<(), DeadLetterError> {
        self.desk.store.move_dead_letters(&gone, Place::Redriven).await?;
        self.tell(&Progress::Gone { ids: &gone });
        Ok(())
    }

    fn tell(&self, progress: &Progress<'_>) {
        (self.order.progress)(progress);
    }
}
