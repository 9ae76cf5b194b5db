//! When a call is over: for its client, and for the network.
//!
//! A client that gives up on a request closes its connection, which does not withdraw the request: the
//! kernel keeps what the other side has not acknowledged and sends it again, also when the process has
//! ended. `TCP_USER_TIMEOUT` (tcp(7)) bounds how long it does. Without it that is many minutes.

use std::time::Duration;

use crate::SEND_WITHIN;

/// How long the calls of a client may take, by how long it waits for the answer to one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    timeout: Duration,
}

impl Timing {
    /// By how long one request may take, its answer included.
    pub const fn new(timeout: Duration) -> Self {
        Self { timeout }
    }

    /// How long one request may take, its answer included.
    pub const fn timeout(self) -> Duration {
        self.timeout
    }

    /// `TCP_USER_TIMEOUT` of the connections. No longer than the request's own timeout, so that what was sent
    /// at its beginning is given up together with it; no shorter, so that no request that might still succeed is.
    pub(crate) const fn user_timeout(self) -> Duration {
        self.timeout
    }

    /// How long after its client gave up on it a request may still arrive. Its last bytes may have been
    /// sent just before that, and are sent again until the user timeout.
    pub const fn arrives_within(self) -> Duration {
        self.user_timeout()
    }

    /// How long after a call began something of it may still arrive: its last request is sent within
    /// [`SEND_WITHIN`], is waited for, and arrives no later than [`arrives_within`](Self::arrives_within).
    /// What keeps others from acting meanwhile has to last longer.
    pub fn longest_call(self) -> Duration {
        SEND_WITHIN + self.timeout + self.arrives_within()
    }
}
