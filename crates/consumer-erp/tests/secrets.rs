//! Credentials and events are in no log and in no error, at any level and from any crate.
//!
//! A test of its own process, because the log is the process's.

#[path = "client/common.rs"]
mod common;
#[path = "../../http-client/tests/common/log.rs"]
mod log;
#[path = "../../http-client/tests/common/server.rs"]
mod server;

use axum::http::StatusCode;
use axum::response::IntoResponse;
use consumer_erp::Erp;

use common::{config, deliver};
use log::{Log, printed};
use server::Server;

#[tokio::test]
async fn logs_and_errors_hold_no_credential_or_body() {
    let log = Log::capture();
    let mut output = String::new();
    for status in [200, 203, 302, 401, 500] {
        let server = Server::answering(move |_, _| async move {
            let body = if status < 300 { "hush-answer" } else { "" };
            (StatusCode::from_u16(status).expect("a status"), body).into_response()
        })
        .await;
        let config = config(&server.url);
        let erp = Erp::new(config.clone()).expect("a client");
        output.push_str(&format!("{config:?} {erp:?} "));
        let result = deliver(&erp).await;
        assert_eq!(result.is_ok(), status == 200, "{status}");
        output.extend(result.err().iter().map(|error| printed(error)));
        for asked in server.asked() {
            assert_eq!(asked.header("authorization"), "Bearer kept-quiet", "{}", asked.line);
            assert!(!asked.body.is_empty());
        }
    }
    output.push_str(&printed(
        &deliver(&Erp::new(config("http://127.0.0.1:1")).expect("a client")).await.expect_err("refused"),
    ));

    let log = log.text();
    for logged in ["the ERP answered", "hyper"] {
        assert!(log.contains(logged), "the log was not captured: no {logged:?} in it");
    }
    assert!(output.contains("the ERP does not accept the credentials"), "{output}");
    for secret in ["kept-quiet", "hush", "Bearer"] {
        assert!(!log.contains(secret), "{secret:?} was logged");
        assert!(!output.contains(secret), "{secret:?} is in an error");
    }
}
