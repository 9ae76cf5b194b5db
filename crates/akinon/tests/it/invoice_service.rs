//! Asking for an invoice: what is sent, and what counts as an answer.

use akinon::{Asked, CallError, InvoiceService, Secret};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;

use crate::common::{ask, invoice_service, invoice_service_config};
use crate::server::Server;

/// Answers every request with this.
async fn answering(status: u16, body: &'static str) -> Server {
    let status = StatusCode::from_u16(status).expect("a status");
    Server::answering(move |_, _| async move { (status, body).into_response() }).await
}

#[tokio::test]
async fn request_has_key_and_basic_authentication() {
    let server = answering(202, "").await;
    ask(&invoice_service(&(server.url.clone() + "/invoices/"))).await.expect("an answer");
    let mut open = invoice_service_config(&server.url);
    (open.username, open.password) = (None, None);
    ask(&InvoiceService::new(open).expect("a client")).await.expect("an answer");

    let [asked, open] = &server.asked()[..] else { panic!("two requests") };
    assert_eq!(asked.line, "POST /invoices/");
    assert_eq!(asked.body, "{\"id\":\"hush-request\"}");
    for (name, value) in [
        // echo -n 'oms-kept-quiet:pæss:kept-quiet' | base64
        ("authorization", "Basic b21zLWtlcHQtcXVpZXQ6cMOmc3M6a2VwdC1xdWlldA=="),
        ("idempotency-key", "package-73"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
    ] {
        assert_eq!(asked.header(name), value, "{name}");
    }
    assert_eq!((open.line.as_str(), open.header("authorization")), ("POST /", ""));
}

#[tokio::test]
async fn reads_a_receipt_or_202() {
    let receipt = "{\"type\":\"receipt.settled.v1\"}";
    match ask(&invoice_service(&answering(200, receipt).await.url)).await.expect("an answer") {
        Asked::Receipt(body) => assert_eq!(body, receipt),
        Asked::Accepted => panic!("it is there already"),
    }
    for body in ["", "{}", "<html></html>"] {
        let asked = ask(&invoice_service(&answering(202, body).await.url)).await.expect("an answer");
        assert!(matches!(asked, Asked::Accepted), "{body}");
    }
}

#[tokio::test]
async fn unexpected_success_is_foreign() {
    for (status, body) in [
        (200, ""),
        (200, "<html></html>"),
        (200, "[{}]"),
        (200, "\"done\""),
        (200, "{} {}"),
        (200, "{\"type\":"),
        (201, "{}"),
        (203, "{}"),
        (204, ""),
    ] {
        let result = ask(&invoice_service(&answering(status, body).await.url)).await;
        let error = result.err().expect("no success");
        assert!(matches!(error, CallError::Foreign(..)), "{status} {body:?}: {error:?}");
    }
}

#[tokio::test]
async fn long_429_holds_all_calls() {
    let server = Server::answering(|before, _| async move {
        match before {
            0 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "60")]).into_response(),
            _ => StatusCode::ACCEPTED.into_response(),
        }
    })
    .await;
    let service = invoice_service(&server.url);
    for _ in 0..3 {
        let error = ask(&service).await.err().expect("no success");
        assert!(matches!(error, CallError::Throttled { .. }), "{error:?}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn reports_wrong_credentials() {
    let refusal = |username: Option<&str>, password: Option<&str>| {
        let mut config = invoice_service_config("https://invoices.example");
        (config.username, config.password) = (username.map(Secret::new), password.map(Secret::new));
        InvoiceService::new(config).expect_err("no client").to_string()
    };
    let half = "set both INVOICE_SERVICE_USERNAME and INVOICE_SERVICE_PASSWORD, or neither";
    assert_eq!(refusal(Some("me"), None), half);
    assert_eq!(refusal(None, Some("hush")), half);
    assert_eq!(
        refusal(Some("m:e"), Some("hush")),
        "INVOICE_SERVICE_USERNAME must not hold a colon: basic authentication ends the name there"
    );
    let error = InvoiceService::new(invoice_service_config("invoices.example")).expect_err("no client");
    assert_eq!(
        error.to_string(),
        "INVOICE_SERVICE_URL must be an http or https URL without user, query and fragment"
    );
}
