//! Delivering: what is sent, and what counts as delivered.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use consumer_erp::Erp;
use http_client::CallError;

use crate::common::{config, deliver};
use crate::server::Server;

#[tokio::test]
async fn delivery_has_key_and_credentials() {
    let server = Server::answering(|_, _| async { StatusCode::NO_CONTENT.into_response() }).await;
    deliver(&Erp::new(config(&(server.url.clone() + "/in/"))).expect("a client")).await.expect("delivered");
    let mut open = config(&server.url);
    open.authorization = None;
    deliver(&Erp::new(open).expect("a client")).await.expect("delivered");

    let [asked, open] = &server.asked()[..] else { panic!("two requests") };
    assert_eq!(asked.line, "POST /in/");
    assert_eq!(asked.body, "{\"id\":\"hush-event\"}");
    assert_eq!(asked.header("idempotency-key"), "31/r-1");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("authorization"), "Bearer kept-quiet");
    assert_eq!(open.header("authorization"), "");
}

#[tokio::test]
async fn accepts_four_success_statuses_only() {
    let server = Server::answering(|_, asked| async move {
        let status = asked.line["POST /".len()..].parse().expect("a number");
        StatusCode::from_u16(status).expect("a status").into_response()
    })
    .await;
    for status in 200..=299 {
        let erp = Erp::new(config(&format!("{}/{status}", server.url))).expect("a client");
        match deliver(&erp).await {
            Ok(()) => assert!(matches!(status, 200 | 201 | 202 | 204), "{status}"),
            Err(error) => {
                assert!(matches!(error, CallError::Foreign(..)), "{status}: {error:?}");
                assert!(!matches!(status, 200 | 201 | 202 | 204), "{status}");
            }
        }
    }
}

#[tokio::test]
async fn long_429_holds_all_calls() {
    let server = Server::answering(|before, _| async move {
        match before {
            0 => (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, "60")]).into_response(),
            _ => StatusCode::OK.into_response(),
        }
    })
    .await;
    let erp = Erp::new(config(&server.url)).expect("a client");
    for _ in 0..3 {
        let error = deliver(&erp).await.expect_err("throttled");
        assert!(matches!(error, CallError::Throttled { .. }), "{error:?}");
    }
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn names_the_setting_of_a_wrong_url() {
    assert_eq!(
        Erp::new(config("erp.example")).expect_err("no client").to_string(),
        "ERP_INVOICE_URL must be an http or https URL without user, query and fragment"
    );
}
