//! Every fault does what it says.

use std::time::Duration;

use reqwest::StatusCode;
use sandbox::{Call, Fault, Options, Rule, Subject};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::common::{Trial, invoice, send, status};

/// A wait that no test outlasts.
const FOREVER: u64 = 60_000;

#[tokio::test]
async fn status_fault_executes_nothing() {
    let trial = Trial::new().await;
    for code in [400, 403, 404, 409, 413, 422, 429, 500, 502, 503, 504] {
        trial.fault(Call::Upsert, status(StatusCode::from_u16(code).expect("a status")));
        assert_eq!(trial.status(Call::Upsert, "r-1").await, code);
        trial.omnium().clear_faults();
    }
    assert_eq!(trial.omnium().summary().invoices.len(), 0);
    assert!(trial.omnium().ledger().iter().all(|entry| entry.call == Call::Token || !entry.done));
}

#[tokio::test]
async fn error_bodies_vary_by_status() {
    let trial = Trial::new().await;
    for (code, kind) in [(400, "application/json"), (500, "application/problem+json"), (503, "")] {
        trial.fault(Call::Get, status(StatusCode::from_u16(code).expect("a status")));
        let answer = send(trial.get("r-1")).await;
        let content_type =
            answer.headers().get("content-type").map(|value| value.to_str().expect("text").to_owned());
        assert_eq!(content_type.unwrap_or_default(), kind);
        let body = answer.text().await.expect("a body");
        match kind {
            "" => assert_eq!(body, ""),
            "application/json" => assert!(body.starts_with('"'), "{body}"),
            _ => assert_eq!(serde_json::from_str::<Value>(&body).expect("JSON")["status"], 500),
        }
        trial.omnium().clear_faults();
    }
}

#[tokio::test]
async fn status_fault_sends_retry_after() {
    let trial = Trial::new().await;
    let fault = Fault::Status { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(7), done: false };
    trial.fault(Call::Get, fault);
    let answer = send(trial.get("r-1")).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"7".parse().expect("7")));
}

#[tokio::test]
async fn body_fault_executes_nothing() {
    let trial = Trial::new().await;
    let body = "<html>Sign in</html>".to_owned();
    trial.fault(Call::Upsert, Fault::Body { status: StatusCode::OK, body: body.clone() });
    let answer = send(trial.upsert(&invoice("r-1"))).await;
    assert_eq!((answer.status(), answer.text().await.expect("a body")), (StatusCode::OK, body));
    assert_eq!(trial.omnium().summary().invoices.len(), 0);
}

#[tokio::test]
async fn status_fault_can_execute_all_the_same() {
    let trial = Trial::new().await;
    let fault = Fault::Status { status: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None, done: true };
    trial.fault(Call::Upsert, fault);
    assert_eq!(trial.status(Call::Upsert, "r-1").await, 500);
    assert!(trial.omnium().summary().invoices.contains_key("r-1"));
}

#[tokio::test]
async fn reset_executes_nothing() {
    let trial = Trial::new().await;
    trial.fault(Call::Upsert, Fault::Reset);
    let error = trial.call(Call::Upsert, "r-1").send().await.expect_err("a reset");
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
    assert_eq!(trial.omnium().summary().invoices.len(), 0);
    assert_eq!(trial.omnium().ledger().last().map(|entry| (entry.status, entry.done)), Some((None, false)));
}

#[tokio::test]
async fn lost_answer_still_executes() {
    let trial = Trial::new().await;
    trial.fault(Call::Upsert, Fault::AnswerLost);
    trial.call(Call::Upsert, "r-1").send().await.expect_err("no answer");
    assert!(trial.omnium().summary().invoices.contains_key("r-1"));
    assert_eq!(trial.omnium().ledger().last().map(|entry| (entry.status, entry.done)), Some((None, true)));
}

#[tokio::test]
async fn delay_executes_after_the_client_gave_up() {
    let trial = Trial::new().await;
    trial.fault(Call::Upsert, Fault::Delay { ms: 500 });
    let given_up = trial.call(Call::Upsert, "r-1").timeout(Duration::from_millis(50)).send().await;
    assert!(given_up.expect_err("no answer in time").is_timeout());
    assert_eq!(trial.omnium().summary().invoices.len(), 0);
    trial.until("the invoice", |omnium| omnium.summary().invoices.contains_key("r-1")).await;
}

#[tokio::test]
async fn slow_answer_executes_at_once() {
    let trial = Trial::new().await;
    trial.fault(Call::Upsert, Fault::SlowAnswer { ms: FOREVER });
    let call = tokio::spawn(trial.call(Call::Upsert, "r-1").send());
    trial.until("the invoice", |omnium| omnium.summary().invoices.contains_key("r-1")).await;
    assert!(!call.is_finished());
    call.abort();
}

#[tokio::test]
async fn lagging_get_misses_newer_writes() {
    let trial = Trial::new().await;
    trial.complete("r-1").await;
    trial.fault(Call::Get, Fault::Lag { ms: FOREVER });
    assert_eq!(trial.status(Call::Get, "r-1").await, 404);
    trial.omnium().clear_faults();
    assert_eq!(trial.files("r-1").await, 1);
}

#[tokio::test]
async fn lagging_attach_finds_the_invoice_later() {
    let trial = Trial::new().await;
    trial.fault(Call::Attach, Fault::Lag { ms: 500 });
    assert_eq!(trial.status(Call::Upsert, "r-1").await, 200);
    let mut statuses = vec![trial.status(Call::Attach, "r-1").await];
    let deadline = Instant::now() + Duration::from_secs(10);
    while statuses.last() == Some(&404) {
        assert!(Instant::now() < deadline, "the lag never ended");
        statuses.push(trial.status(Call::Attach, "r-1").await);
    }
    assert_eq!((statuses.first(), statuses.last()), (Some(&404), Some(&200)));
    // Seen from outside it is lag: no attach came before its invoice.
    assert_eq!(trial.omnium().summary().violations, []);
}

#[tokio::test]
async fn rule_matches_call_store_invoice_and_number() {
    let forbid = |subject| Rule { subject, ..Rule::new(status(StatusCode::FORBIDDEN)) };
    let store = forbid(Subject { store_id: Some("71".to_owned()), ..Subject::default() });
    let id = forbid(Subject { invoice_id: Some("r-1".to_owned()), ..Subject::default() });
    let number = forbid(Subject { invoice_number: Some("no-r-1".to_owned()), ..Subject::default() });
    let call = forbid(Subject::default()).on(Call::Get);
    for (rule, on_upsert, on_attach, on_get, on_other) in [
        (store, 200, 200, 200, 403),
        (id, 403, 403, 403, 200),
        (number, 403, 403, 403, 200),
        (call, 200, 200, 403, 200),
    ] {
        let trial = Trial::new().await;
        trial.complete("r-1").await;
        let rule_text = format!("{rule:?}");
        trial.omnium().add_fault(rule);
        assert_eq!(trial.status(Call::Upsert, "r-1").await, on_upsert, "{rule_text}");
        assert_eq!(trial.status(Call::Attach, "r-1").await, on_attach, "{rule_text}");
        assert_eq!(trial.status(Call::Get, "r-1").await, on_get, "{rule_text}");
        let mut other = invoice("r-2");
        other["storeId"] = json!("71");
        assert_eq!(send(trial.upsert(&other)).await.status().as_u16(), on_other, "{rule_text}");
    }
}

#[tokio::test]
async fn rule_applies_a_limited_number_of_times() {
    let trial = Trial::new().await;
    trial.omnium().add_fault(Rule::new(status(StatusCode::SERVICE_UNAVAILABLE)).times(2));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(trial.status(Call::Upsert, "r-1").await);
    }
    assert_eq!(statuses, [503, 503, 200, 200]);
}

#[tokio::test]
async fn rate_applies_and_seed_makes_it_repeatable() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let trial = Trial::of(Options { seed, ..Options::default() }).await;
        let rule = Rule { rate: 0.3, ..Rule::new(status(StatusCode::SERVICE_UNAVAILABLE)) };
        trial.omnium().add_fault(rule.on(Call::Get));
        let mut run = Vec::new();
        for _ in 0..300 {
            run.push(trial.status(Call::Get, "r-1").await);
        }
        let share = run.iter().filter(|status| **status == 503).count();
        assert!((60..=120).contains(&share), "{share} of 300");
        runs.push(run);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn rule_without_conditions_is_an_outage() {
    let trial = Trial::new().await;
    trial.omnium().add_fault(Rule::new(status(StatusCode::SERVICE_UNAVAILABLE)));
    for call in [Call::Token, Call::Upsert, Call::Attach, Call::Get, Call::Pdf] {
        assert_eq!(trial.status(call, "r-1").await, 503, "{call:?}");
    }
}

#[tokio::test]
async fn manages_faults_over_http() {
    let trial = Trial::new().await;
    let faults = trial.url("/_faults");
    let one = json!({ "call": "get", "rate": 0.5, "fault": { "kind": "lag", "ms": 1000 } });
    let several = json!([
        { "storeId": "70", "fault": { "kind": "status", "status": 403 } },
        { "times": 1, "fault": { "kind": "status", "status": 429, "retryAfter": 2 } },
        { "invoiceNumber": "1001", "fault": { "kind": "answerLost" } },
    ]);
    for rules in [&one, &several] {
        assert_eq!(send(trial.http.post(&faults).json(rules)).await.status(), 204);
    }
    let listed: Vec<Rule> = send(trial.http.get(&faults)).await.json().await.expect("rules");
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[0], one.to_string().parse().expect("the same rule"));

    for wrong in [
        json!({}),
        json!({ "fault": { "kind": "earthquake" } }),
        json!({ "fault": { "kind": "status", "status": 42 } }),
        json!({ "fault": { "kind": "reset" }, "shop": "70" }),
        json!({ "rate": 1.5, "fault": { "kind": "reset" } }),
    ] {
        let answer = send(trial.http.post(&faults).json(&wrong)).await;
        assert_eq!(answer.status(), 400, "{wrong}");
        assert!(!answer.text().await.expect("a body").is_empty(), "{wrong}");
    }
    assert_eq!(send(trial.http.delete(&faults)).await.status(), 204);
    assert_eq!(trial.status(Call::Upsert, "r-1").await, 200);
}

#[tokio::test]
async fn refuses_while_not_listening() {
    let mut trial = Trial::new().await;
    trial.complete("r-1").await;
    trial.sandbox.stop_listening().await;
    assert!(trial.get("r-1").send().await.expect_err("refused").is_connect());
    trial.sandbox.listen_again().await.expect("the same port");
    assert_eq!(trial.files("r-1").await, 1);
}
