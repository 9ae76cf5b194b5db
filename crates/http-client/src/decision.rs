//! What a failed call means for its message.

use std::time::Duration;

/// What becomes of the message whose call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Trying again may help: spends an attempt.
    Retry,
    /// Not before so long: spends no attempt.
    Wait {
        /// How long at least.
        at_least: Duration,
    },
    /// The service cannot be used at the moment.
    Unavailable {
        /// Whether the service can have met the message, so that the message may be at fault.
        reached: bool,
    },
    /// To all messages, or only to those of this one's kind: only its neighbours can tell.
    Forbidden,
    /// The message is at fault, and will be every time.
    Reject,
}
