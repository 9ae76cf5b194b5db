//! What Omnium allows one API user, and who sees to it that all processes together keep to it.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http_client::{Bucket, RateLimitError, RateLimiter, Secret, Url, WaitTime};
use sha2::{Digest, Sha256};

use crate::config::TenantLimit;

/// Omnium: so many requests of one API user at once.
pub const CONCURRENT: u32 = 20;

/// Omnium: a bucket of 12,000 requests for one API user, refilled by 1,000 every 10 s. As it is reckoned
/// here, it holds less and is refilled evenly: nobody knows when a period of theirs begins, and 1,000
/// requests less make up for that, whenever it does. Another 100 make up for requests that are sent up
/// to a second after they were taken from the bucket.
pub const BUCKET: Bucket = Bucket { capacity: 12_000 - 1_000 - 100, refill_per_second: 100 };

/// Omnium: so many requests at once of one Omnium tenant, over all its API users.
pub const CONCURRENT_OF_TENANT: u16 = 40;

/// Names an API user to those who share its limits, and to nobody else: a hash of the API's URL and the
/// client id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ApiUser {
    name: String,
    tenant: Option<(String, u32)>,
}

impl ApiUser {
    pub(crate) fn new(base: &Url, client_id: &Secret, tenant: Option<&TenantLimit>) -> Self {
        let base = base.as_str().trim_end_matches('/');
        let name = |of: &str| hex::encode(&Sha256::digest(format!("{base}\n{of}"))[..8]);
        let client_id = client_id.expose();
        let tenant = tenant.map(|TenantLimit { name: tenant, concurrent }| {
            (name(&format!("tenant\n{}", tenant.as_deref().unwrap_or(&client_id))), *concurrent)
        });
        Self { name: name(&client_id), tenant }
    }

    /// Sixteen hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// Its Omnium tenant, named as it is, and how many requests of all its API users may be in flight; `None`
    /// where that is no further limit.
    pub fn tenant(&self) -> Option<(&str, u32)> {
        self.tenant.as_ref().map(|(name, concurrent)| (name.as_str(), *concurrent))
    }
}

/// Lets requests through, so many at once and so fast that all processes together stay within an API
/// user's limits.
#[async_trait]
pub trait Allowance: fmt::Debug + Send + Sync {
    /// Waits until a request may be made that takes no longer than `longest`.
    ///
    /// # Errors
    /// See [`NotAllowed`].
    async fn take<'a>(
        &'a self,
        user: &ApiUser,
        longest: Duration,
        wait_time: &mut WaitTime,
    ) -> Result<Allowed<'a>, NotAllowed>;

    /// Omnium has answered 429: no process is to send anything for so long.
    fn hold(&self, user: &ApiUser, retry_after: Duration);
}

/// A request that may be in flight, until this is dropped.
pub struct Allowed<'a>(#[expect(dead_code, reason = "it is there to be dropped")] Box<dyn Send + Sync + 'a>);

impl<'a> Allowed<'a> {
    /// What gives it back when it is dropped.
    pub fn new(given_back: impl Send + Sync + 'a) -> Self {
        Self(Box::new(given_back))
    }
}

/// Why a request may not be made now.
#[derive(Debug)]
pub enum NotAllowed {
    /// A limit does not allow it in time.
    RateLimit(RateLimitError),
    /// What processes share cannot be asked.
    Unknown(Box<dyn std::error::Error + Send + Sync>),
}

/// For a process that is the only one of its API user.
#[derive(Debug)]
pub struct Alone(RateLimiter);

impl Default for Alone {
    fn default() -> Self {
        Self(RateLimiter::new(CONCURRENT as usize, Some(BUCKET)))
    }
}

#[async_trait]
impl Allowance for Alone {
    async fn take<'a>(
        &'a self,
        _: &ApiUser,
        _: Duration,
        wait_time: &mut WaitTime,
    ) -> Result<Allowed<'a>, NotAllowed> {
        self.0.acquire(wait_time).await.map(Allowed::new).map_err(NotAllowed::RateLimit)
    }

    fn hold(&self, _: &ApiUser, retry_after: Duration) {
        self.0.hold(retry_after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn api_user_is_a_hash_of_url_and_client_id() {
        let user = |base: &str, id: &str| {
            ApiUser::new(&base.parse().expect("a URL"), &Secret::new(id), None).as_str().to_owned()
        };
        let one = user("https://api.example", "client-a");
        assert_eq!(one, user("https://api.example/", "client-a"));
        assert_ne!(one, user("https://api.example", "client-b"));
        assert_ne!(one, user("https://test.example", "client-a"));
        assert!(one.len() == 16 && !one.contains("client"), "{one}");
    }

    #[test]
    fn api_users_of_a_named_tenant_share_its_limit() {
        let tenant = |base: &str, id: &str, name: Option<&str>| {
            let limit = TenantLimit { name: name.map(str::to_owned), concurrent: 5 };
            let user = ApiUser::new(&base.parse().expect("a URL"), &Secret::new(id), Some(&limit));
            let (tenant, concurrent) = user.tenant().expect("a limit");
            assert!(concurrent == 5 && tenant.len() == 16 && tenant != user.as_str());
            tenant.to_owned()
        };
        let one = tenant("https://api.example", "client-a", Some("nordlys"));
        assert_eq!(one, tenant("https://api.example", "client-b", Some("nordlys")));
        assert_ne!(one, tenant("https://api.example", "client-a", Some("skogen")));
        assert_ne!(one, tenant("https://test.example", "client-a", Some("nordlys")));
        let alone = tenant("https://api.example", "client-a", None);
        assert_ne!(alone, tenant("https://api.example", "client-b", None));
    }
}
