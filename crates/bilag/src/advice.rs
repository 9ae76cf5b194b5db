//! What to do about a dead letter, in one line for each reason; `docs/reasons.md` says it at length.

use amqp::Reason;

use crate::chain::CHAIN;

/// What to do about a letter that died for this reason.
pub fn advice(reason: &str) -> &'static str {
    let known = CHAIN.iter().flat_map(|link| link.reasons).chain(&Reason::COMMON);
    let mut known = known.filter(|known| known.as_str() == reason);
    known.next().map_or("find out from the error", |known| known.remedy())
}
