//! Pages for errors: what happened, and what to do.

use std::sync::Arc;

use amqp::chain;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use crate::auth::viewer::Viewer;
use crate::error::{PageError, Unrendered};
use crate::layout::{Section, page, plain};
use crate::state::Settings;

/// Renders a response's error for the viewer, if it has one.
pub(crate) fn render_for(viewer: &Viewer, response: Response) -> Response {
    render(response, |title, content| page(viewer, title, Section::None, content))
}

fn render(mut response: Response, frame: impl Fn(&str, Markup) -> Markup) -> Response {
    let Some(Unrendered(error)) = response.extensions_mut().remove::<Unrendered>() else { return response };
    let markup = frame(title(&error), content(&error));
    let headers = std::mem::take(response.headers_mut());
    let mut page = (response.status(), markup).into_response();
    page.headers_mut().extend(headers.into_iter().filter_map(|(name, value)| Some((name?, value))));
    page
}

/// Middleware: renders errors from before the login.
pub(crate) async fn render_errors(
    State(settings): State<Arc<Settings>>,
    request: Request,
    next: Next,
) -> Response {
    render(next.run(request).await, |title, content| plain(&settings, title, content))
}

/// A form's address was opened as a page.
pub(crate) async fn method_not_allowed() -> PageError {
    PageError::FormOnly
}

pub(crate) async fn not_found() -> PageError {
    PageError::NotFound("This console has no page at this address.")
}

fn title(error: &PageError) -> &'static str {
    match error {
        PageError::NotFound(_) => "Not found",
        PageError::FormOnly => "This address accepts forms only",
        PageError::Invalid(_) => "Invalid request",
        PageError::Forbidden { .. } => "Your role does not allow this",
        PageError::LoggedOut => "You are not logged in",
        PageError::CsrfMismatch => "This form has expired",
        PageError::CrossSite => "Sent by another site",
        PageError::WrongHost { .. } => "Wrong address",
        PageError::UnexpectedProxy => "Unexpected proxy",
        PageError::RateLimited { .. } => "Too many failed logins",
        PageError::LoginQueueFull => "Too many concurrent logins",
        PageError::Store(_) => "The store is unavailable",
        PageError::Users(_) => "The users file cannot be read",
        PageError::Login(_) => "Login failed",
    }
}

/// What happened, and what to do.
fn content(error: &PageError) -> Markup {
    match error {
        PageError::NotFound(what) => html! { p { (what) } (to_the_chain()) },
        PageError::FormOnly => html! {
            p { "It was opened as a page, as when a browser reloads, and the form was not sent again. Nothing was \
                 changed." }
            p { a.button href="/letters" { "To the dead letters" } }
            (to_the_chain())
        },
        PageError::Invalid(why) => html! { p { (why) } p { "Nothing was changed. Go back and try again." } },
        PageError::Forbidden { needs } => html! {
            p { "This needs the role " strong { (needs.as_str()) } ". Nothing was changed." }
            p { "Administrators assign roles in the users file or at the identity provider." }
            (to_the_chain())
        },
        PageError::LoggedOut => html! {
            p { "Your session has expired: after an hour without use, or after twelve hours. Nothing was changed." }
            p { a.button href="/login" { "Log in" } }
        },
        PageError::CsrfMismatch => html! {
            p { "You have logged in again or the console was restarted since this form was loaded. Nothing was \
                 changed." }
            p { "Go back, reload the page, and send the form again." }
        },
        PageError::CrossSite => html! {
            p { "According to the browser, the form was not sent by a page of this console, or its origin is \
                 unknown. Nothing was changed." }
            p { "If a link or another page led you here, close it. If a proxy in front of the console removes the \
                 header " code { "Origin" } ", let it pass." }
            (to_the_chain())
        },
        PageError::WrongHost { expected } => html! {
            p { "This console is served at " strong { (expected) } " only, to prevent DNS rebinding." }
            p { "Open it there. To serve it under another address, set "
                code { "BILAG_CONSOLE_URL" } " to the URL that browsers use, and configure a login." }
        },
        PageError::UnexpectedProxy => html! {
            p { "The request came through a proxy, and the console is not configured for one: it might be \
                 published by accident." }
            p { "To run it behind a proxy, set " code { "BILAG_CONSOLE_URL" } " to the https URL that browsers \
                 use, and configure a login: " code { "BILAG_CONSOLE_USERS" } " or "
                code { "BILAG_CONSOLE_OIDC_ISSUER" } "." }
        },
        PageError::RateLimited { wait } => html! {
            p { "There were too many failed logins with this name or from this address. Try again in "
                strong { (duration(*wait)) } "." }
            p { a.button href="/login" { "Back to the login" } }
        },
        PageError::LoginQueueFull => html! {
            p { "Passwords are verified one at a time, and the queue is full. Your attempt is not counted. Try \
                 again in a few seconds." }
            p { a.button href="/login" { "Back to the login" } }
        },
        PageError::Store(error) => html! {
            p { (error) }
            p { "The consumers wait for it too, and resume by themselves. Nothing is lost." }
            p { a.button href="" { "Try again" } }
        },
        PageError::Users(_) => html! {
            p { "Nobody can log in until it is fixed. The console's log has the error." }
            p { a.button href="" { "Try again" } }
        },
        PageError::Login(error) => html! {
            p { (sentence(&chain(error.as_ref()))) }
            p { a.button href="/login" { "Try again" } }
        },
    }
}

/// Capitalised, with a full stop.
fn sentence(error: &str) -> String {
    let mut chars = error.chars();
    chars.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), chars.as_str()))
}

fn to_the_chain() -> Markup {
    html! { p { a.button href="/" { "To the chain" } } }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}
