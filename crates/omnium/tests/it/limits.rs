//! Never more at once than allowed, and obedient to 429.

use axum::http::StatusCode;
use bytes::Bytes;
use omnium::CallError;
use sandbox::omnium::{Call, Fault, Rule};
use tokio::task::JoinSet;

use crate::common::{alone, client, config, invoice, sandbox, uid};

fn throttle(retry_after: u64) -> Fault {
    Fault::Status { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(retry_after), done: false }
}

#[tokio::test]
async fn bounds_requests_in_flight() {
    let sandbox = sandbox(Default::default()).await;
    sandbox.omnium.add_fault(Rule::new(Fault::Delay { ms: 5 }));
    let mut config = config(&sandbox.base_url());
    config.max_concurrent = 4;
    let omnium = alone(config);

    let mut calls = JoinSet::new();
    for i in 0..100 {
        let omnium = omnium.clone();
        calls.spawn(async move { omnium.upsert_invoice(&invoice(&format!("r-{i}"))).await });
    }
    for result in calls.join_all().await {
        result.expect("created");
    }

    let summary = sandbox.omnium.summary();
    assert_eq!(summary.max_in_flight, 4);
    assert_eq!(summary.invoices.len(), 100);
}

#[tokio::test]
async fn waits_for_a_short_429_and_repeats_any_call() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    for call in [Call::Token, Call::Upsert, Call::Attach, Call::Get] {
        sandbox.omnium.add_fault(Rule::new(throttle(1)).on(call).times(1));
    }

    omnium.upsert_invoice(&invoice("r-1")).await.expect("created");
    omnium.attach(&uid("r-1"), "1.pdf", Bytes::from_static(b"%PDF")).await.expect("attached");
    let found = omnium.find_invoice(&uid("r-1")).await.expect("an answer").expect("the invoice");

    assert_eq!(found.assets.len(), 1);
    let summary = sandbox.omnium.summary();
    for call in [Call::Token, Call::Upsert, Call::Attach, Call::Get] {
        assert_eq!((summary.count(call, 429), summary.count(call, 200)), (1, 1), "{call:?}");
    }
}

#[tokio::test]
async fn long_429_holds_all_calls_of_the_process() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    sandbox.omnium.add_fault(Rule::new(throttle(60)).on(Call::Upsert).times(1));

    for _ in 0..3 {
        let error = omnium.upsert_invoice(&invoice("r-1")).await.expect_err("throttled");
        let CallError::Throttled { retry_after, .. } = error else { panic!("{error:?}") };
        assert!((30..=60).contains(&retry_after.as_secs()), "{retry_after:?}");
        assert!(!error.may_have_happened());
    }
    let error = omnium.find_invoice(&uid("r-1")).await.expect_err("throttled");
    assert!(matches!(error, CallError::Throttled { .. }), "{error:?}");

    let summary = sandbox.omnium.summary();
    assert_eq!(summary.count(Call::Upsert, 429), 1);
    assert_eq!(summary.calls.get(&Call::Get), None);
}
