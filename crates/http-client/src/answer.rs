//! What is kept of an answer that is no success: its status for the log, its words for the dead letter.

use std::fmt;
use std::time::{Duration, SystemTime};

use config::redact_secrets;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

/// How much of an error's body is kept for the operator, in bytes.
pub(crate) const BODY_KEPT: usize = 1024;

/// Where a 429 does not say how long. Half of Omnium's refill period: what is left of it on average.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(5);

/// Bounds how long a wrong header stops this process.
const RETRY_AFTER_MOST: Duration = Duration::from_secs(600);

/// An answer that is no success, for the operator.
///
/// What a service says may name people. So a log, a trace or a health page shows the status only; the body is
/// in the alternate form alone (`{:#}`), which the dead letter gets.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// Who was asked, as the subject of a sentence.
    pub service: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The first kilobyte of the body, without control characters and without secrets that this process
    /// knows. Empty where the body was a success's, or the token endpoint's.
    pub body: String,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}", self.service, self.status)?;
        if f.alternate() && !self.body.is_empty() {
            write!(f, ": {}", self.body)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({} {})", self.service, self.status)
    }
}

impl std::error::Error for Answer {}

/// `Retry-After`, in seconds or as an HTTP date; between one second and ten minutes, and five seconds
/// where there is none. A date is meant by the clock of who answers, which `Date` tells; `now` is for those
/// who do not.
pub(crate) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Duration {
    let date = |text: &str| httpdate::parse_http_date(text.trim()).ok();
    let now = headers.get(DATE).and_then(|value| date(value.to_str().ok()?)).unwrap_or(now);
    let read = |text: &str| match text.trim().parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => Some(date(text)?.duration_since(now).unwrap_or_default()),
    };
    headers
        .get(RETRY_AFTER)
        .and_then(|value| read(value.to_str().ok()?))
        .unwrap_or(RETRY_AFTER_DEFAULT)
        .clamp(Duration::from_secs(1), RETRY_AFTER_MOST)
}

/// The first kilobyte, readable on one line: control characters become spaces, secrets are cut out.
pub fn for_operator(body: &[u8]) -> String {
    let goes_on = body.len() >= BODY_KEPT;
    let body = &body[..body.len().min(BODY_KEPT)];
    let text: String =
        String::from_utf8_lossy(body).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    redact_secrets(text.trim(), goes_on)
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn reads_retry_after_within_bounds() {
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
            headers.insert(DATE, HeaderValue::from_static("Mon, 02 Nov 2026 09:15:00 GMT"));
            for theirs in [now - Duration::from_secs(3600), now + Duration::from_secs(3600)] {
                assert_eq!(retry_after(&headers, theirs), Duration::from_secs(seconds), "{header:?}");
            }
        }
    }

    #[test]
    fn shows_the_body_in_the_alternate_form_alone() {
        let answer = Answer { service: "the service", status: 422, body: "Solveig Plantet".to_owned() };
        assert_eq!(format!("{answer} {answer:?}"), "the service answered 422 Answer(the service 422)");
        assert_eq!(format!("{answer:#}"), "the service answered 422: Solveig Plantet");
        assert_eq!(format!("{:#}", Answer { body: String::new(), ..answer }), "the service answered 422");
    }

    #[test]
    fn body_for_operator_has_no_secret() {
        let secret = config::Secret::new("told-to-nobody");
        let body = format!("you sent {}, {{\"password\":\"told%2Dto%2dnobody\"}}", secret.expose());
        assert_eq!(for_operator(body.as_bytes()), "you sent [secret], {\"password\":\"[secret]\"}");
        let cut_off = format!("{}told-to-nobody", "a".repeat(BODY_KEPT - 9));
        assert_eq!(for_operator(cut_off.as_bytes()), format!("{}[secret]", "a".repeat(BODY_KEPT - 9)));
    }

    #[test]
    fn body_for_operator_is_a_kilobyte_on_one_line() {
        assert_eq!(for_operator(b"  no\r\nsuch\x1b[31m thing\0 "), "no  such [31m thing");
        assert_eq!(for_operator(&[b'a'; 5000]).len(), 1024);
        let cut_in_a_letter = [&[b'a'; 1023][..], "\u{f8}".as_bytes()].concat();
        assert_eq!(for_operator(&cut_in_a_letter), format!("{}\u{fffd}", "a".repeat(1023)));
        assert_eq!(for_operator(b""), "");
    }
}
