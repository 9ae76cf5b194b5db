//! The protocol of lease, upsert, attach and complete, modelled: every order in which two handlers, a network
//! that delivers late, lost answers, crashes and leases that run out can meet is tried out.
//!
//! Leases and hold-offs are the code's own, in steps of [`STEP`]; how late a request may arrive is the
//! network's. `docs/decisions.md` says what remains possible, from here.

use std::time::Duration;

use consumer::MARGIN;
use http_client::{SEND_WITHIN, Timing};
use omnium::AttachBy;
use stateright::{Checker, Model, Property};

/// One step of time. All times of the protocol are multiples of it.
const STEP: Duration = Duration::from_secs(5);

/// `OMNIUM_TIMEOUT` of the model.
const TIMEOUT: Timing = Timing::new(STEP);

/// A read may miss what was written so recently.
const READ_LAG: u8 = 1;

const HANDLERS: usize = 2;

fn steps(time: Duration) -> u8 {
    u8::try_from(time.as_millis() / STEP.as_millis()).expect("a few steps")
}

/// What may happen, and what the code believes of it.
#[derive(Clone)]
struct Protocol {
    /// How long after its client gave up on it a request arrives at the latest.
    arrives_within: u8,
    lease: u8,
    hold_off: u8,
    attach_by: AttachBy,
    /// Whether a handler may stop for any time between two of its steps, and then go on.
    freezes: bool,
    /// When the model ends.
    end: u8,
}

impl Protocol {
    /// As the code is, on a network that keeps to TCP_USER_TIMEOUT.
    fn code() -> Self {
        Self {
            arrives_within: 1,
            lease: steps(TIMEOUT.longest_call() + MARGIN),
            hold_off: steps(TIMEOUT.arrives_within() + MARGIN),
            attach_by: AttachBy::File,
            freezes: false,
            // Two handlers, one after the other, have had all the time that they may take.
            end: 20,
        }
    }

    /// The same, where a handler may stop between any two of its steps for longer than its lease.
    fn freezing(attach_by: AttachBy) -> Self {
        Self { attach_by, freezes: true, end: 12, ..Self::code() }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: u8,
    record: Record,
    /// Who has the lease, and until when.
    lease: Option<(usize, u8)>,
    handlers: [Handler; HANDLERS],
    in_flight: Vec<Request>,
    /// When each file of the invoice was attached.
    files: Vec<u8>,
    /// Whether an update came after an attach had been executed: it drops the file.
    updated_after_attach: bool,
    crashes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Record {
    Pending,
    Attaching,
    Complete,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Call {
    Upsert,
    Attach,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Handler {
    /// Has no message, or waits in a retry queue.
    Idle,
    /// Has the lease, and is about to begin a call.
    Begins { call: Call },
    /// Waits for its turn to send the call's request.
    Calls { call: Call, begun: u8 },
    /// Has looked whether it may still send it, and is about to.
    Sends { call: Call },
    /// Has sent a request, and waits for its answer.
    Waits { call: Call, sent: u8 },
    /// Has found the record `attaching`.
    LooksUp,
    /// Is about to write `attaching` down.
    Commits,
    /// Knows that the file is there.
    Completes,
}

/// A request that is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Request {
    call: Call,
    by: usize,
    sent: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Tick,
    /// The handler's next step.
    Goes(usize),
    /// The handler's message comes.
    Takes(usize),
    Crashes(usize),
    /// A request is executed, and its answer comes or does not.
    Executes(Request, bool),
    Vanishes(Request),
}

impl World {
    fn owns(&self, handler: usize) -> bool {
        self.lease.is_some_and(|(owner, until)| owner == handler && until > self.now)
    }

    fn shorten(&mut self, handler: usize, by: u8) {
        if self.owns(handler) {
            self.lease = Some((handler, self.now + by));
        }
    }

    fn release(&mut self, handler: usize) {
        if self.lease.is_some_and(|(owner, _)| owner == handler) {
            self.lease = None;
        }
    }
}

impl Protocol {
    fn goes(&self, world: &mut World, handler: usize) {
        let now = world.now;
        world.handlers[handler] = match world.handlers[handler] {
            Handler::Idle => Handler::Idle,
            Handler::Calls { begun, .. } if now > begun + steps(SEND_WITHIN) => {
                world.release(handler);
                Handler::Idle
            }
            Handler::Begins { call } => Handler::Calls { call, begun: now },
            Handler::Calls { call, .. } => Handler::Sends { call },
            Handler::Sends { call } => {
                world.in_flight.push(Request { call, by: handler, sent: now });
                world.in_flight.sort_unstable();
                Handler::Waits { call, sent: now }
            }
            // The timeout.
            Handler::Waits { .. } => {
                world.shorten(handler, self.hold_off);
                Handler::Idle
            }
            Handler::LooksUp => match world.files.iter().any(|attached| attached + READ_LAG <= now) {
                true => Handler::Completes,
                false => Handler::Commits,
            },
            Handler::Commits if world.owns(handler) && world.record != Record::Complete => {
                world.record = Record::Attaching;
                world.lease = Some((handler, now + self.lease));
                Handler::Begins { call: Call::Attach }
            }
            Handler::Commits => Handler::Idle,
            Handler::Completes => {
                world.record = Record::Complete;
                world.release(handler);
                Handler::Idle
            }
        };
    }

    fn executes(&self, world: &mut World, request: Request, answered: bool) {
        world.in_flight.retain(|other| *other != request);
        match request.call {
            Call::Upsert if world.files.is_empty() => {}
            Call::Upsert => world.updated_after_attach = true,
            Call::Attach if self.attach_by == AttachBy::Asset && !world.files.is_empty() => {}
            Call::Attach => world.files.push(world.now),
        }
        let waits = Handler::Waits { call: request.call, sent: request.sent };
        if answered && world.handlers[request.by] == waits {
            world.handlers[request.by] = match request.call {
                Call::Upsert => Handler::Commits,
                Call::Attach => Handler::Completes,
            };
        }
    }
}

impl Model for Protocol {
    type State = World;
    type Action = Step;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            now: 0,
            record: Record::Pending,
            lease: None,
            handlers: [Handler::Idle; HANDLERS],
            in_flight: Vec::new(),
            files: Vec::new(),
            updated_after_attach: false,
            crashes: 0,
        }]
    }

    fn actions(&self, world: &World, steps_to: &mut Vec<Step>) {
        let latest = |request: &Request| request.sent + steps(TIMEOUT.timeout()) + self.arrives_within;
        let (mut waits_for_nobody, mut arrives_later) = (true, true);
        for (handler, state) in world.handlers.iter().enumerate() {
            match *state {
                Handler::Idle => {
                    let taken = world.lease.is_some_and(|(_, until)| until > world.now);
                    if !taken && world.record != Record::Complete {
                        steps_to.push(Step::Takes(handler));
                    }
                    continue;
                }
                // A request may be sent later, behind others; an answer be waited for until the timeout.
                Handler::Calls { begun, .. } => {
                    steps_to.push(Step::Goes(handler));
                    waits_for_nobody &= world.now < begun + steps(SEND_WITHIN);
                }
                Handler::Waits { sent, .. } => {
                    if world.now >= sent + steps(TIMEOUT.timeout()) {
                        steps_to.push(Step::Goes(handler));
                        waits_for_nobody = false;
                    }
                }
                Handler::Begins { .. }
                | Handler::Sends { .. }
                | Handler::LooksUp
                | Handler::Commits
                | Handler::Completes => {
                    steps_to.push(Step::Goes(handler));
                    waits_for_nobody = false;
                }
            }
            if world.crashes < 1 {
                steps_to.push(Step::Crashes(handler));
            }
        }
        for request in &world.in_flight {
            steps_to.push(Step::Executes(*request, true));
            steps_to.push(Step::Executes(*request, false));
            steps_to.push(Step::Vanishes(*request));
            arrives_later &= world.now < latest(request);
        }
        if world.now < self.end && arrives_later && (waits_for_nobody || self.freezes) {
            steps_to.push(Step::Tick);
        }
    }

    fn next_state(&self, world: &World, step: Step) -> Option<World> {
        let mut world = world.clone();
        match step {
            Step::Tick => world.now += 1,
            Step::Goes(handler) => self.goes(&mut world, handler),
            Step::Takes(handler) => {
                world.lease = Some((handler, world.now + self.lease));
                world.handlers[handler] = match world.record {
                    Record::Pending => Handler::Begins { call: Call::Upsert },
                    Record::Attaching => Handler::LooksUp,
                    Record::Complete => return None,
                };
            }
            Step::Crashes(handler) => {
                world.crashes += 1;
                world.handlers[handler] = Handler::Idle;
            }
            Step::Executes(request, answered) => self.executes(&mut world, request, answered),
            Step::Vanishes(request) => world.in_flight.retain(|other| *other != request),
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("one file", |_, world: &World| world.files.len() <= 1),
            Property::always("no update after an attach", |_, world: &World| !world.updated_after_attach),
            Property::always("complete only with its file", |_, world: &World| {
                world.record != Record::Complete || !world.files.is_empty()
            }),
            Property::sometimes("complete", |_, world: &World| world.record == Record::Complete),
            Property::sometimes("complete after a crash", |_, world: &World| {
                world.record == Record::Complete && world.crashes > 0
            }),
        ]
    }
}

fn checked(protocol: Protocol) -> impl Checker<Protocol> {
    protocol.checker().threads(2).spawn_bfs().join()
}

#[test]
fn protocol_keeps_its_invariants() {
    for attach_by in [AttachBy::File, AttachBy::Asset] {
        checked(Protocol { attach_by, ..Protocol::code() }).assert_properties();
    }
}

/// 30 s, the default of the HTTP library, beside a timeout of 5 s.
#[test]
fn requests_later_than_the_hold_off_break_it() {
    let checked = checked(Protocol { arrives_within: 6, ..Protocol::code() });
    checked.assert_any_discovery("one file");
    checked.assert_any_discovery("no update after an attach");
}

#[test]
fn hold_off_without_margin_is_too_short() {
    let hold_off = Protocol::code().hold_off - 1;
    checked(Protocol { hold_off, ..Protocol::code() }).assert_any_discovery("one file");
}

#[test]
fn lease_shorter_than_a_late_arrival_is_too_short() {
    let lease = Protocol::code().lease - 2;
    checked(Protocol { lease, ..Protocol::code() }).assert_any_discovery("one file");
}

#[test]
fn handler_frozen_beyond_its_lease_remains() {
    let by_file = checked(Protocol::freezing(AttachBy::File));
    by_file.assert_any_discovery("one file");
    by_file.assert_any_discovery("no update after an attach");
    let by_asset = checked(Protocol::freezing(AttachBy::Asset));
    by_asset.assert_no_discovery("one file");
    by_asset.assert_any_discovery("no update after an attach");
}
