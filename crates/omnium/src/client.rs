//! The client: its calls, and the loop that each of them goes through.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::{Invoice, Uid};
use http_client::{CallError, RateLimiter, Retries, Secret, Timing, WaitTime};
use tokio::time::{Instant, sleep};

use crate::allowance::{Allowance, ApiUser, NotAllowed};
use crate::config::{AttachBy, Config, ConfigError, TenantLimit};
use crate::decision::{OMNIUM, is_repeated, read};
use crate::http::{Http, Request};
use crate::model::{Asset, FoundInvoice};
use crate::token::{Credentials, Fetched, Tokens};
use crate::{Call, metrics};

/// Omnium's API. Clones share the token, the rate limiter and the connections: one per process.
#[derive(Clone, Debug)]
pub struct Omnium(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    http: Http,
    rate_limiter: RateLimiter,
    allowance: Arc<dyn Allowance>,
    tokens: Tokens,
    client_id: Secret,
    client_secret: Secret,
    timing: Timing,
    attach_by: AttachBy,
    tenant: Option<TenantLimit>,
}

impl Omnium {
    /// A client that has not called yet. It keeps to the allowance, which all clients of a process may
    /// share, whatever their API users.
    ///
    /// # Errors
    /// The base URL cannot be one, or there are no root certificates to trust.
    pub fn new(config: Config, allowance: Arc<dyn Allowance>) -> Result<Self, ConfigError> {
        Ok(Self(Arc::new(Inner {
            http: Http::new(&config)?,
            rate_limiter: RateLimiter::new(config.max_concurrent, None),
            allowance,
            tokens: Tokens::default(),
            attach_by: config.attach_by,
            tenant: config.tenant,
            client_id: config.client_id,
            client_secret: config.client_secret,
            timing: Timing::new(config.timeout),
        })))
    }

    /// See [`Timing::longest_call`].
    pub fn longest_call(&self) -> Duration {
        self.0.timing.longest_call()
    }

    /// See [`Timing::arrives_within`].
    pub fn arrives_within(&self) -> Duration {
        self.0.timing.arrives_within()
    }

    /// Creates the invoice, or replaces the one with its id. An update may drop the files of the
    /// invoice, so this must not be called once an attach has begun.
    ///
    /// # Errors
    /// See [`CallError`]; never repeated here once it may have happened.
    pub async fn upsert_invoice(&self, invoice: &Invoice) -> Result<(), CallError> {
        self.call(&self.0.http.upsert(invoice)).await.map(drop)
    }

    /// How files come to invoices.
    pub fn attach_by(&self) -> AttachBy {
        self.0.attach_by
    }

    /// Adds a file to the invoice. By [`AttachBy::File`] a repeat may add it a second time, so look with
    /// [`find_invoice`](Self::find_invoice) before calling this again.
    ///
    /// # Errors
    /// See [`CallError`]; by [`AttachBy::File`] never repeated here once it may have happened.
    pub async fn attach(&self, invoice_id: &Uid, file_name: &str, content: Bytes) -> Result<(), CallError> {
        self.call(&self.0.http.attach(invoice_id, file_name, content)).await.map(drop)
    }

    /// Reads the invoice; `None` where there is none (404). Reads can lag a write by about a second.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn find_invoice(&self, invoice_id: &Uid) -> Result<Option<FoundInvoice>, CallError> {
        match self.call(&self.0.http.find(invoice_id)).await {
            Ok(body) => read(&body).map(Some),
            Err(CallError::NotFound(..)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads a file's content from the address that its asset has. The token goes to Omnium's own server
    /// alone; another gets the request without it, and over TLS only. `None` where the asset has no
    /// address that can be asked.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::NotFound`] where the address knows no such file.
    pub async fn download(&self, asset: &Asset) -> Result<Option<Bytes>, CallError> {
        let request = asset.url.as_deref().and_then(|address| self.0.http.download(address));
        match request {
            Some(request) => self.call(&request).await.map(Some),
            None => Ok(None),
        }
    }

    /// Makes a call with a token until it succeeds, or may not be repeated here.
    async fn call(&self, request: &Request) -> Result<Bytes, CallError> {
        let Inner { http, tokens, .. } = &*self.0;
        let (mut wait_time, mut retries) = (WaitTime::new(Instant::now()), Retries::new());
        let mut refreshed = false;
        loop {
            let credentials = self.credentials();
            let token = wait_time.bound(tokens.get(&credentials, self.fetch_token(&credentials))).await;
            let token = token.map_err(|reason| CallError::rate_limited(OMNIUM, reason))??;
            let result = {
                let _permit = self.permit(&mut wait_time).await?;
                http.send(request, Some(&token)).await
            };
            let error = match result {
                Ok(body) => return Ok(body),
                Err(error) => error,
            };
            match error {
                // The rate limiter decides whether to wait, for this call as for all others.
                CallError::Throttled { retry_after, .. } => self.hold(retry_after),
                CallError::Unauthorized(..) if !refreshed && http.tells_token(request) => {
                    refreshed = tokens.reject(&token);
                }
                error => match pause(request.call, &error, &mut retries) {
                    Some(wait) if wait_time.spend(wait) => sleep(wait).await,
                    _ => return Err(error),
                },
            }
        }
    }

    /// Waits until a request may be made: first among those of this process, then among all.
    async fn permit(&self, wait_time: &mut WaitTime) -> Result<impl Send, CallError> {
        let limited = |reason| CallError::rate_limited(OMNIUM, reason);
        let Inner { rate_limiter, allowance, timing, .. } = &*self.0;
        let permit = rate_limiter.acquire(wait_time).await.map_err(limited)?;
        let allowed = allowance.take(&self.user(), timing.timeout(), wait_time).await;
        let allowed = allowed.map_err(|reason| match reason {
            NotAllowed::RateLimit(reason) => limited(reason),
            NotAllowed::Unknown(error) => CallError::NotAllowed(OMNIUM, error),
        })?;
        wait_time.may_send(Instant::now()).map_err(limited)?;
        Ok((permit, allowed))
    }

    /// Obeys a 429, and lets all others obey it.
    fn hold(&self, retry_after: Duration) {
        self.0.rate_limiter.hold(retry_after);
        self.0.allowance.hold(&self.user(), retry_after);
    }

    /// Who calls, with the client id as it is now.
    fn user(&self) -> ApiUser {
        ApiUser::new(self.0.http.base(), &self.0.client_id, self.0.tenant.as_ref())
    }

    /// As they are now.
    fn credentials(&self) -> Credentials {
        let Inner { client_id, client_secret, .. } = &*self.0;
        Credentials { client_id: client_id.expose(), client_secret: client_secret.expose() }
    }

    async fn fetch_token(&self, credentials: &Credentials) -> Result<Fetched, CallError> {
        let http = &self.0.http;
        let request = http.token(credentials);
        let (mut wait_time, mut retries) = (WaitTime::new(Instant::now()), Retries::new());
        loop {
            let result = {
                let _permit = self.permit(&mut wait_time).await?;
                http.send(&request, None).await
            };
            match result.and_then(|body| Fetched::read(&body)) {
                Ok(token) => {
                    metrics::token_fetched();
                    return Ok(token);
                }
                Err(CallError::Throttled { retry_after, .. }) => self.hold(retry_after),
                Err(error) => match pause(Call::Token, &error, &mut retries) {
                    Some(wait) if wait_time.spend(wait) => sleep(wait).await,
                    _ => return Err(error),
                },
            }
        }
    }
}

/// How long to wait before a call is made again; `None` where it is not.
fn pause(call: Call, error: &CallError, retries: &mut Retries) -> Option<Duration> {
    is_repeated(call, error).then(|| retries.next_wait()).flatten()
}
