//! The door: which requests are looked at at all. The name that was asked for must be the console's
//! own, nobody may publish it behind its back, and forms come from its own pages only.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{HOST, HeaderMap, ORIGIN, VIA};
use axum::http::{Method, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::PageError;
use crate::access::{Access, Outside, Token};
use crate::server::App;

/// What the door knows of the console's address.
pub(crate) struct Door {
    outside: Option<Outside>,
    port: u16,
    /// The token in the forms of those who do not log in.
    pub(crate) csrf: Token,
}

/// Headers by which proxies tell of themselves; `x-forwarded-` begins several.
const BY_PROXIES: [&str; 3] = ["forwarded", "x-real-ip", "x-forwarded-"];

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Door {
    pub(crate) fn new(access: &Access, listening: SocketAddr) -> Self {
        Self { outside: access.outside.clone(), port: listening.port(), csrf: Token::random() }
    }

    /// Whether the request may come in.
    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), PageError> {
        let host = host(uri, headers).unwrap_or_default();
        if !self.is_ours(&host) {
            return Err(PageError::WrongHost { expected: self.expected() });
        }
        if self.outside.is_none() && came_through_a_proxy(headers) {
            return Err(PageError::Forwarded);
        }
        let reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
        if reads || self.is_from_our_pages(&host, headers) { Ok(()) } else { Err(PageError::CrossSite) }
    }

    fn is_ours(&self, host: &str) -> bool {
        match &self.outside {
            Some(outside) => host == outside.host(),
            None => LOOPBACK.iter().any(|name| self.named(name) == host),
        }
    }

    /// Browsers leave the port of http out.
    fn named(&self, name: &str) -> String {
        if self.port == 80 { name.to_owned() } else { format!("{name}:{}", self.port) }
    }

    fn expected(&self) -> String {
        match &self.outside {
            Some(outside) => outside.origin().to_owned(),
            None => format!("http://{}", self.named("localhost")),
        }
    }

    /// A browser always says at least one of the two with a form, and no script of another site can
    /// change either.
    fn is_from_our_pages(&self, host: &str, headers: &HeaderMap) -> bool {
        let ours = match &self.outside {
            Some(outside) => outside.origin().to_owned(),
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

/// Where the request wants to go, in small dead letters.
fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok()?,
        (None, _) => uri.authority()?.as_str(),
        _ => return None,
    };
    Some(host.to_ascii_lowercase())
}

fn came_through_a_proxy(headers: &HeaderMap) -> bool {
    headers.contains_key(VIA)
        || headers.keys().any(|name| BY_PROXIES.iter().any(|proxies| name.as_str().starts_with(proxies)))
}

/// Who asks, as attempts to log in are counted. Behind a proxy it is whom the proxy heard last.
pub(super) fn client(app: &App, peer: &ConnectInfo<SocketAddr>, headers: &HeaderMap) -> IpAddr {
    let peer = peer.0.ip();
    if app.access.outside.is_some() { behind(peer, headers) } else { peer }
}

/// Whom a proxy heard last; what comes before that in the header may be made up, and so may all of it
/// where no proxy sent it. Proxies stand near: what comes from afar is believed nothing.
fn behind(peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let told = headers.get_all("x-forwarded-for").iter().next_back().and_then(|header| header.to_str().ok());
    let told = told.and_then(|addresses| addresses.rsplit(',').next()?.trim().parse().ok());
    told.filter(|_| is_near(peer)).unwrap_or(peer)
}

/// This machine, or an address that is private (RFC 1918, RFC 4193) or of the link.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Lets a request through the door, or says why not.
pub(crate) async fn through_the_door(State(app): State<App>, request: Request, next: Next) -> Response {
    match app.door.check(request.method(), request.uri(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(error) => {
            tracing::warn!(%error, "a request was refused at the door");
            error.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_a_proxy_heard_is_believed_from_near_alone() {
        let heard: IpAddr = "203.0.113.9".parse().expect("an address");
        let headers = HeaderMap::from_iter([(
            "x-forwarded-for".parse().expect("a name"),
            "9.9.9.9, 203.0.113.9".parse().expect("a value"),
        )]);
        for near in
            ["127.0.0.1", "10.0.0.7", "172.17.0.1", "192.168.1.2", "::1", "fd00::1", "::ffff:10.0.0.7"]
        {
            assert_eq!(behind(near.parse().expect("an address"), &headers), heard, "{near}");
        }
        for far in ["198.51.100.7", "172.32.0.1", "2001:db8::1", "::ffff:198.51.100.7"] {
            let far: IpAddr = far.parse().expect("an address");
            assert_eq!(behind(far, &headers), far);
        }
        let near: IpAddr = "10.0.0.7".parse().expect("an address");
        assert_eq!(behind(near, &HeaderMap::new()), near);
    }
}
