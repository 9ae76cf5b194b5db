//! The ledger: every call in order, how each was answered, and what is wrong with them when seen
//! together.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Debug;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::lock;

/// How many of the newest calls are kept. The counts of the summary know all of them.
const KEPT: usize = 500_000;

/// The calls of one kind, counted by the status they were answered with; `none` where no answer was
/// sent.
pub type Counts = BTreeMap<String, u64>;

/// One call, as a stand-in writes it down.
pub(crate) trait Line: Clone + Debug {
    /// The kinds of calls, which are counted apart.
    type Kind: Ord + Clone + Debug;
    /// What can be wrong with calls.
    type Violation: Clone + Debug;

    /// Completes it with its end: the status of its answer, and whether it was executed.
    fn end(&mut self, status: Option<u16>, done: bool);
}

/// All calls, and what was wrong with them.
#[derive(Debug)]
pub(crate) struct Ledger<L: Line>(Mutex<Book<L>>);

#[derive(Debug)]
struct Book<L: Line> {
    lines: VecDeque<L>,
    last: u64,
    max_in_flight: usize,
    counts: BTreeMap<L::Kind, Counts>,
    violations: Vec<L::Violation>,
}

/// What a summary takes from the ledger.
pub(crate) struct Totals<L: Line> {
    pub max_in_flight: usize,
    pub counts: BTreeMap<L::Kind, Counts>,
    pub violations: Vec<L::Violation>,
}

impl<L: Line> Default for Ledger<L> {
    fn default() -> Self {
        Self(Mutex::new(Book {
            lines: VecDeque::new(),
            last: 0,
            max_in_flight: 0,
            counts: BTreeMap::new(),
            violations: Vec::new(),
        }))
    }
}

impl<L: Line> Ledger<L> {
    /// Writes down that a call began; gives its number. `line` is told the number, and the time in
    /// milliseconds since 1970.
    pub fn begin(&self, in_flight: usize, line: impl FnOnce(u64, u64) -> L) -> u64 {
        let book = &mut *lock(&self.0);
        book.last += 1;
        book.max_in_flight = book.max_in_flight.max(in_flight);
        if book.lines.len() == KEPT {
            book.lines.pop_front();
        }
        book.lines.push_back(line(book.last, now_ms()));
        book.last
    }

    /// Writes down how a call ended.
    pub fn end(&self, n: u64, kind: L::Kind, status: Option<u16>, done: bool) {
        let book = &mut *lock(&self.0);
        let key = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
        *book.counts.entry(kind).or_default().entry(key).or_default() += 1;
        // The oldest may have been let go meanwhile.
        let first = book.last + 1 - book.lines.len() as u64;
        let index = n.checked_sub(first).and_then(|i| usize::try_from(i).ok());
        if let Some(line) = index.and_then(|i| book.lines.get_mut(i)) {
            line.end(status, done);
        }
    }

    /// Writes down what must never happen.
    pub fn violation(&self, violation: L::Violation) {
        lock(&self.0).violations.push(violation);
    }

    /// The newest calls, in the order in which they began.
    pub fn lines(&self) -> Vec<L> {
        lock(&self.0).lines.iter().cloned().collect()
    }

    /// All calls taken together.
    pub fn totals(&self) -> Totals<L> {
        let book = lock(&self.0);
        Totals {
            max_in_flight: book.max_in_flight,
            counts: book.counts.clone(),
            violations: book.violations.clone(),
        }
    }
}

fn now_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
