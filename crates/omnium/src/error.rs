//! What can go wrong with a call to Omnium: one variant per meaning.

use std::sync::Arc;
use std::time::Duration;

use http_client::{Answer, NoAnswer, NoTurn, Transport};
use thiserror::Error;

use crate::NotAllowed;

/// Why a call to Omnium failed. [`decide`](crate::decide) says what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OmniumError {
    /// No connection (refused, DNS, TLS): the request never reached them.
    #[error("Omnium cannot be reached; check OMNIUM_BASE_URL, the network and Omnium's status page")]
    Refused(#[source] Transport),

    /// The call was not made, because no access token could be had.
    #[error("no access token from Omnium, so the call was not made")]
    NoToken(#[source] Arc<OmniumError>),

    /// The call was not made: its turn did not come in time, behind other calls of this process.
    #[error("the call was not made, because its turn did not come within {} s; it is tried again", .0.as_secs())]
    NotMade(Duration),

    /// The call was not made: what processes share of Omnium's limits could not be asked for.
    #[error("the call was not made, because it is not known whether Omnium's limits allow it")]
    NotAllowed(#[source] Box<dyn std::error::Error + Send + Sync>),

    /// No answer, or half of one (timeout, reset): it may have happened, and may still happen.
    #[error("Omnium did not answer; the call may have happened all the same")]
    Unanswered(#[source] Transport),

    /// 401 with a token that was fetched a moment ago; from the token endpoint, also 400 and 403:
    /// these credentials are not accepted.
    #[error("Omnium does not accept the credentials; check OMNIUM_CLIENT_ID and OMNIUM_CLIENT_SECRET")]
    Unauthorized(#[source] Answer),

    /// 403: the API user lacks a role (every call meets it), or this store or market is not in its
    /// scope (only that store's do).
    #[error("Omnium forbids this; check the API user's roles, and its store and market scope")]
    Forbidden(#[source] Answer),

    /// 404: no such invoice, or (upsert) invalid data.
    #[error("Omnium does not find what the call is about; look the invoice up in Omnium")]
    NotFound(#[source] Answer),

    /// 409: somebody else changed the invoice at the same time.
    #[error("the invoice was changed in Omnium at the same time; it is tried again")]
    Conflict(#[source] Answer),

    /// 413: the file or the invoice is larger than Omnium takes.
    #[error("too large for Omnium; make the template's images smaller, or ask Omnium for their limit")]
    TooLarge(#[source] Answer),

    /// 429, for longer than is waited here.
    #[error("Omnium's rate limit is used up for another {} s; fewer calls, or a higher limit", .retry_after.as_secs())]
    Throttled {
        /// After how long calls are let through again.
        retry_after: Duration,
    },

    /// 400, 422 and any other 4xx: Omnium understood the call and does not take it.
    #[error("Omnium does not take this; correct what its answer names, then redrive")]
    Invalid(#[source] Answer),

    /// 500 and any other 5xx that is not below: Omnium failed while at it. Answered, so no longer
    /// being executed, but what it did before is not known.
    #[error("Omnium failed on this call")]
    ServerError(#[source] Answer),

    /// 502, 503, 504 and 408: something in front of Omnium gave up. Whether Omnium got the call, and
    /// is still at it, is not known.
    #[error("Omnium is not available")]
    Unavailable(#[source] Answer),

    /// A redirect, 407, or a success that cannot be read: not Omnium's API that answered.
    #[error("what answered is not Omnium's API; check OMNIUM_BASE_URL and any proxy")]
    Foreign(#[source] Answer),
}

impl OmniumError {
    /// Whether the call may have been executed, now or later.
    pub fn may_have_happened(&self) -> bool {
        self.may_be_in_flight() || matches!(self, Self::ServerError(_) | Self::Foreign(_))
    }

    /// Whether it is the store that cannot be asked for a permit, and nothing of Omnium's.
    pub fn is_of_the_store(&self) -> bool {
        match self {
            Self::NotAllowed(_) => true,
            Self::NoToken(source) => source.is_of_the_store(),
            _ => false,
        }
    }

    /// Whether the call may still be executed after this error came: no answer of Omnium's own ended
    /// it. What must not run beside it has to wait for the client's timeout and a margin.
    pub fn may_be_in_flight(&self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::Unavailable(_))
    }
}

impl From<NoTurn> for OmniumError {
    fn from(reason: NoTurn) -> Self {
        match reason {
            NoTurn::NotMade(within) => Self::NotMade(within),
            NoTurn::Held { retry_after } => Self::Throttled { retry_after },
        }
    }
}

impl From<NotAllowed> for OmniumError {
    fn from(reason: NotAllowed) -> Self {
        match reason {
            NotAllowed::NoTurn(reason) => reason.into(),
            NotAllowed::Unknown(error) => Self::NotAllowed(error),
        }
    }
}

impl From<NoAnswer> for OmniumError {
    fn from(reason: NoAnswer) -> Self {
        match reason {
            NoAnswer::Refused(transport) => Self::Refused(transport),
            NoAnswer::Unanswered(transport) => Self::Unanswered(transport),
        }
    }
}
