//! Which requests are handled at all.

use std::net::SocketAddr;

use axum::http::header::{HOST, HeaderMap, ORIGIN, VIA};
use axum::http::{Method, Uri};

use crate::auth::access::Access;
use crate::auth::public_url::PublicUrl;
use crate::auth::token::Token;
use crate::error::PageError;

/// Checks that a request is addressed to the console, directly or through its proxy, and that forms come from
/// its own pages.
pub(crate) struct RequestGuard {
    public_url: Option<PublicUrl>,
    port: u16,
    /// CSRF token of forms without a login.
    pub(crate) csrf: Token,
}

/// Set by proxies; `x-forwarded-` is a prefix.
const PROXY_HEADERS: [&str; 3] = ["forwarded", "x-real-ip", "x-forwarded-"];

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl RequestGuard {
    pub(crate) fn new(access: &Access, listening: SocketAddr) -> Self {
        Self { public_url: access.public_url.clone(), port: listening.port(), csrf: Token::random() }
    }

    /// # Errors
    /// Wrong host, unexpected proxy, or a form of another site.
    pub(crate) fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), PageError> {
        let host = host(uri, headers).unwrap_or_default();
        if !self.is_ours(&host) {
            return Err(PageError::WrongHost { expected: self.expected() });
        }
        if self.public_url.is_none() && is_proxied(headers) {
            return Err(PageError::UnexpectedProxy);
        }
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if reads || self.is_same_origin(&host, headers) { Ok(()) } else { Err(PageError::CrossSite) }
    }

    fn is_ours(&self, host: &str) -> bool {
        match &self.public_url {
            Some(url) => host == url.host(),
            None => LOOPBACK.iter().any(|name| self.with_port(name) == host),
        }
    }

    /// Browsers omit the default port.
    fn with_port(&self, name: &str) -> String {
        if self.port == 80 { name.to_owned() } else { format!("{name}:{}", self.port) }
    }

    fn expected(&self) -> String {
        match &self.public_url {
            Some(url) => url.origin().to_owned(),
            None => format!("http://{}", self.with_port("localhost")),
        }
    }

    /// By `Origin` and `Sec-Fetch-Site`: browsers send at least one with a form, and scripts of other sites can
    /// change neither.
    fn is_same_origin(&self, host: &str, headers: &HeaderMap) -> bool {
        let ours = match &self.public_url {
            Some(url) => url.origin().to_owned(),
            None => format!("http://{host}"),
        };
        let origin = headers.get(ORIGIN).map(|origin| origin.as_bytes() == ours.as_bytes());
        let site = headers.get("sec-fetch-site").map(|site| site.as_bytes() == b"same-origin");
        match (origin, site) {
            (None, None) => false,
            (origin, site) => origin.unwrap_or(true) && site.unwrap_or(true),
        }
    }
}

/// The requested host in lower case.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?,
        (None, _) => uri.authority()?.as_str(),
        _ => return None,
    };
    Some(host.to_ascii_lowercase())
}

fn is_proxied(headers: &HeaderMap) -> bool {
    headers.contains_key(VIA)
        || headers.keys().any(|name| PROXY_HEADERS.iter().any(|proxies| name.as_str().starts_with(proxies)))
}
