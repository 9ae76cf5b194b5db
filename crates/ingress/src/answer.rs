//! What a vendor is answered. Flow sends again on 5xx and timeouts, and never on 4xx: so 4xx is for what
//! no repeat can mend.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Seconds until the vendor may try again, for those who heed it.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 202: it is on the bus, confirmed.
    Taken,
    /// 204: the chain has no use for it.
    PassedOver,
    /// 400: it is no event.
    NoEvent,
    /// 401: without the secret.
    Stranger,
    /// 413: larger than an event may be.
    TooLarge,
    /// 415: not JSON by its type, or in an encoding that is not known.
    NotJson,
    /// 503: it is not certain to be on the bus; to be sent again.
    Again(&'static str),
}

impl Answer {
    /// Its status.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Taken => StatusCode::ACCEPTED,
            Self::PassedOver => StatusCode::NO_CONTENT,
            Self::NoEvent => StatusCode::BAD_REQUEST,
            Self::Stranger => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Again(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Taken | Self::PassedOver => "",
            Self::NoEvent => "the body is no event\n",
            Self::Stranger => "the secret is missing or wrong\n",
            Self::TooLarge => "an event has 1 MiB at most\n",
            Self::NotJson => {
                "an event is JSON (application/json or application/cloudevents+json), plain or compressed with gzip or deflate\n"
            }
            Self::Again(_) => "not now: send it again\n",
        }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = (self.status(), self.words()).into_response();
        match self {
            Self::Again(_) => {
                response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER);
            }
            Self::Stranger => {
                let challenge = HeaderValue::from_static("Basic realm=\"bilag\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            _ => {}
        }
        response
    }
}
