//! Credentials, bodies and paths are in no log and in no error, at any level and from any crate.
//!
//! A test of its own process, because the log is the process's.

#[path = "it/client.rs"]
mod client;
#[path = "common/log.rs"]
mod log;
#[path = "common/server.rs"]
mod server;

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use http_client::{Request, ServiceClient};

use client::{SERVICE, ask, client, config, error};
use log::{Log, printed};
use server::Server;

#[tokio::test]
async fn logs_and_errors_hold_no_secret_path_or_body() {
    let log = Log::capture();
    let server = Server::answering(|_, asked| async move {
        match asked.line.trim_start_matches("POST ") {
            "/mute" => std::future::pending().await,
            "/elsewhere" => (StatusCode::FOUND, [(header::LOCATION, "/hush-place")]).into_response(),
            "/created" => (StatusCode::CREATED, "hush-answer").into_response(),
            "/no" => StatusCode::UNAUTHORIZED.into_response(),
            "/broken" => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            _ => "hush-answer".into_response(),
        }
    })
    .await;
    let mut config = config(&server.url);
    config.timeout = Duration::from_millis(300);
    let service = ServiceClient::new(SERVICE, config.clone()).expect("a client");

    let mut output = format!("{config:?} {service:?} {:?} ", service.clone());
    ask(&service, "well").await.expect("a success");
    let request = Request {
        template: "/packages/{id}",
        path: &["hush-package"],
        idempotency_key: Some("key"),
        body: "hush-body".into(),
        successes: &[200],
    };
    assert_eq!(service.call(&request).await.expect("a success").status, 200);
    for path in ["mute", "elsewhere", "created", "no", "broken"] {
        output.push_str(&printed(&error(&service, path).await));
    }
    output.push_str(&printed(&error(&client("http://127.0.0.1:1/hush-base"), "").await));

    let sent = &server.asked()[1];
    assert_eq!((sent.header("authorization"), &sent.body[..]), ("Token kept-quiet", &b"hush-body"[..]));
    let log = log.text();
    for logged in
        ["the service answered", "starting new connection", "hyper", "url.template=\"/packages/{id}\""]
    {
        assert!(log.contains(logged), "the log was not captured: no {logged:?} in it");
    }
    assert!(output.contains("the service does not accept the credentials"), "{output}");
    for secret in ["kept-quiet", "hush", "/mute", "{\"a\":1}"] {
        assert!(!log.contains(secret), "{secret:?} was logged");
        assert!(!output.contains(secret), "{secret:?} is in an error");
    }
}
