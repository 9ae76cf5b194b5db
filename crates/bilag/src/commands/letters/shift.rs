//! Moving the letters of one stage: batch by batch, each letter put in its new place before it is
//! taken from the old one.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use amqp::{Broker, Delay, Destination, Found, Walk};
use chrono::Utc;
use sync_store::{Act, NotedLetter, Page, Place, RecordFilter, State, SyncStore};
use tokio::sync::watch;
use tokio::time::sleep;

use super::settling::{Batch, Settled, settle};
use super::{Deed, LEASE, Lease};
use crate::chain::CHAIN;
use crate::link::Link;
use crate::output::{Failed, say, tell};

/// Everything that moving the letters of one stage needs.
pub struct Shift<'a> {
    pub deed: Deed,
    pub stage: &'a str,
    pub who: &'a str,
    pub store: &'a dyn SyncStore,
    pub broker: &'a Broker,
    pub(super) lease: &'a Lease<'a>,
    /// Between two letters.
    pub pause: Duration,
    /// The rungs, where a redriven letter that fails again goes.
    pub delays: &'a [Delay],
    pub stopped: watch::Receiver<bool>,
}

/// Redriven are so many, then so many more: whether the cause is gone shows with the first. The last
/// is for all that follow, and for what cannot fail again.
const BATCHES: [usize; 5] = [1, 2, 5, 20, 100];

impl Shift<'_> {
    /// Moves the letters; stops where they fail again, where somebody says so, and where the lease
    /// is lost.
    pub async fn run(&self, letters: Vec<NotedLetter>) -> Result<(), Failed> {
        let all = letters.len();
        let mut wanted: HashMap<_, _> =
            letters.into_iter().map(|noted| (noted.letter.id.clone(), noted)).collect();
        let mut walk =
            Walk::begin(self.broker, self.stage, self.deed.from().0).await.map_err(Failed::plainly)?;
        let ended = self.all_batches(&mut walk, &mut wanted, all).await;
        walk.end().await;
        let moved = ended?;
        let (stage, done) = (self.stage, self.deed.done());
        say(format_args!("{moved} of {all} letter(s) of {stage} {done}"));
        if !wanted.is_empty() {
            self.forget(wanted.into_keys().collect()).await?;
        }
        Ok(())
    }

    async fn all_batches(
        &self,
        walk: &mut Walk,
        wanted: &mut HashMap<String, NotedLetter>,
        all: usize,
    ) -> Result<usize, Failed> {
        let mut sizes = BATCHES.iter().copied().chain(std::iter::repeat(BATCHES[BATCHES.len() - 1]));
        let mut moved = 0;
        while !wanted.is_empty() {
            let size = match self.deed {
                Deed::Redrive => sizes.next().unwrap_or(1),
                Deed::Discard | Deed::Restore => BATCHES[BATCHES.len() - 1],
            };
            let batch = self.next_batch(walk, wanted, size).await?;
            if batch.is_empty() {
                break;
            }
            // What is put aside cannot fail again, and nothing is sent after the last batch.
            let sent = match self.deed {
                Deed::Redrive if batch.len() < wanted.len() => {
                    Some(self.about_to_be_sent(walk, wanted, &batch).await?)
                }
                _ => None,
            };
            let ids: Vec<_> = batch.iter().map(|found| found.id.clone()).collect();
            let act =
                Act { who: self.who, act: self.deed.name(), stage: self.stage, letters: &ids, detail: "" };
            self.store.note_act(&act).await.map_err(Failed::plainly)?;
            for found in batch {
                if *self.stopped.borrow() {
                    return Err(self.stopped_by_hand(moved, all));
                }
                let noted = wanted.remove(&found.id);
                self.one(walk, found, noted.as_ref()).await?;
                moved += 1;
                sleep(self.pause).await;
            }
            if wanted.is_empty() {
                break;
            }
            tell(format_args!("{moved} of {all} letter(s) of {} {}", self.stage, self.deed.done()));
            if !self.lease.keep().await? {
                return Err(self.lost(moved, all));
            }
            if let Some(sent) = sent {
                match settle(self, walk, &sent).await? {
                    Settled::Well => {}
                    Settled::Badly(why) => return Err(self.failing(moved, all, &why)),
                    Settled::Stopped => return Err(self.stopped_by_hand(moved, all)),
                }
            }
        }
        Ok(moved)
    }

    async fn about_to_be_sent(
        &self,
        walk: &Walk,
        wanted: &HashMap<String, NotedLetter>,
        batch: &[Found],
    ) -> Result<Batch, Failed> {
        Ok(Batch {
            since: Utc::now(),
            before: walk.waiting(self.delays).await.map_err(Failed::plainly)?,
            messages: batch.iter().map(|found| found.message.id()).collect(),
            receipts: batch.iter().filter_map(|found| wanted[&found.id].letter.key.clone()).collect(),
        })
    }

    /// The next wanted letters of the walk. The others stay in hand, and return to their places when
    /// the walk ends.
    async fn next_batch(
        &self,
        walk: &mut Walk,
        wanted: &HashMap<String, NotedLetter>,
        size: usize,
    ) -> Result<Vec<Found>, Failed> {
        let mut batch = Vec::new();
        let mut kept = Instant::now();
        while batch.len() < size.min(wanted.len()) {
            if kept.elapsed() > LEASE / 3 {
                self.lease.keep().await?;
                kept = Instant::now();
            }
            match walk.next().await.map_err(Failed::plainly)? {
                Some(found) if wanted.contains_key(&found.id) => batch.push(found),
                Some(_) => {}
                None => break,
            }
        }
        Ok(batch)
    }

    async fn one(&self, walk: &Walk, found: Found, noted: Option<&NotedLetter>) -> Result<(), Failed> {
        let (mut destination, mut place) = self.deed.to();
        if self.deed == Deed::Redrive && self.is_complete(noted).await? {
            (destination, place) = (Destination::Discarded, Place::Discarded);
            tell(format_args!("{}: its receipt is complete by now; archived, not sent again", found.id));
        }
        let id = found.id.clone();
        walk.put(&found, destination).await.map_err(Failed::plainly)?;
        walk.take(found).await.map_err(Failed::plainly)?;
        // Killed before this, the index shows a letter that is gone; the next one to ask for it is
        // told, and the index is put right.
        self.store.move_letter(&id, place).await.map_err(Failed::plainly)?;
        Ok(())
    }

    /// The target that the stage serves, where it serves one.
    pub fn target(&self) -> Option<String> {
        let mut serves = CHAIN.iter().filter_map(Link::serves);
        let (_, target) = serves.find(|(stage, _)| *stage == self.stage)?;
        Some(target.as_str().to_owned())
    }

    /// Whether nothing is left to be done for the letter's receipt at the targets that its stage is
    /// for.
    async fn is_complete(&self, noted: Option<&NotedLetter>) -> Result<bool, Failed> {
        let Some(key) = noted.and_then(|noted| noted.letter.key.as_ref()) else { return Ok(false) };
        let filter = RecordFilter {
            receipt: Some(key.receipt_uid.clone()),
            tenant_uid: Some(key.tenant_uid.clone()),
            target: self.target(),
            ..Default::default()
        };
        let records = self.store.records(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
        let mut states =
            records.iter().filter(|listed| listed.record.key == *key).map(|listed| listed.record.state);
        let any = states.clone().any(|state| state == State::Complete);
        Ok(any && states.all(|state| matches!(state, State::Complete | State::Skipped)))
    }

    /// Letters that the index has and the queue has not: moved by another tool, or by one that was
    /// killed before it could say so.
    async fn forget(&self, gone: Vec<String>) -> Result<(), Failed> {
        for id in &gone {
            self.store.move_letter(id, Place::Redriven).await.map_err(Failed::plainly)?;
        }
        tell(format_args!(
            "{} letter(s) were not there any more, moved by somebody else; the index says so now: {}",
            gone.len(),
            gone.join(" ")
        ));
        Ok(())
    }

    fn so_far(&self, moved: usize, all: usize) -> String {
        format!(
            "{moved} of {all} letter(s) of {} {}; the others are where they were",
            self.stage,
            self.deed.done()
        )
    }

    fn stopped_by_hand(&self, moved: usize, all: usize) -> Failed {
        Failed::plainly(format!("stopped by you: {}", self.so_far(moved, all)))
    }

    fn failing(&self, moved: usize, all: usize, why: &str) -> Failed {
        Failed::plainly(format!("stopped: {why}; {}", self.so_far(moved, all)))
    }

    fn lost(&self, moved: usize, all: usize) -> Failed {
        Failed::plainly(format!("stopped: somebody else moves letters now; {}", self.so_far(moved, all)))
    }
}
