//! The bulkheads of a stage: messages that lie behind each other, and beside those of other bulkheads. What
//! holds up one bulkhead does not hold up the others. A state machine without I/O.
//!
//! While a bulkhead is paused the stage goes on consuming: it has one queue, and what belongs to the other
//! bulkheads is in it too. So messages of a paused bulkhead are put into retry queues, spending no attempt, and one at
//! a time is tried once the bulkhead's probe is due. A bulkhead that is only slow may keep no more than its
//! share of the hands.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::Delay;
use crate::circuit_breaker::{Change, CircuitBreaker, Evidence, Permit};

/// A bulkhead is slow while a message of it has been in flight for so long. It takes in the wait for Omnium's
/// own limit: 32 in flight in each of four processes, at 50 receipts a second, are 2.6 seconds.
const SLOW: Duration = Duration::from_secs(3);

/// So many messages of a bulkhead come back from each retry queue each second, at most twice as many at first:
/// about as many as Omnium takes of one API user (100 requests a second, two for each receipt). The
/// rest wait in longer retry queues. So what is parked costs the same however much it is, and is back about
/// as soon as it can be handled.
const BACK_PER_SECOND: f64 = 20.0;

/// What becomes of a message that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is handled. [`Bulkheads::leave`] gives the place back.
    Enter(Place),
    /// It waits in this retry queue, spending no attempt.
    Park(Delay),
}

/// A message's place in its bulkhead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u64);

/// The bulkheads of one stage in one process.
#[derive(Debug)]
pub(crate) struct Bulkheads {
    hands: usize,
    delays: Vec<Delay>,
    bulkheads: HashMap<String, Bulkhead>,
    last: u64,
}

#[derive(Debug)]
struct Bulkhead {
    gate: CircuitBreaker,
    /// Since when each message of it has been in flight, the oldest first.
    in_flight: BTreeMap<Place, Instant>,
    /// The one that finds out whether a pause has ended.
    probe: Option<Place>,
    /// How many more messages each retry queue may take, the shortest first.
    room: Vec<Room>,
}

#[derive(Debug)]
struct Room {
    delay: Delay,
    left: f64,
    as_of: Instant,
}

impl Bulkheads {
    /// With so many messages in flight at once, in all bulkheads together, and these retry queues (never none).
    pub(crate) fn new(hands: usize, delays: &[Delay]) -> Self {
        let mut delays = delays.to_vec();
        delays.sort_unstable();
        Self { hands, delays, bulkheads: HashMap::new(), last: 0 }
    }

    /// Whether a message of this bulkhead may be handled now.
    pub(crate) fn admit(&mut self, name: &str, now: Instant) -> Admission {
        let slow = self.bulkheads.values().filter(|bulkhead| bulkhead.is_slow(now)).count();
        let share = (self.hands / (slow + 1)).max(1);
        let bulkhead = Self::bulkhead(&mut self.bulkheads, &self.delays, name, now);
        let (may_enter, is_probe) = match bulkhead.gate.permit(now) {
            Permit::NotBefore(_) => (false, false),
            Permit::One => (bulkhead.probe.is_none(), true),
            Permit::All => (!bulkhead.is_slow(now) || bulkhead.in_flight.len() < share, false),
        };
        if !may_enter {
            return Admission::Park(bulkhead.retry_queue(now));
        }
        self.last += 1;
        let place = Place(self.last);
        bulkhead.in_flight.insert(place, now);
        if is_probe {
            bulkhead.probe = Some(place);
        }
        Admission::Enter(place)
    }

    /// A message is in flight no more.
    pub(crate) fn leave(&mut self, name: &str, place: Place) {
        if let Some(bulkhead) = self.bulkheads.get_mut(name) {
            bulkhead.in_flight.remove(&place);
            bulkhead.probe.take_if(|probe| *probe == place);
        }
    }

    /// Takes in what handling a message showed; gives what changed, and when the bulkhead probes next
    /// where it is paused.
    pub(crate) fn note(
        &mut self,
        name: &str,
        evidence: Evidence,
        message: &str,
        now: Instant,
    ) -> (Change, Option<Instant>) {
        let bulkhead = Self::bulkhead(&mut self.bulkheads, &self.delays, name, now);
        (bulkhead.gate.note(evidence, message, now), bulkhead.gate.next_probe())
    }

    fn bulkhead<'a>(
        bulkheads: &'a mut HashMap<String, Bulkhead>,
        delays: &[Delay],
        name: &str,
        now: Instant,
    ) -> &'a mut Bulkhead {
        bulkheads.entry(name.to_owned()).or_insert_with(|| Bulkhead {
            gate: CircuitBreaker::default(),
            in_flight: BTreeMap::new(),
            probe: None,
            room: delays.iter().map(|delay| Room::empty(*delay, now)).collect(),
        })
    }
}

impl Bulkhead {
    fn is_slow(&self, now: Instant) -> bool {
        self.in_flight.values().next().is_some_and(|since| now.duration_since(*since) >= SLOW)
    }

    /// The shortest retry queue that has room; the longest has it always.
    fn retry_queue(&mut self, now: Instant) -> Delay {
        let longest = self.room.len() - 1;
        let found = self.room.iter_mut().position(|room| room.take(now)).unwrap_or(longest);
        self.room[found].delay
    }
}

impl Room {
    fn empty(delay: Delay, now: Instant) -> Self {
        Self { delay, left: Self::size(delay), as_of: now }
    }

    /// As many as come back within its delay, at the pace at which they may.
    fn size(delay: Delay) -> f64 {
        (delay.duration().as_secs_f64() * BACK_PER_SECOND).max(1.0)
    }

    fn take(&mut self, now: Instant) -> bool {
        let freed = now.saturating_duration_since(self.as_of).as_secs_f64() * BACK_PER_SECOND;
        self.left = (self.left + freed).min(Self::size(self.delay));
        self.as_of = now.max(self.as_of);
        let has_room = self.left >= 1.0;
        if has_room {
            self.left -= 1.0;
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reached;

    const REFUSED: Evidence = Evidence::Fails(Reached::Never);

    fn bulkheads(hands: usize) -> Bulkheads {
        let delays = ["30s", "5s", "2m"].map(|delay| delay.parse().expect("a delay"));
        Bulkheads::new(hands, &delays)
    }

    fn pause(bulkheads: &mut Bulkheads, name: &str, now: Instant) {
        for message in ["a", "b", "c"] {
            bulkheads.note(name, REFUSED, message, now);
        }
    }

    fn enter(bulkheads: &mut Bulkheads, name: &str, now: Instant) -> Place {
        match bulkheads.admit(name, now) {
            Admission::Enter(place) => place,
            Admission::Park(_) => panic!("{name} has to wait"),
        }
    }

    fn is_parked(bulkheads: &mut Bulkheads, name: &str, now: Instant) -> bool {
        matches!(bulkheads.admit(name, now), Admission::Park(_))
    }

    /// What becomes of the messages of two bulkheads, step by step: what happens to a bulkhead at a time in
    /// milliseconds, and whether a message of it that comes then is handled.
    #[test]
    fn the_table() {
        enum Step {
            Fails(&'static str),
            Works,
            Comes(bool),
        }
        use Step::{Comes, Fails, Works};
        for (name, steps) in [
            (
                "different messages of one bulkhead in a row pause it, and no other",
                vec![
                    (0, "7", Fails("a")),
                    (0, "8", Fails("x")),
                    (0, "7", Fails("b")),
                    (0, "7", Fails("c")),
                    (0, "7", Comes(false)),
                    (0, "8", Comes(true)),
                ],
            ),
            (
                "one message alone never pauses its bulkhead",
                vec![(0, "7", Fails("a")), (0, "7", Fails("a")), (0, "7", Fails("a")), (0, "7", Comes(true))],
            ),
            (
                "another bulkhead's success is no evidence for this one",
                vec![
                    (0, "7", Fails("a")),
                    (0, "7", Fails("b")),
                    (0, "8", Works),
                    (0, "7", Fails("c")),
                    (0, "7", Comes(false)),
                ],
            ),
            (
                "a paused bulkhead is tried once its probe is due, with one message at a time",
                vec![
                    (0, "7", Fails("a")),
                    (0, "7", Fails("b")),
                    (0, "7", Fails("c")),
                    (499, "7", Comes(false)),
                    (500, "7", Comes(true)),
                    (500, "7", Comes(false)),
                    (900, "7", Comes(false)),
                    (900, "8", Comes(true)),
                ],
            ),
            (
                "a success ends the pause of its bulkhead",
                vec![
                    (0, "7", Fails("a")),
                    (0, "7", Fails("b")),
                    (0, "7", Fails("c")),
                    (500, "7", Comes(true)),
                    (500, "7", Works),
                    (500, "7", Comes(true)),
                    (500, "7", Comes(true)),
                ],
            ),
        ] {
            let (mut bulkheads, begun) = (bulkheads(8), Instant::now());
            for (i, (at, bulkhead, step)) in steps.into_iter().enumerate() {
                let now = begun + Duration::from_millis(at);
                match step {
                    Fails(message) => drop(bulkheads.note(bulkhead, REFUSED, message, now)),
                    Works => drop(bulkheads.note(bulkhead, Evidence::Works, "w", now)),
                    Comes(is_handled) => {
                        assert_eq!(!is_parked(&mut bulkheads, bulkhead, now), is_handled, "{name}, step {i}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_probe_that_showed_nothing_makes_way_for_the_next() {
        let (mut bulkheads, begun) = (bulkheads(8), Instant::now());
        pause(&mut bulkheads, "7", begun);
        let due = begun + Duration::from_millis(500);
        for _ in 0..3 {
            let probe = enter(&mut bulkheads, "7", due);
            assert!(is_parked(&mut bulkheads, "7", due));
            bulkheads.note("7", Evidence::None, "done before", due);
            bulkheads.leave("7", probe);
        }
        let probe = enter(&mut bulkheads, "7", due);
        let (change, next) = bulkheads.note("7", REFUSED, "d", due);
        bulkheads.leave("7", probe);
        assert_eq!((change, next), (Change::Nothing, Some(due + Duration::from_secs(1))));
        assert!(is_parked(&mut bulkheads, "7", due));
    }

    #[test]
    fn slow_bulkheads_share_the_hands_and_leave_some_for_the_others() {
        let (mut bulkheads, begun) = (bulkheads(8), Instant::now());
        let first: Vec<_> = (0..8).map(|_| enter(&mut bulkheads, "7", begun)).collect();
        assert!(!is_parked(&mut bulkheads, "7", begun), "a bulkhead that is not slow may have all hands");
        let later = begun + SLOW;
        assert!(is_parked(&mut bulkheads, "7", later), "it has more than half of them");
        first[..5].iter().for_each(|place| bulkheads.leave("7", *place));
        assert!(is_parked(&mut bulkheads, "7", later), "and 4 of 8 still");
        bulkheads.leave("7", first[5]);
        enter(&mut bulkheads, "7", later);
        enter(&mut bulkheads, "8", later);
        let later = later + SLOW;
        enter(&mut bulkheads, "8", later);
        assert!(is_parked(&mut bulkheads, "8", later), "a third of the hands is 2");
        enter(&mut bulkheads, "9", later);
    }

    #[test]
    fn few_wait_in_the_shortest_rung_and_many_in_longer_ones() {
        let (mut bulkheads, begun) = (bulkheads(8), Instant::now());
        pause(&mut bulkheads, "7", begun);
        let mut parked: BTreeMap<Delay, usize> = BTreeMap::new();
        let mut park = |bulkheads: &mut Bulkheads, count, now| {
            for _ in 0..count {
                let Admission::Park(delay) = bulkheads.admit("7", now) else { panic!("it is paused") };
                *parked.entry(delay).or_default() += 1;
            }
            parked.values().copied().collect::<Vec<_>>()
        };
        assert_eq!(park(&mut bulkheads, 50, begun), [50]);
        assert_eq!(park(&mut bulkheads, 1_000, begun), [100, 600, 350]);
        assert_eq!(park(&mut bulkheads, 100_000, begun), [100, 600, 100_350], "the longest takes the rest");
        let later = begun + Duration::from_millis(400);
        assert_eq!(
            park(&mut bulkheads, 10, later),
            [108, 602, 100_350],
            "as they come back there is room again"
        );
    }
}
