//! Acks of one channel, sent in groups: one for many messages costs the broker little more than one for one.
//!
//! A message is settled once all that follows from it is confirmed; its ack may come a little later. Where the
//! process dies in between, the message comes again.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::join_all;
use lapin::Channel;
use lapin::options::BasicAckOptions;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::sleep;

/// How long acks are gathered. Meanwhile the messages take up places of those that may be in flight.
const GATHERED_FOR: Duration = Duration::from_millis(4);

/// The acks of a channel. Whoever settles messages holds no channel: those keep their connection open.
#[derive(Default)]
pub(crate) struct Acks {
    tags: Mutex<Tags>,
    settled: Notify,
}

impl Acks {
    /// The message with this delivery tag may be acked.
    pub(crate) fn settle(&self, tag: u64) {
        self.tags.lock().settle(tag);
        self.settled.notify_one();
    }

    /// Sends acks on the channel as messages are settled.
    pub(crate) async fn send_groups(&self, channel: &Channel) -> Infallible {
        loop {
            self.settled.notified().await;
            sleep(GATHERED_FOR).await;
            self.flush(channel).await;
        }
    }

    /// Sends the acks of all that is settled.
    pub(crate) async fn flush(&self, channel: &Channel) {
        let acks = self.tags.lock().take();
        let send = |Ack { tag, multiple }| channel.basic_ack(tag, BasicAckOptions { multiple });
        // An ack that fails means that the channel is gone and the message comes again.
        drop(join_all(acks.into_iter().map(send)).await);
    }
}

/// An ack of one message, or of all up to it.
#[derive(Debug, PartialEq, Eq)]
struct Ack {
    tag: u64,
    multiple: bool,
}

/// The delivery tags of a channel. The broker counts them up from 1, so that what is not settled is known also where
/// it has not been seen yet.
#[derive(Debug)]
struct Tags {
    /// All below are settled.
    next: u64,
    /// What is settled beyond.
    settled: BTreeSet<u64>,
    /// What is settled and not acked.
    unacked: Vec<u64>,
}

impl Default for Tags {
    fn default() -> Self {
        Self { next: 1, settled: BTreeSet::new(), unacked: Vec::new() }
    }
}

impl Tags {
    fn settle(&mut self, tag: u64) {
        self.settled.insert(tag);
        self.unacked.push(tag);
    }

    /// The acks of what is settled: one for all up to the first that is not, and one for each beyond, which is not
    /// to wait for it. None acks a message twice: for the broker that is an error of the channel.
    fn take(&mut self) -> Vec<Ack> {
        while self.settled.remove(&self.next) {
            self.next += 1;
        }
        let (below, beyond): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.unacked).into_iter().partition(|tag| *tag < self.next);
        let group = below.into_iter().max().map(|tag| Ack { tag, multiple: true });
        group.into_iter().chain(beyond.into_iter().map(|tag| Ack { tag, multiple: false })).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn taken(tags: &mut Tags, settled: &[u64]) -> Vec<(u64, bool)> {
        settled.iter().for_each(|tag| tags.settle(*tag));
        tags.take().into_iter().map(|ack| (ack.tag, ack.multiple)).collect()
    }

    #[test]
    fn acks_all_up_to_the_first_unsettled_message_at_once() {
        let mut tags = Tags::default();
        assert_eq!(taken(&mut tags, &[2, 1, 3]), [(3, true)]);
        assert_eq!(taken(&mut tags, &[]), []);
        assert_eq!(taken(&mut tags, &[6, 4, 8]), [(4, true), (6, false), (8, false)]);
        assert_eq!(taken(&mut tags, &[7]), [(7, false)]);
        assert_eq!(taken(&mut tags, &[5]), [(5, true)], "those beyond are acked already");
        assert_eq!(taken(&mut tags, &[9]), [(9, true)]);
    }

    proptest! {
        /// As the broker sees it: each settled message is acked once, and none that is not settled.
        #[test]
        fn acks_each_settled_message_once(
            settled in Just((1..=40_u64).collect::<Vec<_>>()).prop_shuffle(),
            groups in prop::collection::vec(0..8_usize, 12),
        ) {
            let (mut tags, mut unacked) = (Tags::default(), (1..=40_u64).collect::<BTreeSet<_>>());
            let (mut done, mut rest) = (BTreeSet::<u64>::new(), settled.as_slice());
            for group in groups {
                let (now, later) = rest.split_at(group.min(rest.len()));
                rest = later;
                done.extend(now);
                for (tag, multiple) in taken(&mut tags, now) {
                    prop_assert!(unacked.contains(&tag), "{tag} is acked twice");
                    let acked: Vec<u64> =
                        unacked.iter().copied().filter(|one| *one == tag || (multiple && *one < tag)).collect();
                    prop_assert!(acked.iter().all(|tag| done.contains(tag)), "{acked:?} of {done:?}");
                    unacked.retain(|tag| !acked.contains(tag));
                }
                prop_assert_eq!(unacked.len() + done.len(), 40);
            }
        }
    }
}
