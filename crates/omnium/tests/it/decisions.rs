//! Every answer to every call: its meaning and its decision, as `docs/omnium.md` tells them.

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use http_client::Service;
use omnium::{Call, CallError, Decision, Omnium, Secret, decide};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::common::{alone, config, invoice, uid};

const OMNIUM: &Service =
    &Service::new("Omnium", "OMNIUM_BASE_URL", "OMNIUM_CLIENT_ID and OMNIUM_CLIENT_SECRET");

/// The answers of a row of the table, which all mean the same. 1xx and 2xx end no call in an error.
const ROWS: [(&str, &[(u16, u16)]); 10] = [
    ("400, 422, any other 4xx", &[(400, 400), (402, 402), (405, 406), (410, 412), (414, 428), (430, 499)]),
    ("401 with a fresh token", &[(401, 401)]),
    ("403", &[(403, 403)]),
    ("404", &[(404, 404)]),
    ("409", &[(409, 409)]),
    ("413", &[(413, 413)]),
    ("429 for longer than 10 s", &[(429, 429)]),
    ("500, any other 5xx", &[(500, 501), (505, 599)]),
    ("408, 502, 503, 504", &[(408, 408), (502, 504)]),
    ("3xx, 407", &[(300, 399), (407, 407)]),
];

/// The names of the two that have no status.
const REFUSED: &str = "no connection (refused, DNS, TLS)";
const UNANSWERED: &str = "no answer (timeout, reset, cut off)";

#[tokio::test]
async fn decides_every_answer_as_documented() {
    let server = answering_by_id().await;
    let mut rows = JoinSet::new();
    for (i, (answer, statuses)) in ROWS.into_iter().enumerate() {
        let server = server.clone();
        rows.spawn(async move { (i, row(answer, statuses, &server).await) });
    }
    let closed = closed_port().await;
    rows.spawn(async move { (ROWS.len(), network_row(REFUSED, &closed, &closed).await) });
    rows.spawn(async move { (ROWS.len() + 1, network_row(UNANSWERED, &server, &mute_port().await).await) });

    rows.spawn(async { (ROWS.len() + 2, not_made_row()) });

    let mut rows = rows.join_all().await;
    rows.sort();
    let rows: Vec<String> = rows.into_iter().map(|(_, row)| row).collect();
    let table = format!(
        "| answer | error | upsert | attach | find | token | may have happened | may still happen | the operator sees |\n\
         |---|---|---|---|---|---|---|---|---|\n{}\n",
        rows.join("\n"),
    );
    let documented = include_str!("../../../../docs/omnium.md");
    assert!(documented.contains(&table), "docs/omnium.md must hold this table:\n\n{table}");
}

/// One row: each of its statuses must be decided alike.
async fn row(answer: &str, statuses: &[(u16, u16)], server: &str) -> String {
    let omnium = alone(config(server));
    let mut with_status = config(server);
    with_status.client_id = Secret::new(format!("status-{}", statuses[0].0));
    let token = token(&alone(with_status)).await;

    let mut calls = JoinSet::new();
    for status in statuses.iter().flat_map(|(first, last)| *first..=*last) {
        let (omnium, row) = (omnium.clone(), format!("| {answer}"));
        calls.spawn(async move {
            format!("{row} {}", describe(&omnium, &format!("status-{status}"), token).await)
        });
    }
    let mut rows = calls.join_all().await;
    rows.sort();
    rows.dedup();
    assert_eq!(rows.len(), 1, "answers of one row are decided differently: {rows:#?}");
    rows.remove(0)
}

/// A row without an answer: from one address to the calls, from another to the token.
async fn network_row(answer: &str, calls: &str, tokens: &str) -> String {
    let mut short = config(calls);
    short.timeout = Duration::from_millis(300);
    let omnium = alone(short.clone());
    short.base_url = tokens.to_owned();
    let token = token(&alone(short)).await;
    format!("| {answer} {}", describe(&omnium, "mute", token).await)
}

/// The row that no server can bring about: it takes fifteen seconds of waiting.
fn not_made_row() -> String {
    let error = CallError::NotMade { service: OMNIUM, within: Duration::from_secs(15) };
    let [upsert, attach, find, token] =
        [Call::Upsert, Call::Attach, Call::Find, Call::Token].map(|call| word(decide(call, &error)));
    let (happened, may) = (yes(error.may_have_happened()), yes(error.may_be_in_flight()));
    format!(
        "| none was asked for: too many calls ahead | `NotMade` | {upsert} | {attach} | {find} | {token} | {happened} | {may} | {error} |"
    )
}

/// What becomes of a message when there is no token.
async fn token(omnium: &Omnium) -> &'static str {
    let error = omnium.upsert_invoice(&invoice("r-1")).await.expect_err("no token");
    assert!(matches!(error, CallError::NoToken(..)), "{error:?}");
    assert!(!error.may_have_happened());
    word(decide(Call::Upsert, &error))
}

async fn describe(omnium: &Omnium, id: &str, token: &str) -> String {
    let (uid, invoice) = (uid(id), invoice(id));
    let (upsert, attach, find) = tokio::join!(
        omnium.upsert_invoice(&invoice),
        omnium.attach(&uid, "1.pdf", Bytes::from_static(b"%PDF")),
        omnium.find_invoice(&uid),
    );
    let (upsert, attach) = (upsert.expect_err("no success"), attach.expect_err("no success"));
    let find = match find {
        Ok(None) => "no error: `None`".to_owned(),
        Ok(Some(_)) => panic!("nothing can be found"),
        Err(error) => word(decide(Call::Find, &error)).to_owned(),
    };
    assert_eq!(variant(&upsert), variant(&attach));
    format!(
        "| `{}` | {} | {} | {find} | {token} | {} | {} | {} |",
        variant(innermost(&upsert)),
        word(decide(Call::Upsert, &upsert)),
        word(decide(Call::Attach, &attach)),
        yes(upsert.may_have_happened()),
        yes(upsert.may_be_in_flight()),
        seconds_left_out(innermost(&upsert)),
    )
}

/// Where even the token cannot be had, what is behind that.
fn innermost(error: &CallError) -> &CallError {
    match error {
        CallError::NoToken(_, source) => source,
        error => error,
    }
}

fn variant(error: &CallError) -> String {
    format!("{error:?}").split(['(', ' ']).next().unwrap_or_default().to_owned()
}

fn word(decision: Decision) -> &'static str {
    match decision {
        Decision::Retry => "retry",
        Decision::Wait { .. } => "wait",
        Decision::Unavailable { reached: true } => "unavailable, reached",
        Decision::Unavailable { reached: false } => "unavailable, not reached",
        Decision::Forbidden => "forbidden",
        Decision::Reject => "reject",
    }
}

fn yes(yes: bool) -> &'static str {
    if yes { "yes" } else { "no" }
}

fn seconds_left_out(error: &CallError) -> String {
    match error {
        CallError::Throttled { retry_after, .. } => {
            error.to_string().replace(&retry_after.as_secs().to_string(), "…")
        }
        error => error.to_string(),
    }
}

/// A server that answers with the status that the id of the invoice, or the client's, names; and
/// with a token, or not at all, where it names none.
async fn answering_by_id() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let app = Router::new().fallback(async |uri: Uri, body: Bytes| -> Response {
        let request = format!("{uri} {}", String::from_utf8_lossy(&body));
        let status = request.split("status-").nth(1).and_then(|rest| rest.get(..3)?.parse().ok());
        match status.map(StatusCode::from_u16) {
            Some(Ok(status)) => (status, [(header::RETRY_AFTER, "60")]).into_response(),
            _ if uri.path() == "/api/token" => {
                r#"{"accessToken":"a","tokenType":"Bearer","expiresIn":864000}"#.into_response()
            }
            _ => std::future::pending().await,
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// A port nobody listens on.
async fn closed_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}

/// A port that takes requests and says nothing.
async fn mute_port() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(
        async move { axum::serve(listener, Router::new().fallback(std::future::pending::<()>)).await },
    );
    format!("http://{address}")
}
