//! Every answer: its meaning, its decision and its words, as `answers.txt` has them.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use http_client::{CallError, Decision, ServiceClient, decide};
use tokio::task::JoinSet;

use crate::client::{SERVICE, ask, client, config, error};
use crate::server::Server;

/// Answers with the status that the path names; without one, never.
async fn server() -> Server {
    Server::answering(|_, asked| async move {
        let Ok(status) = asked.line["POST /".len()..].parse() else { return std::future::pending().await };
        let status = StatusCode::from_u16(status).expect("a status");
        (status, [(header::RETRY_AFTER, "60")], "why\nnot").into_response()
    })
    .await
}

#[tokio::test]
async fn classifies_every_status() {
    let server = server().await;
    let (others, throttled) = (client(&server.url), client(&server.url));
    let mut calls = JoinSet::new();
    for status in 201_u16..=599 {
        // A 429 holds all calls of a client.
        let client = if status == 429 { &throttled } else { &others }.clone();
        calls.spawn(async move { (row(&error(&client, &status.to_string()).await), status) });
    }
    let mut rows: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    while let Some(call) = calls.join_next().await {
        let (row, status) = call.expect("no panic");
        rows.entry(row).or_default().push(status);
    }
    let mut lines: Vec<String> =
        rows.into_iter().map(|(row, statuses)| format!("{} | {row}", ranges(statuses))).collect();
    lines.sort();

    lines.push(format!("no connection | {}", row(&error(&client("http://127.0.0.1:1"), "").await)));
    let mut short = config(&server.url);
    short.timeout = Duration::from_millis(300);
    let short = ServiceClient::new(SERVICE, short).expect("a client");
    lines.push(format!("no answer | {}", row(&error(&short, "").await)));
    let not_made = CallError::NotMade { service: SERVICE, within: Duration::from_secs(15) };
    lines.push(format!("none was asked for | {}", row(&not_made)));

    let table = lines.join("\n") + "\n";
    assert_eq!(table, include_str!("answers.txt"), "answers.txt must hold this:\n\n{table}");
    assert_eq!(ask(&others, "200").await.expect("a success").body, "why\nnot");
}

#[tokio::test]
async fn source_is_the_answer_without_a_success_body() {
    let client = client(&server().await.url);
    for (path, cause) in [
        ("422", "the service answered 422: why not"),
        ("303", "the service answered 303: why not"),
        ("201", "the service answered 201"),
    ] {
        let error = error(&client, path).await;
        // The alternate form is the dead letter's; a log has the status alone.
        let source = error.source().expect("a cause");
        assert_eq!(format!("{source:#}"), cause);
        assert_eq!(source.to_string(), format!("the service answered {path}"));
    }
}

fn row(error: &CallError) -> String {
    let decision = match decide(error) {
        Decision::Retry => "retry",
        Decision::Wait { .. } => "wait",
        Decision::Unavailable { reached: true } => "unavailable, reached",
        Decision::Unavailable { reached: false } => "unavailable, not reached",
        Decision::Forbidden => "forbidden",
        Decision::Reject => "reject",
    };
    let debug = format!("{error:?}");
    let variant = debug.split(['(', ' ']).next().unwrap_or_default();
    let words = match error {
        CallError::Throttled { retry_after, .. } => {
            error.to_string().replace(&retry_after.as_secs().to_string(), "…")
        }
        error => error.to_string(),
    };
    format!("{variant} | {decision} | {words}")
}

/// Statuses as people write them: `201-299, 405`.
fn ranges(mut statuses: Vec<u16>) -> String {
    statuses.sort_unstable();
    let mut text = String::new();
    for run in statuses.chunk_by(|a, b| a + 1 == *b) {
        let separator = if text.is_empty() { "" } else { ", " };
        match run {
            [one] => write!(text, "{separator}{one}"),
            [first, .., last] => write!(text, "{separator}{first}-{last}"),
            [] => Ok(()),
        }
        .expect("a String takes any text");
    }
    text
}
