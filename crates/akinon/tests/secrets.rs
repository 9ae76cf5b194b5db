//! Credentials, requests and documents are in no log and in no error, at any level and from any crate.
//!
//! A test of its own process, because the log is the process's.

#[path = "it/common.rs"]
mod common;
#[path = "../../http-client/tests/common/log.rs"]
mod log;
#[path = "../../http-client/tests/common/server.rs"]
mod server;

use std::time::Duration;

use akinon::{InvoiceService, Oms};
use axum::http::StatusCode;
use axum::response::IntoResponse;

use common::{ask, invoice_service, invoice_service_config, oms, oms_config, update};
use log::{Log, printed};
use server::Server;

#[tokio::test]
async fn logs_and_errors_hold_no_credential_or_body() {
    let log = Log::capture();
    let mut output = String::new();
    for status in [200, 201, 302, 401, 500, 0] {
        let server = Server::answering(move |_, _| async move {
            match status {
                0 => std::future::pending().await,
                500 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
                401 => StatusCode::UNAUTHORIZED.into_response(),
                302 => StatusCode::FOUND.into_response(),
                201 => (StatusCode::CREATED, "hush-answer").into_response(),
                _ => "{\"id\":\"hush-answer\"}".into_response(),
            }
        })
        .await;
        let (mut asked, mut updated) = (invoice_service_config(&server.url), oms_config(&server.url));
        (asked.timeout, updated.timeout) = (Duration::from_millis(300), Duration::from_millis(300));
        output.push_str(&format!("{asked:?} {updated:?} "));
        let (service, oms) =
            (InvoiceService::new(asked).expect("a client"), Oms::new(updated).expect("a client"));
        output.push_str(&format!("{service:?} {oms:?} "));
        let (asked, updated) = tokio::join!(ask(&service), update(&oms));
        assert_eq!((asked.is_ok(), updated.is_ok()), (status == 200, status == 200), "{status}");
        output.extend([asked.err(), updated.err()].iter().flatten().map(|error| printed(error)));
        for asked in server.asked() {
            assert!(!asked.header("authorization").is_empty() && !asked.body.is_empty(), "{}", asked.line);
        }
    }
    let nowhere = "http://127.0.0.1:1";
    output.push_str(&printed(&ask(&invoice_service(nowhere)).await.err().expect("refused")));
    output.push_str(&printed(&update(&oms(nowhere)).await.expect_err("refused")));

    let log = log.text();
    for logged in
        ["the invoice service answered", "Akinon's OMS answered", "hyper", "/packages/{id}/command/"]
    {
        assert!(log.contains(logged), "the log was not captured: no {logged:?} in it");
    }
    assert!(output.contains("Akinon's OMS does not accept the credentials"), "{output}");
    let encoded = ["b21zLWtlcHQ", "JVBERi1odXNo"];
    for secret in
        ["kept-quiet", "hush", "Basic ", "Token ", "90001", "packages/73"].into_iter().chain(encoded)
    {
        assert!(!log.contains(secret), "{secret:?} was logged");
        assert!(!output.contains(secret), "{secret:?} is in an error");
    }
}
