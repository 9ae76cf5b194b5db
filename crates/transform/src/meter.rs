//! What one run of a filter may use up: steps, stack, and room for one value.
//!
//! jaq has no means to be interrupted, and a filter can catch errors. So what goes beyond a limit unwinds, which
//! no filter can catch, up to [`metered`]. Steps are counted where jaq looks up a term, and by the operations on
//! values, each by its size: neither the clock nor the machine has a say in what a filter may do.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Steps of one run: one for each term of the filter that is evaluated, and for each 64 bytes of text or each
/// member that is copied, compared or written.
pub const MAX_STEPS: u64 = 1_000_000;

/// The largest text that a filter may make, in bytes.
pub const MAX_TEXT: usize = 4 * 1024 * 1024;

/// Levels of arrays and objects within one another.
pub const MAX_DEPTH: u8 = 100;

/// The stack that one run may take up, in bytes: a quarter of what a thread of Tokio has.
const MAX_STACK: usize = 512 * 1024;

/// Which limit was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`MAX_STEPS`].
    Steps,
    /// [`MAX_TEXT`].
    Text,
    /// [`MAX_DEPTH`], or what is evaluated within one another.
    Depth,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steps => write!(
                f,
                "it takes more than {MAX_STEPS} steps: it does not end, or goes over the event again and again"
            ),
            Self::Text => write!(f, "it makes a text of more than {} MiB", MAX_TEXT >> 20),
            Self::Depth => write!(f, "it nests values or calls more than {MAX_DEPTH} levels deep"),
        }
    }
}

thread_local! {
    static LEFT: Cell<u64> = const { Cell::new(MAX_STEPS) };
    static BASE: Cell<usize> = const { Cell::new(0) };
}

/// Runs `work` within the limits, and gives the steps that it took.
pub(crate) fn metered<T>(work: impl FnOnce() -> T) -> Result<(T, u64), Limit> {
    LEFT.set(MAX_STEPS);
    BASE.set(stack_pointer());
    // Nothing that was cut short is looked at again: all values of the run go with it.
    let result = catch_unwind(AssertUnwindSafe(work));
    let steps = MAX_STEPS - LEFT.get();
    LEFT.set(MAX_STEPS);
    BASE.set(0);
    match result {
        Ok(value) => Ok((value, steps)),
        Err(panic) => match panic.downcast::<Limit>() {
            Ok(limit) => Err(*limit),
            Err(panic) => resume_unwind(panic),
        },
    }
}

/// Counts the evaluation of a term.
pub(crate) fn step() {
    let base = BASE.get();
    if base != 0 && base.abs_diff(stack_pointer()) > MAX_STACK {
        exceed(Limit::Depth);
    }
    charge(1);
}

/// Counts so many steps.
pub(crate) fn charge(steps: u64) {
    match LEFT.get().checked_sub(steps) {
        Some(left) => LEFT.set(left),
        None => {
            LEFT.set(0);
            exceed(Limit::Steps)
        }
    }
}

/// Counts work on so many bytes, before it is done.
pub(crate) fn charge_bytes(bytes: usize) {
    charge(1 + bytes as u64 / 64);
}

/// Counts a text of so many bytes that is about to be made.
pub(crate) fn charge_text(bytes: usize) {
    limit_text(bytes);
    charge_bytes(bytes);
}

/// Refuses a text of too many bytes.
pub(crate) fn limit_text(bytes: usize) {
    if bytes > MAX_TEXT {
        exceed(Limit::Text);
    }
}

/// Ends the run.
pub(crate) fn exceed(limit: Limit) -> ! {
    // Not `panic!`: nothing is to be logged.
    resume_unwind(Box::new(limit))
}

#[inline(never)]
fn stack_pointer() -> usize {
    let here = 0_u8;
    (&raw const here).addr()
}
