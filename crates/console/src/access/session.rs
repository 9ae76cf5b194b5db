//! Sessions: opened at a login, found again by their cookie, ended by time, by logging out, or by
//! whoever runs Bilag.

use axum::http::header::{HeaderMap, HeaderValue};
use chrono::{DateTime, TimeDelta, Utc};
use sync_store::{Session, StoreError};

use crate::PageError;
use crate::access::cookie::Cookie;
use crate::access::{Token, User, Viewer, Way};
use crate::server::App;

/// Without a page asked for.
const IDLE: TimeDelta = TimeDelta::hours(1);
/// In any case.
const LONGEST: TimeDelta = TimeDelta::hours(12);
/// Written down no more often than this.
const SEEN_EVERY: TimeDelta = TimeDelta::minutes(1);

/// The header of requests that pages make by themselves, to renew a part: nobody may be there.
const RENEWS: &str = "x-renew";

/// Opens a session under a new token, and ends the one that the browser had.
///
/// # Errors
/// The store.
pub(super) async fn open(
    app: &App,
    way: &str,
    user: &User,
    headers: &HeaderMap,
) -> Result<HeaderValue, StoreError> {
    let now = app.clock.now();
    app.store.remove_sessions(now, now - IDLE).await?;
    if let Some(before) = Cookie::Session.find(&app.access, headers) {
        app.store.close_session(&before.hash()).await?;
    }
    let token = Token::random();
    let session = Session {
        id: token.hash(),
        way: way.to_owned(),
        who: user.name.clone(),
        role: user.role.as_str().to_owned(),
        csrf: Token::random().expose().to_owned(),
        opened_at: now,
        seen_at: now,
        ends_at: now + LONGEST,
    };
    app.store.open_session(&session).await?;
    Ok(Cookie::Session.set(&app.access, &token))
}

/// Whether a session that is kept still counts.
pub fn is_alive(session: &Session, now: DateTime<Utc>) -> bool {
    now < session.ends_at && now - session.seen_at < IDLE
}

/// Who has the session that the browser names; `None` where there is none (any more).
///
/// # Errors
/// The store, or the users file.
pub(super) async fn find(app: &App, headers: &HeaderMap) -> Result<Option<Viewer>, PageError> {
    let Some(token) = Cookie::Session.find(&app.access, headers) else { return Ok(None) };
    let Some(session) = app.store.session(&token.hash()).await? else { return Ok(None) };
    let now = app.clock.now();
    let user = if is_alive(&session, now) { user(app, &session)? } else { None };
    let Some(user) = user else {
        app.store.close_session(&session.id).await?;
        return Ok(None);
    };
    let is_used = !headers.contains_key(RENEWS);
    if is_used && now - session.seen_at >= SEEN_EVERY {
        app.store.touch_session(&session.id, now).await?;
    }
    Ok(Some(Viewer::of(user, Token::known(session.csrf), session.id)))
}

/// Who it is as of now: a user that was taken out of the file, or has another password, has no
/// session any more; one with another role has it at once.
fn user(app: &App, session: &Session) -> Result<Option<User>, PageError> {
    Ok(match &app.access.way {
        Way::Anonymous(_) => None,
        Way::Users(file) => {
            let known = file.users().map_err(PageError::Users)?;
            let known = known.iter().find(|known| known.user.name == session.who);
            known.filter(|known| known.way() == session.way).map(|known| known.user.clone())
        }
        Way::Oidc(oidc) if session.way == oidc.way() => {
            session.role.parse().ok().map(|role| User { name: session.who.clone(), role })
        }
        Way::Oidc(_) => None,
    })
}
