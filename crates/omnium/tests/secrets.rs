//! Credentials and tokens are in no log and in no error, at any level and from any crate.
//!
//! A test of its own process, because the log is the process's.

#[path = "it/common.rs"]
mod common;
#[path = "../../http-client/tests/common/log.rs"]
mod log;

use std::time::Duration;

use axum::http::StatusCode;
use omnium::{Config, Secret};
use sandbox::Sandbox;
use sandbox::omnium::{Call, Fault, Options, Rule};
use tokio::task::JoinSet;

use log::{Log, printed};

use common::{CLIENT_ID, CLIENT_SECRET, alone, client, config, invoice, sandbox};

async fn sandbox_with_credentials() -> (Sandbox, Config) {
    let credentials = vec![(CLIENT_ID.to_owned(), CLIENT_SECRET.to_owned())];
    let sandbox = sandbox(Options { credentials, ..Options::default() }).await;
    let mut config = config(&sandbox.base_url());
    config.timeout = Duration::from_millis(500);
    (sandbox, config)
}

/// All that a client prints whose call fails.
async fn output_of_failing_client(config: Config) -> String {
    let omnium = alone(config.clone());
    let error = omnium.upsert_invoice(&invoice("r-1")).await.expect_err("a fault");
    format!("{config:?} {omnium:?} {}", printed(&error))
}

async fn meets(rule: Rule) -> String {
    let (sandbox, config) = sandbox_with_credentials().await;
    let healthy = client(&sandbox.base_url());
    healthy.upsert_invoice(&invoice("r-1")).await.expect("created");
    sandbox.omnium.add_fault(rule);
    output_of_failing_client(config).await
}

async fn has_the_wrong_credentials() -> String {
    let (_sandbox, mut config) = sandbox_with_credentials().await;
    config.client_id = Secret::new("someone-else");
    output_of_failing_client(config).await
}

async fn is_refused() -> String {
    let (mut sandbox, config) = sandbox_with_credentials().await;
    sandbox.stop_listening().await;
    output_of_failing_client(config).await
}

#[tokio::test]
async fn logs_and_errors_hold_no_credential_or_token() {
    let log = Log::capture();

    let redirect = Fault::Status { status: StatusCode::FOUND, retry_after: None, done: false };
    let broken = Fault::Status { status: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None, done: false };
    let mut trials = JoinSet::new();
    for fault in [Fault::Reset, Fault::AnswerLost, Fault::SlowAnswer { ms: 60_000 }, redirect, broken] {
        for call in [Call::Token, Call::Upsert] {
            trials.spawn(meets(Rule::new(fault.clone()).on(call)));
        }
    }
    trials.spawn(has_the_wrong_credentials());
    trials.spawn(is_refused());
    let output = trials.join_all().await.concat();

    let log = log.text();
    for logged in ["Omnium answered", "starting new connection", "hyper", "omnium{"] {
        assert!(log.contains(logged), "the log was not captured: no {logged:?} in it");
    }
    assert!(output.contains("Omnium does not accept the credentials"), "{output}");
    let encoded = "client%26secret%3Dkept%2Fquiet";
    for secret in [CLIENT_ID, CLIENT_SECRET, encoded, "clientSecret", "Bearer", "someone-else"] {
        assert!(!log.contains(secret), "{secret:?} was logged");
        assert!(!output.contains(secret), "{secret:?} is in an error");
    }
}
