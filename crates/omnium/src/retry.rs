//! Short retries within the process: which error of which call is repeated.

use std::time::Duration;

use crate::{Call, OmniumError};

/// Retries of one call.
pub(crate) struct Retries(http_client::Retries);

impl Retries {
    pub(crate) fn new() -> Self {
        Self(http_client::Retries::new())
    }

    /// How long to wait before the call is made again; `None` where it is not.
    pub(crate) fn after(&mut self, call: Call, error: &OmniumError) -> Option<Duration> {
        repeatable(call, error).then(|| self.0.next_wait()).flatten()
    }
}

/// Only what certainly did not happen, or is harmless to repeat at once. Never an attach or an upsert
/// whose answer did not come: an attach would add a second file, and an upsert may be executed late,
/// after the attach, where it drops the file. A conflict is left to the retry queue, because the
/// invoice has to be looked at first.
fn repeatable(call: Call, error: &OmniumError) -> bool {
    match error {
        OmniumError::Refused(_) => true,
        OmniumError::Unanswered(_) | OmniumError::ServerError(_) | OmniumError::Unavailable(_) => {
            matches!(call, Call::Token | Call::AddAsset | Call::Find | Call::Download)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Answer, Transport};

    #[test]
    fn a_refused_call_is_repeated_for_about_three_seconds() {
        let refused = OmniumError::Refused(Transport::from(Box::from("refused")));
        let mut retries = Retries::new();
        for _ in 0..3 {
            let wait = retries.after(Call::Attach, &refused).expect("a repeat");
            assert!(wait <= Duration::from_millis(1500), "{wait:?}");
        }
    }

    #[test]
    fn only_what_a_repeat_leaves_alone_is_repeated_after_a_failure() {
        let answer = || Answer { service: "Omnium", status: 503, body: String::new() };
        let broken = || Transport::from(Box::from("reset"));
        for error in [
            OmniumError::Unanswered(broken()),
            OmniumError::ServerError(answer()),
            OmniumError::Unavailable(answer()),
        ] {
            let calls = [Call::Token, Call::Upsert, Call::Attach, Call::AddAsset, Call::Find, Call::Download];
            let repeated = calls.map(|call| Retries::new().after(call, &error).is_some());
            assert_eq!(repeated, [true, false, false, true, true, true], "{error:?}");
        }
        for error in [OmniumError::Conflict(answer()), OmniumError::Invalid(answer())] {
            assert_eq!(Retries::new().after(Call::Find, &error), None, "{error:?}");
        }
    }
}
