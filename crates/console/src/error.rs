//! What goes wrong with a page, and the page that says what to do.

use std::sync::Arc;

use amqp::{BoxError, chain};
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::{HeaderValue, RETRY_AFTER};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use sync_store::StoreError;

use crate::access::{Role, UsersFileError, Viewer};
use crate::layout::{Section, page, plain};

/// Why a page cannot be shown, or something not be done. Becomes a page that says what to do.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    /// What was asked for is not there; a sentence says what that was, and where to look.
    #[error("{0}")]
    NotFound(&'static str),
    /// The address takes a form, and shows nothing by itself.
    #[error("this address takes a form")]
    FormOnly,
    /// What was sent cannot be understood; a sentence says why.
    #[error("{0}")]
    Invalid(String),
    /// The role does not go so far.
    #[error("this needs the role {needs}")]
    Forbidden {
        /// The least role that may.
        needs: Role,
    },
    /// Nobody is logged in (any more), and a page to log in on cannot be shown in its place.
    #[error("nobody is logged in")]
    LoggedOut,
    /// The form carries no token of this session, or another's.
    #[error("the form is not of this session")]
    ForeignForm,
    /// The browser says that another site sent the form, or does not say who did.
    #[error("the form was not sent by a page of this console")]
    CrossSite,
    /// Asked for under another name than the console's own.
    #[error("the console was asked for under another name than {expected}")]
    WrongHost {
        /// Its own.
        expected: String,
    },
    /// A proxy stands before a console that was not told of it.
    #[error("the request came through a proxy, and BILAG_CONSOLE_URL is not set")]
    Forwarded,
    /// Too many attempts to log in.
    #[error("too many attempts to log in")]
    TooMany {
        /// How long to wait, in seconds.
        wait: u64,
    },
    /// So many log in right now that no other is looked at.
    #[error("too many log in at once")]
    Crowded,
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The users file: nobody can be told from anybody.
    #[error(transparent)]
    Users(UsersFileError),
    /// The login at the identity provider came to nothing; a sentence says why.
    #[error("the login came to nothing")]
    Login(#[source] BoxError),
}

impl PageError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::FormOnly => StatusCode::METHOD_NOT_ALLOWED,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::LoggedOut => StatusCode::UNAUTHORIZED,
            Self::Forbidden { .. }
            | Self::ForeignForm
            | Self::CrossSite
            | Self::Forwarded
            | Self::Login(_) => StatusCode::FORBIDDEN,
            Self::WrongHost { .. } => StatusCode::MISDIRECTED_REQUEST,
            Self::TooMany { .. } | Self::Crowded => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(_) | Self::Users(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "Nothing here",
            Self::FormOnly => "This address takes a form",
            Self::Invalid(_) => "That was not understood",
            Self::Forbidden { .. } => "Your role does not allow this",
            Self::LoggedOut => "You are not logged in",
            Self::ForeignForm => "This form is too old",
            Self::CrossSite => "Sent from elsewhere",
            Self::WrongHost { .. } => "Not the address of this console",
            Self::Forwarded => "This console does not stand behind a proxy",
            Self::TooMany { .. } => "Too many attempts",
            Self::Crowded => "Too many log in right now",
            Self::Store(_) => "The store cannot be reached",
            Self::Users(_) => "The list of users cannot be read",
            Self::Login(_) => "You could not be logged in",
        }
    }

    /// What to do.
    fn content(&self) -> Markup {
        match self {
            Self::NotFound(what) => html! { p { (what) } (to_the_chain()) },
            Self::FormOnly => html! {
                p { "It shows nothing by itself: it was reached by a form, and that has not been sent again. \
                     Nothing was done." }
                p { a.button href="/letters" { "To the dead letters" } }
                (to_the_chain())
            },
            Self::Invalid(why) => html! { p { (why) } p { "Nothing was done. Go back and try again." } },
            Self::Forbidden { needs } => html! {
                p { "This needs the role " strong { (needs.as_str()) } ". Nothing was done." }
                p { "Whoever runs Bilag here gives roles: in the users file, or at the identity provider." }
                (to_the_chain())
            },
            Self::LoggedOut => html! {
                p { "Your session has ended: it ends after an hour without use, and after twelve hours in any \
                     case. Nothing was done." }
                p { a.button href="/login" { "Log in" } }
            },
            Self::ForeignForm => html! {
                p { "Since this form was shown you have logged in again, or the console was restarted. Nothing \
                     was done." }
                p { "Go back, load the page again, and send it once more." }
            },
            Self::CrossSite => html! {
                p { "The browser says that this was not sent by a page of this console, or does not say who sent \
                     it. Nothing was done." }
                p { "If you were lured here by a link or another page, close it. If a proxy before the console \
                     takes the header " code { "Origin" } " away, let it pass." }
                (to_the_chain())
            },
            Self::WrongHost { expected } => html! {
                p { "This console answers under " strong { (expected) } " only, so that no other page can borrow \
                     its name." }
                p { "Open it under that address. To have it answer under another, set "
                    code { "BILAG_CONSOLE_URL" } " to the address that browsers use, and say who may log in." }
            },
            Self::Forwarded => html! {
                p { "The request came through a proxy, and the console was not told that it has one: it might be \
                     published to people it knows nothing of." }
                p { "To run it behind a proxy, set " code { "BILAG_CONSOLE_URL" } " to the https address that \
                     browsers use, and say who may log in: " code { "BILAG_CONSOLE_USERS" } " or "
                    code { "BILAG_CONSOLE_OIDC_ISSUER" } "." }
            },
            Self::TooMany { wait } => html! {
                p { "There were too many attempts to log in with this name, or from this address. Try again in "
                    strong { (waiting(*wait)) } "; a further attempt before then changes nothing." }
                p { a.button href="/login" { "Back to the login" } }
            },
            Self::Crowded => html! {
                p { "Passwords are compared one at a time, and the line is full. Your attempt was not looked at, \
                     and is not counted. Try again in a few seconds." }
                p { a.button href="/login" { "Back to the login" } }
            },
            Self::Store(error) => html! {
                p { (error) }
                p { "The consumers wait for it as well, and go on by themselves. Nothing is lost meanwhile." }
                p { a.button href="" { "Try again" } }
            },
            Self::Users(_) => html! {
                p { "Nobody is let in until it is mended. The console's log says what is wrong with it." }
                p { a.button href="" { "Try again" } }
            },
            Self::Login(error) => html! {
                p { (sentence(&chain(error.as_ref()))) }
                p { a.button href="/login" { "Try again" } }
            },
        }
    }
}

/// An error as a sentence of its own.
fn sentence(error: &str) -> String {
    let mut letters = error.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

fn to_the_chain() -> Markup {
    html! { p { a.button href="/" { "To the chain" } } }
}

fn waiting(seconds: u64) -> String {
    match seconds {
        0..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// On its way out of the handlers; [`shown`] makes the page, which knows who looks.
#[derive(Clone)]
struct Unshown(Arc<PageError>);

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if self.status().is_server_error() {
            tracing::warn!(error = chain(&self), "a page could not be shown");
        }
        let mut response = self.status().into_response();
        if let Self::TooMany { wait } = self {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
        }
        response.extensions_mut().insert(Unshown(Arc::new(self)));
        response
    }
}

/// Gives an error its page, for whoever looks.
pub(crate) fn shown(mut response: Response, viewer: Option<&Viewer>) -> Response {
    let Some(Unshown(error)) = response.extensions_mut().remove::<Unshown>() else { return response };
    let markup = match viewer {
        Some(viewer) => page(viewer, error.title(), Section::None, error.content()),
        None => plain(error.title(), error.content()),
    };
    let headers = std::mem::take(response.headers_mut());
    let mut page = (response.status(), markup).into_response();
    page.headers_mut().extend(headers.into_iter().filter_map(|(name, value)| Some((name?, value))));
    page
}

/// Errors that were met before it was known who looks.
pub(crate) async fn as_pages(request: Request, next: Next) -> Response {
    shown(next.run(request).await, None)
}

/// What a form is sent to was opened as a page, as by a browser that comes back to it.
pub(crate) async fn form_only() -> PageError {
    PageError::FormOnly
}

/// No page has this address.
pub(crate) async fn nothing_here() -> PageError {
    PageError::NotFound("No page of this console has this address.")
}
