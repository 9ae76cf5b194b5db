//! The stand-in for an incoming webhook of Slack: `POST /chat` takes a text, and answers `ok`. A body that Slack does
//! not take is answered as Slack documents: 400 with `invalid_payload` or `no_text`.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::Value;

pub use crate::{Call, Fault, Rule};

use crate::http::Caller;
use crate::recorder::Recorded;
use crate::{About, Service, StandIn, ViolationKind};

/// The stand-in for a chat.
pub type Chat = StandIn<Api>;

/// The chat's part of its stand-in.
#[derive(Default)]
pub struct Api(Mutex<Vec<String>>);

/// What the chat holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// The texts, in the order in which they were posted.
    pub texts: Vec<String>,
}

impl Service for Api {
    const PATH: &'static str = "/chat";
    const CONDITIONS: &'static [&'static str] = &["call"];
    type Facts = Facts;

    fn facts(&self) -> Facts {
        Facts { texts: self.0.lock().clone() }
    }

    fn routes() -> Router<Chat> {
        Router::new().route("/chat", post(take))
    }
}

async fn take(State(chat): State<Chat>, caller: Caller, body: Bytes) -> Response {
    let is_json = caller.check_json().is_ok();
    let execute = move |chat: &Api, call: &Recorded<'_>| {
        let refuse = |error: &'static str| {
            call.violation(ViolationKind::Malformed);
            (StatusCode::BAD_REQUEST, error).into_response()
        };
        match serde_json::from_slice(&body) {
            Ok(Value::Object(members)) if is_json => match members.get("text") {
                Some(Value::String(text)) if !text.is_empty() => {
                    chat.0.lock().push(text.clone());
                    "ok".into_response()
                }
                _ => refuse("no_text"),
            },
            _ => refuse("invalid_payload"),
        }
    };
    chat.answer(caller, Call::Notify, About::default(), |_, _| Ok(()), execute).await
}
