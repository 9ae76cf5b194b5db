//! The messages of a client's errors for each answer of its service: one test per status for each client.

use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use http_client::CallError;
use tokio::task::JoinSet;

use crate::server::Server;

const STATUSES: [u16; 13] = [302, 400, 401, 403, 404, 405, 406, 409, 413, 422, 429, 500, 503];

/// The errors by answer, as `answers.txt` has them. `call` makes each call of the client to the service at a URL,
/// with a timeout of a second, and gives its errors.
pub(crate) async fn table<C>(call: impl Fn(String) -> C) -> String
where
    C: Future<Output = Vec<CallError>> + Send + 'static,
{
    let mut services = Vec::new();
    for status in STATUSES {
        let server = Server::answering(move |_, _| async move {
            let status = StatusCode::from_u16(status).expect("a status");
            (status, [(header::RETRY_AFTER, "60")]).into_response()
        })
        .await;
        services.push((status.to_string(), server.url));
    }
    services.push(("no connection".to_owned(), "http://127.0.0.1:1".to_owned()));
    let silent = Server::answering(|_, _| std::future::pending()).await;
    services.push(("no answer".to_owned(), silent.url));

    let mut calls = JoinSet::new();
    for (row, (answer, url)) in services.into_iter().enumerate() {
        let errors = call(url);
        calls.spawn(async move { (row, answer, errors.await) });
    }
    let mut rows = calls.join_all().await;
    rows.sort_by_key(|(row, ..)| *row);
    let mut table = String::new();
    for (_, answer, errors) in rows {
        table.push_str(&format!("{answer}\n"));
        errors.iter().for_each(|error| table.push_str(&format!("  {}\n", message(error))));
    }
    table
}

/// An error's message, without how much of the minute is left.
fn message(error: &CallError) -> String {
    match error {
        CallError::Throttled { retry_after, .. } => {
            error.to_string().replace(&retry_after.as_secs().to_string(), "…")
        }
        error => error.to_string(),
    }
}
