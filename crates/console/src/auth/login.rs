//! Login and logout: the pages and forms before a session.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use crate::audit::note;
use crate::auth::access::{Access, AuthMode};
use crate::auth::oidc::{LoginError, Oidc, PendingLogins, error_code};
use crate::auth::rate_limit::{LoginLimits, Place, client_address};
use crate::auth::session::{Cookie, Sessions};
use crate::auth::token::Token;
use crate::auth::user::{InLog, User};
use crate::auth::users_file::UsersFile;
use crate::auth::viewer::{CsrfForm, Viewer};
use crate::clock::Clock;
use crate::components::encoded;
use crate::error::PageError;
use crate::layout::plain;
use crate::state::{AppState, Settings};

const NO_OIDC: &str = "This console has no login by OpenID Connect.";

/// Routes before the login.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/login", get(show).post(log_in))
        .route("/login/start", get(start))
        .route(Oidc::CALLBACK, get(callback))
}

/// Routes behind the login.
pub(crate) fn logout_routes() -> Router<AppState> {
    Router::new().route("/logout", post(log_out))
}

/// Path of the login that leads to a page.
pub(crate) fn login_path(wanted: &str) -> String {
    if wanted == "/" { "/login".to_owned() } else { format!("/login?next={}", encoded(wanted)) }
}

#[derive(Deserialize)]
struct Wanted {
    next: Option<String>,
}

impl Wanted {
    /// A path of this console, whatever was requested.
    fn path(&self) -> &str {
        self.next.as_deref().filter(|next| is_local(next)).unwrap_or("/")
    }
}

/// Browsers read `\` as `/`, and drop tabs and line breaks.
fn is_local(next: &str) -> bool {
    next.starts_with('/') && !next.starts_with("//") && !next.contains(|c: char| c == '\\' || c.is_control())
}

async fn show(
    State(access): State<Arc<Access>>,
    State(settings): State<Arc<Settings>>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Response {
    match &access.mode {
        AuthMode::Anonymous(_) => Redirect::to("/").into_response(),
        AuthMode::Users(_) => form(&access, &settings, &headers, wanted.path(), None),
        AuthMode::Oidc(oidc) => {
            let start = format!("/login/start?next={}", encoded(wanted.path()));
            let content = html! {
                p { "You log in at " strong { (oidc.host()) } "." }
                // A link: browsers apply form-action of the policy to a form's redirect.
                p { a.button href=(start) { "Log in" } }
            };
            plain(&settings, "Log in", content).into_response()
        }
    }
}

/// The form for name and password. Its token is also in a cookie: another site's form cannot log in.
fn form(
    access: &Access,
    settings: &Settings,
    headers: &HeaderMap,
    next: &str,
    problem: Option<&str>,
) -> Response {
    let token = Cookie::Login.find(access, headers).unwrap_or_else(Token::random);
    let cookie = Cookie::Login.set(access, &token);
    let status = if problem.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    let page = plain(settings, "Log in", fields(&token, next, problem));
    (status, [(SET_COOKIE, cookie)], page).into_response()
}

fn fields(token: &Token, next: &str, problem: Option<&str>) -> Markup {
    html! {
        @if let Some(problem) = problem { p.notice.bad role="alert" { (problem) } }
        form.stack method="post" action="/login" {
            input type="hidden" name="csrf" value=(token.expose());
            input type="hidden" name="next" value=(next);
            div {
                label for="name" { "Name" }
                input #name name="name" autocomplete="username" autocapitalize="none" spellcheck="false" required autofocus;
            }
            div {
                label for="password" { "Password" }
                input #password name="password" type="password" autocomplete="current-password" required;
            }
            button { "Log in" }
        }
    }
}

#[derive(Deserialize)]
struct Login {
    name: String,
    password: String,
    csrf: String,
    next: Option<String>,
}

async fn log_in(
    State(sessions): State<Sessions>,
    State(limits): State<Arc<LoginLimits>>,
    State(settings): State<Arc<Settings>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Result<Response, PageError> {
    let access = &sessions.access;
    let AuthMode::Users(file) = &access.mode else {
        return Err(PageError::NotFound("This console has no login by password."));
    };
    let token = Cookie::Login.find(access, &headers).ok_or(PageError::CsrfMismatch)?;
    if !token.is(&login.csrf) {
        return Err(PageError::CsrfMismatch);
    }
    let address = client_address(access, peer, &headers);
    // Before the attempt is counted: it was no guess.
    let place = limits.passwords.enter().ok_or(PageError::LoginQueueFull)?;
    if let Err(wait) = limits.attempts.begin(&login.name, address, sessions.clock.now()) {
        tracing::warn!(name = file.in_log(&login.name), %address, "too many attempts to log in");
        return Err(PageError::RateLimited { wait });
    }
    let wanted = Wanted { next: login.next };
    match verify(place, file.clone(), &login.name, login.password).await? {
        Some((user, mark)) => {
            limits.attempts.succeeded(&login.name, address);
            enter(&sessions, &mark, (&user, ""), wanted.path(), &headers).await
        }
        None => {
            tracing::warn!(name = file.in_log(&login.name), %address, "login failed");
            Ok(form(access, &settings, &headers, wanted.path(), Some("Wrong name or password.")))
        }
    }
}

/// Verifies the password in its turn, on a blocking thread.
async fn verify(
    place: Place<'_>,
    file: Arc<UsersFile>,
    name: &str,
    password: String,
) -> Result<Option<(User, String)>, PageError> {
    let _turn = place.turn().await;
    let name = name.to_owned();
    let verified = tokio::task::spawn_blocking(move || file.log_in(&name, &password)).await;
    verified.map_err(|error| PageError::Login(error.into()))?.map_err(PageError::Users)
}

/// Opens the session and redirects. The audit log gets the identity provider's subject, which identifies a person
/// whatever their name.
async fn enter(
    sessions: &Sessions,
    mark: &str,
    (user, subject): (&User, &str),
    next: &str,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let cookie = sessions.open(mark, user, headers).await?;
    let detail = if subject.is_empty() { String::new() } else { format!("sub {subject}") };
    note(sessions.store.as_ref(), &user.name, "login", &detail).await?;
    tracing::info!(name = %InLog(&user.name), subject, role = %user.role, "logged in");
    let mut response = Redirect::to(next).into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    response.headers_mut().append(SET_COOKIE, Cookie::Login.clear(&sessions.access));
    Ok(response)
}

async fn start(
    State(access): State<Arc<Access>>,
    State(pending): State<Arc<PendingLogins>>,
    State(clock): State<Clock>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let AuthMode::Oidc(oidc) = &access.mode else {
        return Err(PageError::NotFound(NO_OIDC));
    };
    let (url, login) = oidc.start(wanted.path(), &clock).await.map_err(failed)?;
    let browser = Token::random();
    pending.add(&browser, client_address(&access, peer, &headers), login);
    let cookie = Cookie::Login.set(&access, &browser);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&url)).into_response())
}

#[derive(Deserialize)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

async fn callback(
    State(sessions): State<Sessions>,
    State(pending): State<Arc<PendingLogins>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let AuthMode::Oidc(oidc) = &sessions.access.mode else {
        return Err(PageError::NotFound(NO_OIDC));
    };
    let browser = Cookie::Login.find(&sessions.access, &headers);
    let login = browser.zip(answer.state.as_deref());
    let login = login.and_then(|(browser, state)| pending.take(&browser, state, sessions.clock.now()));
    let finished = match (login, answer) {
        (None, _) => Err(LoginError::NotStarted),
        (Some(login), Answer { code: Some(code), error: None, .. }) => {
            let next = login.next.clone();
            oidc.finish(code, login, &sessions.clock).await.map(|user| (user, next))
        }
        (Some(_), answer) => Err(LoginError::Refused(answer.error.as_deref().map_or("nothing", error_code))),
    };
    match finished {
        Ok(((user, subject), next)) => {
            enter(&sessions, &oidc.session_mark(), (&user, &subject), &next, &headers).await
        }
        Err(error) => {
            let address = client_address(&sessions.access, peer, &headers);
            tracing::warn!(%address, error = amqp::chain(&error), "login failed");
            Err(failed(error))
        }
    }
}

fn failed(error: LoginError) -> PageError {
    PageError::Login(error.into())
}

/// The form has no fields but its token.
#[derive(Debug, Deserialize)]
struct Nothing {}

async fn log_out(
    State(sessions): State<Sessions>,
    State(settings): State<Arc<Settings>>,
    viewer: Viewer,
    _: CsrfForm<Nothing>,
) -> Result<Response, PageError> {
    if let Some(session) = viewer.session() {
        sessions.store.close_session(session).await?;
        note(sessions.store.as_ref(), viewer.name(), "logout", "").await?;
        tracing::info!(name = %InLog(viewer.name()), "logged out");
    }
    let cookie = Cookie::Session.clear(&sessions.access);
    let content = html! {
        p { "Your session has ended." }
        p { a.button href="/login" { "Log in again" } }
    };
    Ok(([(SET_COOKIE, cookie)], plain(&settings, "Logged out", content)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_only_within_the_console() {
        for next in ["/", "/letters?stage=upload", "/letters/a%2Fb"] {
            assert!(is_local(next), "{next}");
        }
        for next in [
            "",
            "letters",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "javascript:x",
        ] {
            assert!(!is_local(next), "{next}");
        }
    }
}
