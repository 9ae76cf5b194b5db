//! A stage of the chain, as operators know it.

use amqp::{BoxError, Reason};
use events::{About, Target};

/// A stage of the chain.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Names its queues: `bilag.<name>`, `bilag.<name>.dead`.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// The target that it serves, where it serves one: `omnium`, `package`, `erp`.
    pub target: Option<Target>,
    /// Whether it could read a body, and what that is about, where it says.
    pub check: fn(&[u8]) -> Result<Option<About>, BoxError>,
    /// Its reasons for dead letters, beside those that every stage has.
    pub reasons: &'static [Reason],
}

/// What to do about a dead letter with this reason, in one line; `docs/operations.md` has the details.
pub fn remedy(stages: &[Stage], reason: &str) -> &'static str {
    let known = stages.iter().flat_map(|stage| stage.reasons).chain(&Reason::COMMON);
    let mut known = known.filter(|known| known.as_str() == reason);
    known.next().map_or("find out from the error", |known| known.remedy())
}
