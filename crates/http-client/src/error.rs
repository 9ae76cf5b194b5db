//! What can go wrong with a call to a service: one variant per meaning.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use thiserror::Error;

use crate::{Answer, NoAnswer, NoTurn, Service, Transport, for_operator, retry_after};

/// Why a call to a service failed. [`decide`](crate::decide) says what to do about it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CallError {
    /// No connection (refused, DNS, TLS): the request never reached them.
    #[error("{} cannot be reached; check {}, the network, and whether it runs", .0.name, .0.url_setting)]
    Refused(&'static Service, #[source] Transport),

    /// The call was not made: its turn did not come in time, behind other calls of this process.
    #[error(
        "the call to {} was not made, because its turn did not come within {} s; it is tried again",
        .service.name, .within.as_secs()
    )]
    NotMade {
        /// Who was to be called.
        service: &'static Service,
        /// For how long it waited.
        within: Duration,
    },

    /// No answer, or half of one (timeout, reset): it may have happened, and is repeated, which these
    /// services allow.
    #[error("{} did not answer; the call may have happened all the same, and is made again", .0.name)]
    Unanswered(&'static Service, #[source] Transport),

    /// 401: these credentials are not accepted.
    #[error("{} does not accept the credentials; check {}", .0.name, .0.credentials_setting)]
    Unauthorized(&'static Service, #[source] Answer),

    /// 403: not with these credentials, either for all calls or for this one's kind.
    #[error("{} forbids this; check the rights that go with {}", .0.name, .0.credentials_setting)]
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

    /// 409: the service is at the same thing already.
    #[error("{} is still working on the same; it is asked again", .0.name)]
    Conflict(&'static Service, #[source] Answer),

    /// 413: the request is larger than the service takes.
    #[error("too large for {}; have its limit raised, or make what is sent smaller", .0.name)]
    TooLarge(&'static Service, #[source] Answer),

    /// 429, for longer than is waited here.
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

    /// 500 and any other 5xx that is not below: the service failed while at it.
    #[error("{} failed on this call; see what its answer and its log say", .0.name)]
    ServerError(&'static Service, #[source] Answer),

    /// 502, 503, 504 and 408: something in front of the service gave up, or the service is overloaded.
    #[error("{} is not available; see whether it runs", .0.name)]
    Unavailable(&'static Service, #[source] Answer),

    /// A redirect, 405, 407, or a success that is not what was agreed: not the service that answered.
    /// A wrong URL or a proxy, which every message meets, so none may be blamed for it.
    #[error("what answered is not {}; check {} and any proxy", .0.name, .0.url_setting)]
    Foreign(&'static Service, #[source] Answer),
}

impl CallError {
    /// What an answer means that is no success.
    pub(crate) fn answered(
        service: &'static Service,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Self {
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

    pub(crate) fn no_turn(service: &'static Service, reason: NoTurn) -> Self {
        match reason {
            NoTurn::NotMade(within) => Self::NotMade { service, within },
            NoTurn::Held { retry_after } => Self::Throttled { service, retry_after },
        }
    }

    pub(crate) fn no_answer(service: &'static Service, reason: NoAnswer) -> Self {
        match reason {
            NoAnswer::Refused(transport) => Self::Refused(service, transport),
            NoAnswer::Unanswered(transport) => Self::Unanswered(service, transport),
        }
    }

    /// Whether a repeat within seconds may help.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::Refused(..) | Self::Unanswered(..) | Self::ServerError(..) | Self::Unavailable(..)
        )
    }
}
