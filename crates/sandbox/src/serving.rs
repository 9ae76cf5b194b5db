//! Carrying a call out: to its end, and as the faults in force allow.

use std::future::Future;

use axum::Extension;
use axum::body::Body;
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use tokio::time::sleep;

use crate::answer;
use crate::connection::Wire;
use crate::echo::Requested;
use crate::faults::{End, Fate};

/// What goes back over the wire.
pub(crate) enum Reply {
    Answer(Response<Body>),
    Reset,
    Close,
}

impl Reply {
    /// The status of the answer, where one is sent.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Answer(response) => Some(response.status().as_u16()),
            Self::Reset | Self::Close => None,
        }
    }
}

/// Carries a call out to its end even where the client goes away meanwhile, as servers do: hence a
/// task of its own.
pub(crate) async fn to_its_end(
    wire: &Wire,
    call: impl Future<Output = Reply> + Send + 'static,
) -> Response<Body> {
    match tokio::spawn(call).await {
        Ok(Reply::Answer(response)) => return response,
        Ok(Reply::Reset) => wire.reset(),
        Ok(Reply::Close) => wire.close(),
        Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "a call was not handled"),
    }
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

/// Executes a call as its fate allows. Says whether it was done.
pub(crate) async fn meet(fate: Fate, execute: impl FnOnce() -> Response<Body>) -> (Reply, bool) {
    sleep(fate.delay).await;
    let (reply, done) = match fate.end {
        End::Reset => (Reply::Reset, false),
        End::Status { status, retry_after, done } => {
            let done = done && execute().status().is_success();
            let response = answer::error(status, "As it was requested of the sandbox.");
            (Reply::Answer(answer::with_retry_after(response, retry_after)), done)
        }
        End::Body { status, body } => {
            (Reply::Answer((status, Extension(Requested), body).into_response()), false)
        }
        End::AnswerLost => (Reply::Close, execute().status().is_success()),
        End::Answered => {
            let response = execute();
            let done = response.status().is_success();
            (Reply::Answer(response), done)
        }
    };
    sleep(fate.slow_answer).await;
    (reply, done)
}
