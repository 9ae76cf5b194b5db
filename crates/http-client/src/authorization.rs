//! The `Authorization` header, made anew for each request: what it is made of may change.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::remember;
use reqwest::header::HeaderValue;

use crate::Secret;

/// What a service knows its callers by.
#[derive(Clone)]
pub enum Authorization {
    /// The whole value of the header, scheme included.
    Whole(Secret),
    /// `Bearer …` (RFC 6750).
    Bearer(Secret),
    /// `Token …`, as Akinon has it.
    Token(Secret),
    /// Basic authentication (RFC 7617), in UTF-8.
    Basic {
        /// The user.
        username: Secret,
        /// The user's password.
        password: Secret,
    },
}

/// Says nothing of what it is, not even its kind.
impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Authorization {
    /// The header's value as it is now; `None` where the credentials cannot be sent.
    pub fn header(&self) -> Option<HeaderValue> {
        let value = match self {
            Self::Whole(value) => {
                let value = value.expose();
                // A service may repeat it without its scheme.
                value.split_once(' ').into_iter().for_each(|(_, token)| remember(token));
                HeaderValue::try_from(&*value)
            }
            Self::Bearer(token) => HeaderValue::try_from(format!("Bearer {}", token.expose())),
            Self::Token(token) => HeaderValue::try_from(format!("Token {}", token.expose())),
            Self::Basic { username, password } => {
                let login = format!("{}:{}", username.expose(), password.expose());
                HeaderValue::try_from(format!("Basic {}", STANDARD.encode(login)))
            }
        };
        let mut value = value.ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}
