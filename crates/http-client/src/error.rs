//! What can go wrong with a call to a service, one variant per meaning, and what each means for the message
//! that the call was made for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use thiserror::Error;

use crate::answer::retry_after;
use crate::{Answer, NoAnswer, RateLimitError, Service, Transport, for_operator};

/// Why a call to a service failed. [`decide`] says what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// No connection (refused, DNS, TLS): the request never reached them.
    #[error("{} cannot be reached; check {}, the network, and {}", .0.name, .0.url_setting, .0.status)]
    Refused(&'static Service, #[source] Transport),

    /// The call was not made: no access token could be had.
    #[error("no access token from {}, so the call was not made", .0.name)]
    NoToken(&'static Service, #[source] Arc<CallError>),

    /// The call was not made: its turn did not come in time, behind other calls of this process.
    #[error(
        "the call to {} was not made, because its turn did not come within {} s; it is retried",
        .service.name, .within.as_secs()
    )]
    NotMade {
        /// Who was to be called.
        service: &'static Service,
        /// For how long it waited.
        within: Duration,
    },

    /// The call was not made: the store could not be asked for a share of the limits that all processes
    /// keep together.
    #[error("the call was not made, because it is not known whether the limits of {} allow it", .0.name)]
    NotAllowed(&'static Service, #[source] Box<dyn std::error::Error + Send + Sync>),

    /// No answer, or half of one (timeout, reset): the call may have been executed, or still be.
    #[error("{} did not answer; the call may have happened all the same, and is retried", .0.name)]
    Unanswered(&'static Service, #[source] Transport),

    /// 401: these credentials are not accepted; where a token is needed, one that was just fetched.
    #[error("{} does not accept the credentials; check {}", .0.name, .0.credentials_setting)]
    Unauthorized(&'static Service, #[source] Answer),

    /// 403: not with these credentials, either for all calls or for this one's kind.
    #[error("{} forbids this; check {}", .0.name, .0.rights())]
    Forbidden(&'static Service, #[source] Answer),

    /// 404: what the call is about is not there, or nothing is at this URL.
    #[error(
        "{} does not find what the call is about; look it up there, and check {}", .0.name, .0.url_setting
    )]
    NotFound(&'static Service, #[source] Answer),

    /// 406: the service does not accept this call. Akinon lists it among the OMS's answers, and does
    /// not say what it means there.
    #[error("{} finds this call not acceptable; see what its answer names, then redrive", .0.name)]
    NotAcceptable(&'static Service, #[source] Answer),

    /// 409: the service is working on the same thing, or somebody else changed it at the same time.
    #[error("{} is still working on the same, or it was changed there at the same time; it is retried", .0.name)]
    Conflict(&'static Service, #[source] Answer),

    /// 413: the request is larger than the service takes.
    #[error(
        "too large for {}; have its limit raised, or make what is sent smaller, such as the template's images",
        .0.name
    )]
    TooLarge(&'static Service, #[source] Answer),

    /// 429, for longer than a call waits.
    #[error(
        "the rate limit of {} is used up for another {} s; fewer calls, or a higher limit",
        .service.name, .retry_after.as_secs()
    )]
    Throttled {
        /// Who was called.
        service: &'static Service,
        /// After how long calls are let through again.
        retry_after: Duration,
    },

    /// 400, 422 and any other 4xx: the service understood the call and does not take it.
    #[error("{} does not take this; correct what its answer names, then redrive", .0.name)]
    Invalid(&'static Service, #[source] Answer),

    /// 500 and any other 5xx that is not below: the service failed while at it. It is no longer being
    /// executed, but what was done before is not known.
    #[error("{} failed on this call; see what its answer and its log say", .0.name)]
    ServerError(&'static Service, #[source] Answer),

    /// 502, 503, 504 and 408: something in front of the service gave up, or the service is overloaded.
    /// Whether the service got the call, and is still at it, is not known.
    #[error("{} is not available; see {}", .0.name, .0.status)]
    Unavailable(&'static Service, #[source] Answer),

    /// A redirect, 405, 407, or a success that is not what was agreed: not the service that answered.
    /// A wrong URL or a proxy, which every message meets, so none may be blamed for it.
    #[error("what answered is not {}; check {} and any proxy", .0.name, .0.url_setting)]
    Foreign(&'static Service, #[source] Answer),
}

/// What becomes of the message whose call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Trying again may help: spends an attempt.
    Retry,
    /// Spends no attempt.
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

/// Decides about an error of a call. Where a service differs, its client decides first.
pub fn decide(error: &CallError) -> Decision {
    match error {
        CallError::Refused(..) | CallError::NotAllowed(..) => Decision::Unavailable { reached: false },
        // Whoever was ahead has had a timeout's worth of time by then.
        CallError::NotMade { .. } => Decision::Wait { at_least: Duration::ZERO },
        CallError::Throttled { retry_after, .. } => Decision::Wait { at_least: *retry_after },
        // Whatever else ails the token ails every message alike.
        CallError::NoToken(_, source) => match decide(source) {
            wait @ Decision::Wait { .. } => wait,
            _ => Decision::Unavailable { reached: false },
        },
        CallError::Unauthorized(..)
        | CallError::Unanswered(..)
        | CallError::ServerError(..)
        | CallError::Unavailable(..)
        | CallError::Foreign(..) => Decision::Unavailable { reached: true },
        // A path that is wrong, or a package that is not there; a role, or this package's state.
        CallError::Forbidden(..) | CallError::NotFound(..) | CallError::NotAcceptable(..) => {
            Decision::Forbidden
        }
        CallError::Conflict(..) => Decision::Retry,
        CallError::TooLarge(..) | CallError::Invalid(..) => Decision::Reject,
    }
}

impl CallError {
    /// What an answer means that is no success.
    pub fn answered(service: &'static Service, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Self {
        let status = status.as_u16();
        let answer = Answer { service: service.name, status, body: for_operator(body) };
        match status {
            401 => Self::Unauthorized(service, answer),
            403 => Self::Forbidden(service, answer),
            404 => Self::NotFound(service, answer),
            405 | 407 => Self::Foreign(service, answer),
            406 => Self::NotAcceptable(service, answer),
            408 | 502..=504 => Self::Unavailable(service, answer),
            409 => Self::Conflict(service, answer),
            413 => Self::TooLarge(service, answer),
            429 => Self::Throttled { service, retry_after: retry_after(headers, SystemTime::now()) },
            400..=499 => Self::Invalid(service, answer),
            500..=599 => Self::ServerError(service, answer),
            _ => Self::Foreign(service, answer),
        }
    }

    /// The call was not made, because of a limit.
    pub fn rate_limited(service: &'static Service, reason: RateLimitError) -> Self {
        match reason {
            RateLimitError::TimedOut(within) => Self::NotMade { service, within },
            RateLimitError::Throttled { retry_after } => Self::Throttled { service, retry_after },
        }
    }

    /// The call was made, and there is no answer.
    pub fn no_answer(service: &'static Service, reason: NoAnswer) -> Self {
        match reason {
            NoAnswer::Refused(transport) => Self::Refused(service, transport),
            NoAnswer::Unanswered(transport) => Self::Unanswered(service, transport),
        }
    }

    /// Whether a repeat within seconds may help.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Refused(..) | Self::ServerError(..)) || self.may_be_in_flight()
    }

    /// Whether the call may have been executed, now or later.
    pub fn may_have_happened(&self) -> bool {
        self.may_be_in_flight() || matches!(self, Self::ServerError(..) | Self::Foreign(..))
    }

    /// Whether the call may still be executed after this error came: no answer of the service's own ended
    /// it. What must not run beside it has to wait for the client's timeout and a margin.
    pub fn may_be_in_flight(&self) -> bool {
        matches!(self, Self::Unanswered(..) | Self::Unavailable(..))
    }

    /// Whether it is the store that cannot be asked for a permit, and nothing of the service's.
    pub fn is_of_the_store(&self) -> bool {
        match self {
            Self::NotAllowed(..) => true,
            Self::NoToken(_, source) => source.is_of_the_store(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_decision() {
        const SERVICE: &Service = &Service::new("the service", "URL", "TOKEN");
        let answer = || Answer { service: SERVICE.name, status: 0, body: String::new() };
        let transport = || Transport::from(Box::from("broken"));
        let seconds = Duration::from_secs;
        let (not_reached, reached) =
            (Decision::Unavailable { reached: false }, Decision::Unavailable { reached: true });
        let no_token = |error| CallError::NoToken(SERVICE, Arc::new(error));
        let throttled = || CallError::Throttled { service: SERVICE, retry_after: seconds(60) };
        let minute = Decision::Wait { at_least: seconds(60) };
        for (error, decision) in [
            (CallError::Refused(SERVICE, transport()), not_reached),
            (CallError::NotAllowed(SERVICE, Box::from("no store")), not_reached),
            (
                CallError::NotMade { service: SERVICE, within: seconds(15) },
                Decision::Wait { at_least: Duration::ZERO },
            ),
            (no_token(CallError::Unauthorized(SERVICE, answer())), not_reached),
            (no_token(CallError::Invalid(SERVICE, answer())), not_reached),
            (no_token(throttled()), minute),
            (CallError::Unanswered(SERVICE, transport()), reached),
            (CallError::Unauthorized(SERVICE, answer()), reached),
            (CallError::Forbidden(SERVICE, answer()), Decision::Forbidden),
            (CallError::NotFound(SERVICE, answer()), Decision::Forbidden),
            (CallError::NotAcceptable(SERVICE, answer()), Decision::Forbidden),
            (CallError::Conflict(SERVICE, answer()), Decision::Retry),
            (CallError::TooLarge(SERVICE, answer()), Decision::Reject),
            (throttled(), minute),
            (CallError::Invalid(SERVICE, answer()), Decision::Reject),
            (CallError::ServerError(SERVICE, answer()), reached),
            (CallError::Unavailable(SERVICE, answer()), reached),
            (CallError::Foreign(SERVICE, answer()), reached),
        ] {
            assert_eq!(decide(&error), decision, "{error:?}");
        }
    }
}
