//! The token: fetched once for all, refreshed once, never a stampede.

use std::time::Duration;

use axum::http::StatusCode;
use omnium::{CallError, Config, Omnium, Secret};
use sandbox::omnium::{Call, Fault, Options, Rule};
use tokio::task::JoinSet;

use crate::common::{CLIENT_ID, alone, client, config, invoice, sandbox, uid};

async fn find_many(omnium: &Omnium, count: usize) -> Vec<Result<(), CallError>> {
    let mut calls = JoinSet::new();
    for _ in 0..count {
        let omnium = omnium.clone();
        calls.spawn(async move { omnium.find_invoice(&uid("r-1")).await.map(drop) });
    }
    calls.join_all().await
}

#[tokio::test]
async fn callers_share_one_token() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    assert!(find_many(&omnium, 50).await.iter().all(Result::is_ok));
    assert_eq!(sandbox.omnium.summary().count(Call::Token, 200), 1);
}

#[tokio::test]
async fn refreshes_a_revoked_token_once() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    omnium.upsert_invoice(&invoice("r-1")).await.expect("created");
    sandbox.omnium.revoke_tokens();
    sandbox.omnium.add_fault(Rule::new(Fault::Delay { ms: 50 }).on(Call::Token));

    assert!(find_many(&omnium, 50).await.iter().all(Result::is_ok));

    let summary = sandbox.omnium.summary();
    assert_eq!(summary.count(Call::Token, 200), 2);
    assert!(summary.count(Call::Get, 401) > 1);
}

#[tokio::test]
async fn replaces_a_token_before_it_expires() {
    let options = Options { token_lifetime: Duration::from_secs(1), ..Options::default() };
    let sandbox = sandbox(options).await;
    let omnium = client(&sandbox.base_url());

    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while sandbox.omnium.summary().count(Call::Token, 200) < 2 {
        assert!(tokio::time::Instant::now() < deadline, "the token was never replaced");
        omnium.find_invoice(&uid("r-1")).await.expect("an answer");
    }
    assert_eq!(sandbox.omnium.summary().count(Call::Get, 401), 0);
}

#[tokio::test]
async fn rejected_fresh_token_is_unauthorized() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    let refuse = Fault::Status { status: StatusCode::UNAUTHORIZED, retry_after: None, done: false };
    sandbox.omnium.add_fault(Rule::new(refuse).on(Call::Upsert));

    let error = omnium.upsert_invoice(&invoice("r-1")).await.expect_err("not accepted");

    assert!(matches!(error, CallError::Unauthorized(..)), "{error:?}");
    let summary = sandbox.omnium.summary();
    assert_eq!((summary.count(Call::Token, 200), summary.count(Call::Upsert, 401)), (2, 2));
}

#[tokio::test]
async fn failed_token_fetch_is_shared() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    let refuse = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    sandbox.omnium.add_fault(Rule::new(refuse).on(Call::Token));
    sandbox.omnium.add_fault(Rule::new(Fault::Delay { ms: 50 }).on(Call::Token));

    for result in find_many(&omnium, 50).await {
        let error = result.expect_err("no token");
        assert!(matches!(error, CallError::NoToken(..)), "{error:?}");
    }
    assert_eq!(sandbox.omnium.summary().count(Call::Token, 400), 1);
}

#[tokio::test]
async fn changed_credentials_get_their_own_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("secret");
    std::fs::write(&path, "wrong").expect("written");
    let credentials = vec![(CLIENT_ID.to_owned(), "right".to_owned())];
    let sandbox = sandbox(Options { credentials, ..Options::default() }).await;
    let config =
        Config { client_secret: Secret::file(&path).expect("a secret"), ..config(&sandbox.base_url()) };
    let omnium = alone(config);
    assert!(find_many(&omnium, 1).await[0].is_err());
    let calls = async |content: &str, enough: fn(&[Result<(), CallError>]) -> bool| {
        std::fs::write(&path, content).expect("written");
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        while !enough(&find_many(&omnium, 1).await) {
            assert!(tokio::time::Instant::now() < deadline, "the file was never read again");
        }
    };
    calls("right\n", |results| results.iter().all(Result::is_ok)).await;
    // The token is still good, and is not that of these credentials.
    calls("wrong again\n", |results| results.iter().any(Result::is_err)).await;
}
