//! The access token: kept until shortly before it expires, fetched by one caller for all.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http_client::CallError;
use http_client::header::HeaderValue;
use parking_lot::Mutex;
use serde::Deserialize;

use crate::decision::{OMNIUM, read, unreadable};

/// A token is not used in the last minute of its life, or the last tenth of a short one.
const MARGIN: Duration = Duration::from_secs(60);

/// Omnium's tokens live for ten days; so that nonsense cannot overflow the clock.
const LIFETIME_MOST: Duration = Duration::from_secs(30 * 24 * 3600);

/// A token as it came.
pub(crate) struct Fetched {
    bearer: HeaderValue,
    lifetime: Duration,
}

impl Fetched {
    /// Reads the answer of the token endpoint.
    pub(crate) fn read(body: &[u8]) -> Result<Self, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Body {
            access_token: String,
            expires_in: u64,
        }
        let Body { access_token, expires_in } = read(body)?;
        http_client::remember(&access_token);
        let mut bearer = HeaderValue::try_from(format!("Bearer {access_token}")).map_err(|_| unreadable())?;
        bearer.set_sensitive(true);
        Ok(Self { bearer, lifetime: Duration::from_secs(expires_in).min(LIFETIME_MOST) })
    }
}

/// The process's token.
#[derive(Default)]
pub(crate) struct Tokens {
    latest: Mutex<Option<Token>>,
    /// Held by whoever fetches; keeps why the last fetch failed.
    flight: tokio::sync::Mutex<Option<Arc<CallError>>>,
    flights_ended: AtomicU64,
}

struct Token {
    bearer: HeaderValue,
    use_until: Instant,
    rejected: bool,
    of: Credentials,
}

/// Client id and secret, as they were at one time: they may be kept in files that change.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub client_id: Arc<str>,
    pub client_secret: Arc<str>,
}

impl Tokens {
    /// The token of these credentials; fetched where there is none that may be used. Callers who come while it is being
    /// fetched wait for that, and share its failure as well: a dead token endpoint is not asked once
    /// for each of them in turn.
    pub(crate) async fn get(
        &self,
        credentials: &Credentials,
        fetch: impl Future<Output = Result<Fetched, CallError>>,
    ) -> Result<HeaderValue, CallError> {
        if let Some(bearer) = self.usable(credentials) {
            return Ok(bearer);
        }
        let ended = self.flights_ended.load(Ordering::Acquire);
        let mut failure = self.flight.lock().await;
        if let Some(bearer) = self.usable(credentials) {
            return Ok(bearer);
        }
        if let Some(failure) = &*failure
            && self.flights_ended.load(Ordering::Acquire) != ended
        {
            return Err(CallError::NoToken(OMNIUM, Arc::clone(failure)));
        }
        let fetched = fetch.await;
        self.flights_ended.fetch_add(1, Ordering::Release);
        match fetched {
            Ok(Fetched { bearer, lifetime }) => {
                *failure = None;
                let use_until = Instant::now() + lifetime.saturating_sub(MARGIN.min(lifetime / 10));
                *self.latest.lock() = Some(Token {
                    bearer: bearer.clone(),
                    use_until,
                    rejected: false,
                    of: credentials.clone(),
                });
                Ok(bearer)
            }
            Err(error) => {
                let error = Arc::new(error);
                *failure = Some(Arc::clone(&error));
                Err(CallError::NoToken(OMNIUM, error))
            }
        }
    }

    /// Takes note that Omnium did not accept a token. Says whether it was the latest: an older one
    /// proves nothing, the latest has yet to be tried.
    pub(crate) fn reject(&self, bearer: &HeaderValue) -> bool {
        match &mut *self.latest.lock() {
            Some(token) if token.bearer == bearer => {
                token.rejected = true;
                true
            }
            _ => false,
        }
    }

    fn usable(&self, credentials: &Credentials) -> Option<HeaderValue> {
        let latest = self.latest.lock();
        let token = latest.as_ref().filter(|token| {
            !token.rejected && Instant::now() < token.use_until && token.of == *credentials
        })?;
        Some(token.bearer.clone())
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
