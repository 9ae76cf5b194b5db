//! Sessions and their cookies: opened at login, ended by timeout, logout or `bilag console revoke`.

use std::sync::Arc;

use axum::http::header::{COOKIE, HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use sync_store::{Session, StoreError, SyncStore};

use crate::auth::access::{Access, AuthMode};
use crate::auth::oidc::LOGIN_TIMEOUT;
use crate::auth::token::Token;
use crate::auth::user::User;
use crate::auth::viewer::Viewer;
use crate::clock::Clock;
use crate::error::PageError;

/// Opens and finds sessions.
#[derive(Clone)]
pub(crate) struct Sessions {
    pub(crate) store: Arc<dyn SyncStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) clock: Clock,
}

/// Without a request.
const IDLE_TIMEOUT: TimeDelta = TimeDelta::hours(1);
const MAX_AGE: TimeDelta = TimeDelta::hours(12);
/// Minimum interval between updates of the last use.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Header of a page's automatic refreshes, which are no use by a person.
const REFRESH: &str = "x-renew";

impl Sessions {
    /// Opens a session under a new token, and closes the one that the browser had. Returns the cookie.
    pub(crate) async fn open(
        &self,
        mark: &str,
        user: &User,
        headers: &HeaderMap,
    ) -> Result<HeaderValue, StoreError> {
        let now = self.clock.now();
        self.store.remove_sessions(now, now - IDLE_TIMEOUT).await?;
        if let Some(before) = Cookie::Session.find(&self.access, headers) {
            self.store.close_session(&before.hash()).await?;
        }
        let token = Token::random();
        let session = Session {
            id: token.hash(),
            way: mark.to_owned(),
            who: user.name.clone(),
            role: user.role.as_str().to_owned(),
            csrf: Token::random().expose().to_owned(),
            opened_at: now,
            seen_at: now,
            ends_at: now + MAX_AGE,
        };
        self.store.open_session(&session).await?;
        Ok(Cookie::Session.set(&self.access, &token))
    }

    /// The viewer by session cookie; `None` without a live session.
    ///
    /// # Errors
    /// The store or the users file cannot be read.
    pub(crate) async fn find(&self, headers: &HeaderMap) -> Result<Option<Viewer>, PageError> {
        let Some(token) = Cookie::Session.find(&self.access, headers) else { return Ok(None) };
        let Some(session) = self.store.session(&token.hash()).await? else { return Ok(None) };
        let now = self.clock.now();
        let user = if is_alive(&session, now) { self.user(&session)? } else { None };
        let Some(user) = user else {
            self.store.close_session(&session.id).await?;
            return Ok(None);
        };
        let is_use = !headers.contains_key(REFRESH);
        if is_use && now - session.seen_at >= SEEN_EVERY {
            self.store.touch_session(&session.id, now).await?;
        }
        Ok(Some(Viewer::of(user, Token::known(session.csrf), session.id)))
    }

    /// The user as of now: a removed user or a changed password ends the session, a changed role applies at once.
    fn user(&self, session: &Session) -> Result<Option<User>, PageError> {
        Ok(match &self.access.mode {
            AuthMode::Anonymous(_) => None,
            AuthMode::Users(file) => {
                let known = file.users().map_err(PageError::Users)?;
                let known = known.iter().find(|known| known.user.name == session.who);
                known.filter(|known| known.session_mark() == session.way).map(|known| known.user.clone())
            }
            AuthMode::Oidc(oidc) if session.way == oidc.session_mark() => {
                session.role.parse().ok().map(|role| User { name: session.who.clone(), role })
            }
            AuthMode::Oidc(_) => None,
        })
    }
}

/// Whether a stored session is within its timeouts.
pub fn is_alive(session: &Session, now: DateTime<Utc>) -> bool {
    now < session.ends_at && now - session.seen_at < IDLE_TIMEOUT
}

/// The console's cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// Session token.
    Session,
    /// Binds a login to the browser that started it.
    Login,
}

impl Cookie {
    /// Browsers accept `__Host-` over https only, for this host only.
    fn name(self, access: &Access) -> String {
        let name = match self {
            Self::Session => "bilag",
            Self::Login => "bilag-login",
        };
        if access.is_https() { format!("__Host-{name}") } else { name.to_owned() }
    }

    pub(crate) fn find(self, access: &Access, headers: &HeaderMap) -> Option<Token> {
        let name = self.name(access);
        let sent = headers.get_all(COOKIE).into_iter().filter_map(|header| header.to_str().ok());
        let mut pairs =
            sent.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| Token::known(value))
    }

    pub(crate) fn set(self, access: &Access, token: &Token) -> HeaderValue {
        let max_age = match self {
            Self::Session => String::new(),
            Self::Login => format!("; Max-Age={}", LOGIN_TIMEOUT.num_seconds()),
        };
        self.header(access, token.expose(), &max_age)
    }

    pub(crate) fn clear(self, access: &Access) -> HeaderValue {
        self.header(access, "", "; Max-Age=0")
    }

    fn header(self, access: &Access, value: &str, max_age: &str) -> HeaderValue {
        // Lax, so that the redirect from the identity provider and links in mails find the session.
        let secure = if access.is_https() { "; Secure" } else { "" };
        let name = self.name(access);
        let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{max_age}");
        HeaderValue::from_str(&cookie).expect("names and tokens are plain ASCII")
    }
}
