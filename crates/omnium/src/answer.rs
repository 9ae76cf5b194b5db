//! From an answer to its meaning.

use std::time::SystemTime;

use http_client::header::HeaderMap;
use http_client::{StatusCode, for_operator, retry_after};
use serde::de::DeserializeOwned;

use crate::{Answer, Call, OmniumError};

/// How Omnium is called where its answers are told.
pub(crate) const SERVICE: &str = "Omnium";

/// What an answer that is no success means.
pub(crate) fn error(call: Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> OmniumError {
    // The token endpoint's body might repeat a credential.
    let body = if call == Call::Token { String::new() } else { for_operator(body) };
    let answer = Answer { service: SERVICE, status: status.as_u16(), body };
    match (status.as_u16(), call) {
        (400 | 403, Call::Token) => OmniumError::Unauthorized(answer),
        (404 | 405, Call::Token) => OmniumError::Foreign(answer),
        (401, _) => OmniumError::Unauthorized(answer),
        (403, _) => OmniumError::Forbidden(answer),
        (404, _) => OmniumError::NotFound(answer),
        (409, _) => OmniumError::Conflict(answer),
        (413, _) => OmniumError::TooLarge(answer),
        (429, _) => OmniumError::Throttled { retry_after: retry_after(headers, SystemTime::now()) },
        (408 | 502..=504, _) => OmniumError::Unavailable(answer),
        (500..=599, _) => OmniumError::ServerError(answer),
        (407, _) => OmniumError::Foreign(answer),
        (400..=499, _) => OmniumError::Invalid(answer),
        _ => OmniumError::Foreign(answer),
    }
}

/// Reads the JSON of a success. What cannot be read is not told why: the reason might quote it.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, OmniumError> {
    serde_json::from_slice(body).map_err(|_| unreadable())
}

/// A success that is not what Omnium answers.
pub(crate) fn unreadable() -> OmniumError {
    OmniumError::Foreign(Answer { service: SERVICE, status: 200, body: String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_endpoints_body_is_never_kept() {
        let error = error(Call::Token, StatusCode::BAD_REQUEST, &HeaderMap::new(), b"clientSecret=hush");
        assert!(!format!("{error:?}").contains("hush"));
    }
}
