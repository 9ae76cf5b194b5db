//! What the operator reads for each answer, as `answers.txt` has it.

use std::time::Duration;

use akinon::{CallError, InvoiceService, Oms};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use tokio::task::JoinSet;

use crate::common::{ask, invoice_service_config, oms_config, update};
use crate::server::Server;

const STATUSES: [u16; 13] = [302, 400, 401, 403, 404, 405, 406, 409, 413, 422, 429, 500, 503];

#[tokio::test]
async fn messages_name_the_service_and_its_settings() {
    let mut calls = JoinSet::new();
    for (i, status) in STATUSES.into_iter().enumerate() {
        let server = Server::answering(move |_, _| async move {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::RETRY_AFTER, "60")]).into_response()
        })
        .await;
        calls.spawn(async move { (i, told(&server.url, &status.to_string()).await) });
    }
    let mute = Server::answering(|_, _| std::future::pending()).await;
    calls.spawn(async move { (100, told("http://127.0.0.1:1", "no connection").await) });
    calls.spawn(async move { (101, told(&mute.url, "no answer").await) });
    let mut told = calls.join_all().await;
    told.sort();
    let told: String = told.into_iter().map(|(_, line)| line).collect();
    assert_eq!(told, include_str!("answers.txt"), "answers.txt must hold this:\n\n{told}");
}

/// What both clients tell of one answer.
async fn told(url: &str, answer: &str) -> String {
    let (mut asked, mut updated) = (invoice_service_config(url), oms_config(url));
    (asked.timeout, updated.timeout) = (Duration::from_secs(1), Duration::from_secs(1));
    let asked = InvoiceService::new(asked).expect("a client");
    let updated = Oms::new(updated).expect("a client");
    let (asked, updated) = tokio::join!(ask(&asked), update(&updated));
    let (asked, updated) = (asked.err().expect("no success"), updated.expect_err("no success"));
    format!("{answer}\n  {}\n  {}\n", words(&asked), words(&updated))
}

/// An error's words, without how much of the minute is left.
fn words(error: &CallError) -> String {
    match error {
        CallError::Throttled { retry_after, .. } => {
            error.to_string().replace(&retry_after.as_secs().to_string(), "…")
        }
        error => error.to_string(),
    }
}
