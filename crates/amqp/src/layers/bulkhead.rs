//! The bulkheads of a stage: messages that lie behind each other, and beside those of other bulkheads. What
//! holds up one bulkhead does not hold up the others. A state machine without I/O.
//!
//! While a bulkhead is paused the stage goes on consuming: it has one queue, and what belongs to the other
//! bulkheads is in it too. So messages of a paused bulkhead are put into retry queues, spending no attempt, and one at
//! a time is tried once the bulkhead's probe is due. A bulkhead that is only slow may keep no more than its
//! share of the concurrency.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::circuit_breaker::{Change, CircuitBreaker, Evidence, Permit};
use super::{Handled, Settled};
use crate::{BulkheadLimits, Delay, Message, Part, StageStatus};

/// The layer of the bulkheads: one for each name that the handler gives, none where it gives none.
pub(super) struct BulkheadLayer {
    bulkheads: Option<Mutex<Bulkheads>>,
    status: Arc<StageStatus>,
}

impl BulkheadLayer {
    pub(super) fn new(
        limits: Option<BulkheadLimits>,
        concurrency: usize,
        delays: &[Delay],
        status: Arc<StageStatus>,
    ) -> Self {
        let bulkheads = limits.map(|limits| Mutex::new(Bulkheads::new(limits, concurrency, delays)));
        Self { bulkheads, status }
    }

    /// Turns away what its bulkhead has no place for; takes in what the others showed.
    pub(super) async fn layer(
        &self,
        message: &Message,
        bulkhead: impl FnOnce() -> Option<String>,
        handled: impl Future<Output = Settled<Handled>>,
    ) -> Settled<Handled> {
        // A body that makes this panic does so again where it is handled, and is caught there.
        let name = || std::panic::catch_unwind(AssertUnwindSafe(bulkhead)).ok().flatten();
        let Some((bulkheads, name)) = self.bulkheads.as_ref().and_then(|all| Some((all, name()?))) else {
            return handled.await;
        };
        let admission = bulkheads.lock().admit(&name, Instant::now());
        let _place = match admission {
            Admission::Enter(place) => Placed { bulkheads, name: name.clone(), place },
            Admission::Park(delay) => return Ok(Handled::Parked(delay)),
        };
        let (result, paused, scope) = match handled.await? {
            Handled::Ended { result, paused, scope, .. } => (result, paused, scope),
            parked => return Ok(parked),
        };
        let (of_bulkhead, evidence) = match paused {
            true => (Evidence::None, Evidence::None),
            false => Evidence::of(&result),
        };
        let key = of_bulkhead.key(scope.as_deref(), message);
        let noted = bulkheads.lock().note(&name, of_bulkhead, &key, Instant::now());
        let (change, next_probe) = noted;
        change.show(&self.status, &Part::Bulkhead(name), &result, next_probe);
        Ok(Handled::Ended { result, evidence, paused: paused || next_probe.is_some(), scope })
    }
}

/// A message's place in its bulkhead, until it is dropped: also where its handling is cut short.
pub(super) struct Placed<'a> {
    pub(super) bulkheads: &'a Mutex<Bulkheads>,
    pub(super) name: String,
    pub(super) place: Place,
}

impl Drop for Placed<'_> {
    fn drop(&mut self) {
        self.bulkheads.lock().leave(&self.name, self.place);
    }
}

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
    limits: BulkheadLimits,
    concurrency: usize,
    delays: Vec<Delay>,
    bulkheads: HashMap<String, Bulkhead>,
    last: u64,
}

#[derive(Debug)]
struct Bulkhead {
    breaker: CircuitBreaker,
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
    pub(crate) fn new(limits: BulkheadLimits, concurrency: usize, delays: &[Delay]) -> Self {
        let mut delays = delays.to_vec();
        delays.sort_unstable();
        Self { limits, concurrency, delays, bulkheads: HashMap::new(), last: 0 }
    }

    /// Whether a message of this bulkhead may be handled now.
    pub(crate) fn admit(&mut self, name: &str, now: Instant) -> Admission {
        let BulkheadLimits { slow_after, returns_per_second } = self.limits;
        let slow = self.bulkheads.values().filter(|bulkhead| bulkhead.is_slow(slow_after, now)).count();
        let share = (self.concurrency / (slow + 1)).max(1);
        self.last += 1;
        let place = Place(self.last);
        let bulkhead = self.bulkhead(name, now);
        let (may_enter, is_probe) = match bulkhead.breaker.permit(now) {
            Permit::NotBefore(_) => (false, false),
            Permit::One => (bulkhead.probe.is_none(), true),
            Permit::All => (!bulkhead.is_slow(slow_after, now) || bulkhead.in_flight.len() < share, false),
        };
        if !may_enter {
            return Admission::Park(bulkhead.retry_queue(returns_per_second, now));
        }
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

    /// Whether nothing is known of any bulkhead.
    pub(crate) fn is_empty(&self) -> bool {
        self.bulkheads.is_empty()
    }

    /// Forgets a bulkhead against which there is no evidence.
    pub(crate) fn forget_healthy(&mut self, name: &str) {
        if self.bulkheads.get(name).is_some_and(|bulkhead| bulkhead.breaker.is_clean()) {
            self.bulkheads.remove(name);
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
        let bulkhead = self.bulkhead(name, now);
        (bulkhead.breaker.note(evidence, message, now), bulkhead.breaker.next_probe())
    }

    fn bulkhead(&mut self, name: &str, now: Instant) -> &mut Bulkhead {
        let (delays, per_second) = (&self.delays, self.limits.returns_per_second);
        self.bulkheads.entry(name.to_owned()).or_insert_with(|| Bulkhead {
            breaker: CircuitBreaker::default(),
            in_flight: BTreeMap::new(),
            probe: None,
            room: delays.iter().map(|delay| Room::empty(*delay, per_second, now)).collect(),
        })
    }
}

impl Bulkhead {
    fn is_slow(&self, slow_after: Duration, now: Instant) -> bool {
        self.in_flight.values().next().is_some_and(|since| now.duration_since(*since) >= slow_after)
    }

    /// The shortest retry queue that has room; the longest has it always.
    fn retry_queue(&mut self, per_second: f64, now: Instant) -> Delay {
        let longest = self.room.len() - 1;
        let found = self.room.iter_mut().position(|room| room.take(per_second, now)).unwrap_or(longest);
        self.room[found].delay
    }
}

impl Room {
    fn empty(delay: Delay, per_second: f64, now: Instant) -> Self {
        Self { delay, left: Self::size(delay, per_second), as_of: now }
    }

    /// As many as come back within its delay, at the pace at which they may.
    fn size(delay: Delay, per_second: f64) -> f64 {
        (delay.duration().as_secs_f64() * per_second).max(1.0)
    }

    fn take(&mut self, per_second: f64, now: Instant) -> bool {
        let freed = now.saturating_duration_since(self.as_of).as_secs_f64() * per_second;
        self.left = (self.left + freed).min(Self::size(self.delay, per_second));
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
    use crate::{Failure, Outcome, Reached};

    const REFUSED: Evidence = Evidence::Fails(Reached::Never);

    const SLOW: Duration = Duration::from_secs(3);

    fn bulkheads(concurrency: usize) -> Bulkheads {
        let delays = ["30s", "5s", "2m"].map(|delay| delay.parse().expect("a delay"));
        let limits = BulkheadLimits { slow_after: SLOW, returns_per_second: 20.0 };
        Bulkheads::new(limits, concurrency, &delays)
    }

    fn layer() -> BulkheadLayer {
        let limits = BulkheadLimits { slow_after: SLOW, returns_per_second: 20.0 };
        let delays = ["5s".parse().expect("a delay")];
        BulkheadLayer::new(Some(limits), 8, &delays, Arc::new(StageStatus::new("upload")))
    }

    /// Handles a message of this bulkhead with this result; whether it was handled, and paused.
    async fn handle(
        layer: &BulkheadLayer,
        body: &'static str,
        bulkhead: Option<&str>,
        result: Result<Outcome, Failure>,
    ) -> (bool, bool) {
        let name = || bulkhead.map(str::to_owned);
        let evidence = Evidence::of_any(&result);
        let inside = async { Ok(Handled::Ended { result, evidence, paused: false, scope: None }) };
        match layer.layer(&Message::plain(body), name, inside).await {
            Ok(Handled::Ended { paused, .. }) => (true, paused),
            _ => (false, true),
        }
    }

    #[tokio::test]
    async fn a_paused_bulkhead_parks_its_own_messages_alone() {
        let layer = layer();
        let refused = || {
            let (extent, reached) = (crate::Extent::Bulkhead, Reached::Never);
            let reason = crate::Reason::RETRIES_EXHAUSTED;
            Err(Failure::Unavailable { extent, reached, reason, error: "refused".into() })
        };
        let done = || Ok(Outcome::Done(Vec::new()));
        for (body, paused) in [("a", false), ("b", false), ("c", true)] {
            assert_eq!(handle(&layer, body, Some("7"), refused()).await, (true, paused));
        }
        assert_eq!(handle(&layer, "d", Some("7"), done()).await, (false, true));
        assert_eq!(handle(&layer, "e", Some("8"), done()).await, (true, false));
        assert_eq!(handle(&layer, "f", None, done()).await, (true, false));
        assert_eq!(layer.status.paused_bulkheads().into_keys().collect::<Vec<_>>(), ["7"]);
    }

    #[tokio::test]
    async fn panic_while_naming_a_bulkhead_reaches_the_handler() {
        let panics = || panic!("at this body");
        let (result, evidence) = (Ok(Outcome::AlreadyDone), Evidence::None);
        let inside = async { Ok(Handled::Ended { result, evidence, paused: false, scope: None }) };
        let handled = layer().layer(&Message::plain("a"), panics, inside).await;
        assert!(matches!(handled, Ok(Handled::Ended { paused: false, .. })));
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
    fn admits_by_pause_and_share() {
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
    fn inconclusive_probe_frees_its_place() {
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
    fn slow_bulkheads_leave_concurrency_for_others() {
        let (mut bulkheads, begun) = (bulkheads(8), Instant::now());
        let first: Vec<_> = (0..8).map(|_| enter(&mut bulkheads, "7", begun)).collect();
        assert!(!is_parked(&mut bulkheads, "7", begun), "a bulkhead that is not slow may use all of it");
        let later = begun + SLOW;
        assert!(is_parked(&mut bulkheads, "7", later), "it has more than half of them");
        first[..5].iter().for_each(|place| bulkheads.leave("7", *place));
        assert!(is_parked(&mut bulkheads, "7", later), "and 4 of 8 still");
        bulkheads.leave("7", first[5]);
        enter(&mut bulkheads, "7", later);
        enter(&mut bulkheads, "8", later);
        let later = later + SLOW;
        enter(&mut bulkheads, "8", later);
        assert!(is_parked(&mut bulkheads, "8", later), "a third of it is 2");
        enter(&mut bulkheads, "9", later);
    }

    #[test]
    fn spills_over_into_longer_retry_queues() {
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
