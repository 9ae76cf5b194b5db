//! What is repeated within the process, what never is, and when repeating ends.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use http_client::{CallError, ServiceClient};
use tokio::time::timeout;

use crate::client::{SERVICE, ask, client, config, error};
use crate::server::Server;

#[tokio::test]
async fn retries_the_same_request_after_a_server_error() {
    let server = Server::answering(|before, _| async move {
        let status = [500, 503, 408].get(before).copied().unwrap_or(200);
        StatusCode::from_u16(status).expect("a status").into_response()
    })
    .await;
    ask(&client(&server.url), "").await.expect("a success");
    let asked = server.asked();
    assert_eq!(asked.len(), 4);
    for asked in asked {
        assert_eq!((asked.header("idempotency-key"), &asked.body[..]), ("key-1", &b"{\"a\":1}"[..]));
    }
}

#[tokio::test]
async fn calls_once_what_a_repeat_cannot_help() {
    let statuses = [201, 302, 400, 401, 403, 404, 405, 406, 407, 409, 413, 422];
    let server = Server::answering(|_, asked| async move {
        let status = asked.line["POST /".len()..].parse().expect("a number");
        StatusCode::from_u16(status).expect("a status").into_response()
    })
    .await;
    let client = client(&server.url);
    for status in statuses {
        error(&client, &status.to_string()).await;
    }
    assert_eq!(server.asked().len(), statuses.len());
}

#[tokio::test]
async fn repeating_ends_within_the_longest_call() {
    let failing = Server::answering(|_, _| async { StatusCode::BAD_GATEWAY.into_response() }).await;
    let mute = Server::answering(|_, _| std::future::pending()).await;
    let mut short = config(&mute.url);
    short.timeout = Duration::from_millis(200);
    let short = ServiceClient::new(SERVICE, short).expect("a client");
    let failing_client = client(&failing.url);
    let (failed, unanswered) = tokio::join!(
        timeout(failing_client.longest_call(), error(&failing_client, "")),
        timeout(short.longest_call(), error(&short, "")),
    );
    assert!(matches!(failed, Ok(CallError::Unavailable(..))), "{failed:?}");
    assert!(matches!(unanswered, Ok(CallError::Unanswered(..))), "{unanswered:?}");
    assert!(failing.asked().len() > 1 && mute.asked().len() > 1);
}

#[tokio::test]
async fn wrong_name_or_broken_tls_is_refused() {
    let server = Server::answering(|_, _| async { StatusCode::OK.into_response() }).await;
    for url in ["http://service.invalid", &server.url.replace("http:", "https:")] {
        let error = error(&client(url), "").await;
        assert!(matches!(error, CallError::Refused(..)), "{url}: {error:?}");
    }
    assert_eq!(server.asked().len(), 0);
}

#[tokio::test]
async fn never_follows_a_redirect() {
    let elsewhere = Server::answering(|_, _| async { StatusCode::OK.into_response() }).await;
    let location = elsewhere.url.clone();
    let server = Server::answering(move |_, _| {
        let location = location.clone();
        async move { (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, location)]).into_response() }
    })
    .await;
    let error = error(&client(&server.url), "").await;
    assert!(matches!(error, CallError::Foreign(..)), "{error:?}");
    assert_eq!(elsewhere.asked().len(), 0);
}
