//! What a failed call means for its message.

use std::time::Duration;

use crate::CallError;

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

/// Decides about an error of a call to a service.
pub fn decide(error: &CallError) -> Decision {
    match error {
        CallError::Refused(..) => Decision::Unavailable { reached: false },
        // Whoever was ahead has had a timeout's worth of time by then.
        CallError::NotMade { .. } => Decision::Wait { at_least: Duration::ZERO },
        CallError::Throttled { retry_after, .. } => Decision::Wait { at_least: *retry_after },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Service, Transport};

    #[test]
    fn every_error_has_its_decision() {
        const SERVICE: &Service =
            &Service { name: "the service", url_setting: "URL", credentials_setting: "TOKEN" };
        let answer = || Answer { service: SERVICE.name, status: 0, body: String::new() };
        let transport = || Transport::from(Box::from("broken"));
        let seconds = Duration::from_secs;
        let (not_reached, reached) =
            (Decision::Unavailable { reached: false }, Decision::Unavailable { reached: true });
        for (error, decision) in [
            (CallError::Refused(SERVICE, transport()), not_reached),
            (
                CallError::NotMade { service: SERVICE, within: seconds(15) },
                Decision::Wait { at_least: Duration::ZERO },
            ),
            (CallError::Unanswered(SERVICE, transport()), reached),
            (CallError::Unauthorized(SERVICE, answer()), reached),
            (CallError::Forbidden(SERVICE, answer()), Decision::Forbidden),
            (CallError::NotFound(SERVICE, answer()), Decision::Forbidden),
            (CallError::NotAcceptable(SERVICE, answer()), Decision::Forbidden),
            (CallError::Conflict(SERVICE, answer()), Decision::Retry),
            (CallError::TooLarge(SERVICE, answer()), Decision::Reject),
            (
                CallError::Throttled { service: SERVICE, retry_after: seconds(60) },
                Decision::Wait { at_least: seconds(60) },
            ),
            (CallError::Invalid(SERVICE, answer()), Decision::Reject),
            (CallError::ServerError(SERVICE, answer()), reached),
            (CallError::Unavailable(SERVICE, answer()), reached),
            (CallError::Foreign(SERVICE, answer()), reached),
        ] {
            assert_eq!(decide(&error), decision, "{error:?}");
        }
    }
}
