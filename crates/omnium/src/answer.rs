//! From an answer to its meaning.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::{Answer, Call, OmniumError};

/// How much of an error's body is kept for the operator, in bytes.
pub(crate) const BODY_KEPT: usize = 1024;

/// Half of Omnium's refill period: what is left of it on average.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(5);

/// So that a wrong header does not stop this process for long: one call asks again after this.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(600);

/// What an answer that is no success means.
pub(crate) fn error(call: Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> OmniumError {
    // The token endpoint's body might repeat a credential.
    let body = if call == Call::Token { String::new() } else { for_operator(body) };
    let answer = Answer { status: status.as_u16(), body };
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
    serde_json::from_slice(body)
        .map_err(|_| OmniumError::Foreign(Answer { status: 200, body: String::new() }))
}

/// `Retry-After`, in seconds or as an HTTP date; between one second and ten minutes.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Duration {
    let read = |text: &str| match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(httpdate::parse_http_date(text.trim()).ok()?.duration_since(now).unwrap_or_default()),
    };
    headers
        .get(RETRY_AFTER)
        .and_then(|value| read(value.to_str().ok()?))
        .unwrap_or(RETRY_AFTER_DEFAULT)
        .clamp(Duration::from_secs(1), RETRY_AFTER_MOST)
}

/// The first kilobyte, readable on one line: control characters become spaces.
fn for_operator(body: &[u8]) -> String {
    let body = &body[..body.len().min(BODY_KEPT)];
    let text: String =
        String::from_utf8_lossy(body).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date_within_bounds() {
        let now = httpdate::parse_http_date("Mon, 02 Nov 2026 09:15:00 GMT").expect("a date");
        for (header, seconds) in [
            (Some("7"), 7),
            (Some(" 7 "), 7),
            (Some("0"), 1),
            (Some("86400"), 600),
            (Some("99999999999999999999"), 5),
            (Some("Mon, 02 Nov 2026 09:15:42 GMT"), 42),
            (Some("Mon, 02 Nov 2026 09:14:00 GMT"), 1),
            (Some("Tue, 03 Nov 2026 09:15:00 GMT"), 600),
            (Some("soon"), 5),
            (Some("-3"), 5),
            (None, 5),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(header) = header {
                headers.insert(RETRY_AFTER, HeaderValue::from_static(header));
            }
            assert_eq!(retry_after(&headers, now), Duration::from_secs(seconds), "{header:?}");
        }
    }

    #[test]
    fn the_operator_gets_a_kilobyte_of_text_on_one_line() {
        assert_eq!(for_operator(b"  no\r\nsuch\x1b[31m thing\0 "), "no  such [31m thing");
        assert_eq!(for_operator(&[b'a'; 5000]).len(), 1024);
        let cut_in_a_letter = [&[b'a'; 1023][..], "\u{f8}".as_bytes()].concat();
        assert_eq!(for_operator(&cut_in_a_letter), format!("{}\u{fffd}", "a".repeat(1023)));
        assert_eq!(for_operator(b""), "");
    }

    #[test]
    fn the_token_endpoints_body_is_never_kept() {
        let error = error(Call::Token, StatusCode::BAD_REQUEST, &HeaderMap::new(), b"clientSecret=hush");
        assert!(!format!("{error:?}").contains("hush"));
    }
}
