//! Logging in and out: the pages and forms that come before a session.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{ConnectInfo, Form, Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, SET_COOKIE};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use maud::{Markup, html};
use serde::Deserialize;

use crate::PageError;
use crate::access::comparing::Place;
use crate::access::cookie::Cookie;
use crate::access::door::client;
use crate::access::oidc::{LoginError, error_code};
use crate::access::user::InLog;
use crate::access::{Checked, Oidc, Token, User, UsersFile, Viewer, Way, note, session};
use crate::layout::plain;
use crate::server::App;

/// What nobody needs to be logged in for.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/login", get(show).post(log_in))
        .route("/login/start", get(start))
        .route(Oidc::BACK, get(back))
}

/// Needs the session that it ends.
pub(crate) fn logout_routes() -> Router<App> {
    Router::new().route("/logout", post(log_out))
}

/// The login that leads to a page of the console.
pub(crate) fn login_path(wanted: &str) -> String {
    if wanted == "/" { "/login".to_owned() } else { format!("/login?next={}", escaped(wanted)) }
}

#[derive(Deserialize)]
struct Wanted {
    next: Option<String>,
}

impl Wanted {
    /// A path of this console, whatever was asked for.
    fn path(&self) -> &str {
        self.next.as_deref().filter(|next| is_ours(next)).unwrap_or("/")
    }
}

/// Whether it leads nowhere else. Browsers read `\` as `/`, and drop tabs and line breaks.
fn is_ours(next: &str) -> bool {
    next.starts_with('/') && !next.starts_with("//") && !next.contains(|c: char| c == '\\' || c.is_control())
}

async fn show(State(app): State<App>, Query(wanted): Query<Wanted>, headers: HeaderMap) -> Response {
    match &app.access.way {
        Way::Anonymous(_) => Redirect::to("/").into_response(),
        Way::Users(_) => form(&app, &headers, wanted.path(), None),
        Way::Oidc(oidc) => {
            let start = format!("/login/start?next={}", escaped(wanted.path()));
            let content = html! {
                p { "You log in at " strong { (oidc.name()) } "." }
                // A link: browsers count the redirect of a form as its target, which the policy forbids.
                p { a.button href=(start) { "Log in" } }
            };
            plain("Log in", content).into_response()
        }
    }
}

/// The form for name and password. Its token is in a cookie as well: nobody else's form logs in here.
fn form(app: &App, headers: &HeaderMap, next: &str, problem: Option<&str>) -> Response {
    let token = Cookie::Login.find(&app.access, headers).unwrap_or_else(Token::random);
    let cookie = Cookie::Login.set(&app.access, &token);
    let status = if problem.is_some() { StatusCode::FORBIDDEN } else { StatusCode::OK };
    (status, [(SET_COOKIE, cookie)], plain("Log in", fields(&token, next, problem))).into_response()
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
    State(app): State<App>,
    peer: ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(login): Form<Login>,
) -> Result<Response, PageError> {
    let Way::Users(file) = &app.access.way else {
        return Err(PageError::NotFound("Nobody logs in with a password here."));
    };
    let token = Cookie::Login.find(&app.access, &headers).ok_or(PageError::ForeignForm)?;
    if !token.is(&login.csrf) {
        return Err(PageError::ForeignForm);
    }
    let address = client(&app, &peer, &headers);
    // Before the attempt is counted: who is turned away here has not guessed.
    let place = app.comparing.stand_in_line().ok_or(PageError::Crowded)?;
    if let Err(wait) = app.attempts.begin(&login.name, address, app.clock.now()) {
        tracing::warn!(name = file.in_log(&login.name), %address, "too many attempts to log in");
        return Err(PageError::TooMany { wait });
    }
    let wanted = Wanted { next: login.next };
    match known(place, file.clone(), &login.name, login.password).await? {
        Some((user, way)) => {
            app.attempts.was_right(&login.name, address);
            enter(&app, &way, (&user, ""), wanted.path(), &headers).await
        }
        None => {
            tracing::warn!(name = file.in_log(&login.name), %address, "a login was refused");
            Ok(form(&app, &headers, wanted.path(), Some("Name or password is wrong.")))
        }
    }
}

/// Compares the password when its turn has come, away from everything else.
async fn known(
    place: Place<'_>,
    file: std::sync::Arc<UsersFile>,
    name: &str,
    password: String,
) -> Result<Option<(User, String)>, PageError> {
    let _turn = place.turn().await;
    let name = name.to_owned();
    let compared = tokio::task::spawn_blocking(move || file.log_in(&name, &password)).await;
    compared.map_err(|error| PageError::Login(error.into()))?.map_err(PageError::Users)
}

/// Opens the session and leads on. Who comes from an identity provider has a subject there, which tells
/// who it was whatever the name.
async fn enter(
    app: &App,
    way: &str,
    (user, subject): (&User, &str),
    next: &str,
    headers: &HeaderMap,
) -> Result<Response, PageError> {
    let cookie = session::open(app, way, user, headers).await?;
    let detail = if subject.is_empty() { String::new() } else { format!("sub {subject}") };
    note(app, &user.name, "login", &detail).await?;
    tracing::info!(name = %InLog(&user.name), subject, role = %user.role, "logged in");
    let mut response = Redirect::to(next).into_response();
    response.headers_mut().append(SET_COOKIE, cookie);
    response.headers_mut().append(SET_COOKIE, Cookie::Login.clear(&app.access));
    Ok(response)
}

async fn start(
    State(app): State<App>,
    peer: ConnectInfo<SocketAddr>,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Way::Oidc(oidc) = &app.access.way else {
        return Err(PageError::NotFound("Nobody logs in at an identity provider here."));
    };
    let (url, pending) = oidc.begin(wanted.path(), &app.clock).await.map_err(failed)?;
    let browser = Token::random();
    app.pending.begin(&browser, client(&app, &peer, &headers), pending);
    let cookie = Cookie::Login.set(&app.access, &browser);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&url)).into_response())
}

#[derive(Deserialize)]
struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
}

async fn back(
    State(app): State<App>,
    peer: ConnectInfo<SocketAddr>,
    Query(answer): Query<Answer>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let Way::Oidc(oidc) = &app.access.way else {
        return Err(PageError::NotFound("Nobody logs in at an identity provider here."));
    };
    let browser = Cookie::Login.find(&app.access, &headers);
    let known = browser.zip(answer.state.as_deref());
    let known = known.and_then(|(browser, state)| app.pending.take(&browser, state, app.clock.now()));
    let finished = match (known, answer) {
        (None, _) => Err(LoginError::NotBegun),
        (Some(pending), Answer { code: Some(code), error: None, .. }) => {
            let next = pending.next.clone();
            oidc.finish(code, pending, &app.clock).await.map(|known| (known, next))
        }
        (Some(_), answer) => Err(LoginError::Refused(answer.error.as_deref().map_or("nothing", error_code))),
    };
    match finished {
        Ok(((user, subject), next)) => enter(&app, &oidc.way(), (&user, &subject), &next, &headers).await,
        Err(error) => {
            tracing::warn!(address = %client(&app, &peer, &headers), error = amqp::chain(&error), "a login was refused");
            Err(failed(error))
        }
    }
}

fn failed(error: LoginError) -> PageError {
    PageError::Login(error.into())
}

/// The fields of the form are its token alone.
#[derive(Debug, Deserialize)]
struct Nothing {}

async fn log_out(State(app): State<App>, viewer: Viewer, _: Checked<Nothing>) -> Result<Response, PageError> {
    if let Some(session) = viewer.session() {
        app.store.close_session(session).await?;
        note(&app, viewer.name(), "logout", "").await?;
        tracing::info!(name = %InLog(viewer.name()), "logged out");
    }
    let cookie = Cookie::Session.clear(&app.access);
    let content = html! {
        p { "Your session has ended." }
        p { a.button href="/login" { "Log in again" } }
    };
    Ok(([(SET_COOKIE, cookie)], plain("Logged out", content)).into_response())
}

/// A text as the value of a query.
fn escaped(text: &str) -> String {
    openidconnect::url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_on_leads_nowhere_else() {
        for next in ["/", "/letters?stage=upload", "/letters/a%2Fb"] {
            assert!(is_ours(next), "{next}");
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
            assert!(!is_ours(next), "{next}");
        }
    }
}
