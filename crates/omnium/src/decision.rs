//! The calls, and what sets Omnium's answers apart from those of other services: their meaning, what to do
//! about them, and which calls may be repeated.

use http_client::header::HeaderMap;
use http_client::{Answer, CallError, Decision, Service, StatusCode, for_operator};
use serde::de::DeserializeOwned;

pub(crate) const OMNIUM: &Service = &Service {
    status: "Omnium's status page",
    rights: Some("the API user's roles, and its store and market scope"),
    ..Service::new("Omnium", "OMNIUM_BASE_URL", "OMNIUM_CLIENT_ID and OMNIUM_CLIENT_SECRET")
};

/// The calls that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// An access token.
    Token,
    /// Creates the invoice, or replaces it.
    Upsert,
    /// Adds a file to the invoice.
    Attach,
    /// Adds a file to the invoice, or replaces the one with its id.
    AddAsset,
    /// Reads the invoice.
    Find,
    /// Reads the content of a file.
    Download,
}

impl Call {
    /// The method and the path's template, for traces: they name no invoice.
    pub(crate) const fn route(self) -> (&'static str, &'static str) {
        match self {
            Self::Token => ("POST", "/api/token"),
            Self::Upsert => ("PUT", "/api/Invoices/UpdateInvoice"),
            Self::Attach => ("POST", "/api/Invoices/{invoiceId}/AddFileToInvoice"),
            Self::AddAsset => ("POST", "/api/Invoices/{invoiceId}/AddAsset"),
            Self::Find => ("GET", "/api/Invoices/{invoiceId}"),
            // Where files are, each asset says for itself.
            Self::Download => ("GET", "{asset}"),
        }
    }
}

/// What an answer means that is no success, where Omnium differs from
/// [`CallError::answered`].
pub(crate) fn answered(call: Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
    // The token endpoint's body might repeat a credential.
    let body = if call == Call::Token { b"" } else { body };
    let meaning = match (status.as_u16(), call) {
        (400 | 403, Call::Token) => CallError::Unauthorized,
        (404 | 405, Call::Token) => CallError::Foreign,
        (405 | 406, _) => CallError::Invalid,
        _ => return CallError::answered(OMNIUM, status, headers, body),
    };
    meaning(OMNIUM, Answer { service: OMNIUM.name, status: status.as_u16(), body: for_operator(body) })
}

/// Decides about an error of a call: as [`http_client::decide`], but for a 404. `docs/omnium.md` shows it
/// as a table.
pub fn decide(call: Call, error: &CallError) -> Decision {
    match error {
        // On an upsert it means invalid data.
        CallError::NotFound(..) if call == Call::Upsert => Decision::Reject,
        // Reads lag writes by a second: an attach right after the upsert may not see the invoice. A find
        // says `None` instead.
        CallError::NotFound(..) => Decision::Retry,
        _ => http_client::decide(error),
    }
}

/// Whether a call is repeated within seconds: only what certainly did not happen, or is harmless to repeat
/// at once. Never an attach or an upsert whose answer did not come: an attach would add a second file, and an
/// upsert may be executed late, after the attach, where it drops the file. A conflict is left to the retry
/// queue, because the invoice has to be looked at first.
pub(crate) fn is_repeated(call: Call, error: &CallError) -> bool {
    let harmless = !matches!(call, Call::Upsert | Call::Attach);
    error.is_transient() && (harmless || matches!(error, CallError::Refused(..)))
}

/// Reads the JSON of a success. What cannot be read is not explained: the reason might quote it.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|_| unreadable())
}

/// A success that is not what Omnium answers.
pub(crate) fn unreadable() -> CallError {
    CallError::Foreign(OMNIUM, Answer { service: OMNIUM.name, status: 200, body: String::new() })
}

#[cfg(test)]
mod tests {
    use http_client::Transport;

    use super::*;

    #[test]
    fn keeps_no_body_of_the_token_endpoint() {
        for status in [StatusCode::BAD_REQUEST, StatusCode::CONFLICT] {
            let error = answered(Call::Token, status, &HeaderMap::new(), b"clientSecret=hush");
            assert!(!format!("{error:?}").contains("hush"));
            let (CallError::Unauthorized(_, answer) | CallError::Conflict(_, answer)) = error else {
                panic!("{error:?}")
            };
            assert_eq!(answer.body, "");
        }
    }

    #[test]
    fn repeats_only_what_a_repeat_cannot_harm() {
        let answer = || Answer { service: "Omnium", status: 503, body: String::new() };
        let broken = || Transport::from(Box::from("reset"));
        let calls = [Call::Token, Call::Upsert, Call::Attach, Call::AddAsset, Call::Find, Call::Download];
        let refused = CallError::Refused(OMNIUM, broken());
        assert_eq!(calls.map(|call| is_repeated(call, &refused)), [true; 6]);
        for error in [
            CallError::Unanswered(OMNIUM, broken()),
            CallError::ServerError(OMNIUM, answer()),
            CallError::Unavailable(OMNIUM, answer()),
        ] {
            let repeated = calls.map(|call| is_repeated(call, &error));
            assert_eq!(repeated, [true, false, false, true, true, true], "{error:?}");
        }
        for error in [CallError::Conflict(OMNIUM, answer()), CallError::Invalid(OMNIUM, answer())] {
            assert_eq!(calls.map(|call| is_repeated(call, &error)), [false; 6], "{error:?}");
        }
    }
}
