//! Flow's client against its stand-in: what is found, paging, and each failure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use flow::{CallError, Flow, FlowConfig, Ids, Search};
use sandbox::flow::{Call, Fault, Pages, Rule};
use sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn sandbox() -> Sandbox {
    sandbox_with(Pages::default()).await
}

async fn sandbox_with(pages: Pages) -> Sandbox {
    // One that is there already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let flow = sandbox::flow::Options { pages, ..Default::default() };
    sandbox::serve(listener, Options { flow, ..Options::default() }).expect("it starts")
}

fn client(sandbox: &Sandbox, page_size: u32) -> Flow {
    let config = FlowConfig {
        base_url: sandbox.flow_url(),
        token: flow::Secret::new("token-kept-quiet"),
        page_size,
        max_concurrent: 4,
        timeout: Duration::from_secs(5),
    };
    Flow::new(config).expect("a client")
}

/// The receipt of an order, settled so many minutes after noon.
fn receipt(number: u32) -> Value {
    json!({
        "storeUid": "70", "orderUid": format!("ord-{number}"), "orderReceiptUid": format!("rcpt-{number}"),
        "settleState": "COMPLETED", "voucherNumber": number.to_string(), "orderNumber": format!("6{number}"),
        "settledAt": format!("2026-11-02T12:{number:02}:00Z")
    })
}

fn noon() -> DateTime<Utc> {
    "2026-11-02T12:00:00Z".parse().expect("a time")
}

fn uids(found: &[flow::FoundReceipt]) -> Vec<&str> {
    found.iter().map(|found| &*found.uid).collect()
}

#[tokio::test]
async fn reads_all_pages_of_a_period() {
    let sandbox = sandbox().await;
    (0..7).for_each(|number| sandbox.flow.add_receipt("7", receipt(number)));
    sandbox.flow.add_receipt("8", receipt(9));
    let search = Search {
        settled_at_from: Some(noon() + Duration::from_secs(60)),
        settled_at_to: Some(noon() + Duration::from_secs(5 * 60)),
        ..Search::default()
    };
    let found = client(&sandbox, 2).receipts("7", &search).await.expect("receipts");
    assert_eq!(uids(&found), ["rcpt-5", "rcpt-4", "rcpt-3", "rcpt-2", "rcpt-1"]);
    let summary = sandbox.flow.summary();
    assert_eq!((summary.count(Call::SearchReceipts, 200), summary.violations.len()), (3, 0));
}

#[tokio::test]
async fn finds_by_number_or_reads_back_to_the_uid() {
    let sandbox = sandbox().await;
    (0..6).for_each(|number| sandbox.flow.add_receipt("7", receipt(number)));
    let flow = client(&sandbox, 2);
    let text = |text: &str| Some(text.to_owned());
    for (ids, expected, calls) in [
        (Ids { voucher_number: text("3"), ..Ids::default() }, &["rcpt-3"][..], 1),
        (Ids { order_number: text("64"), ..Ids::default() }, &["rcpt-4"], 1),
        (Ids { order: text("ord-3"), store: text("70"), ..Ids::default() }, &["rcpt-3"], 2),
        (Ids { receipt: text("rcpt-0"), ..Ids::default() }, &["rcpt-0"], 3),
        (Ids { order: text("ord-3"), store: text("71"), ..Ids::default() }, &[], 1),
        (Ids { order: text("ord-3"), voucher_number: text("4"), ..Ids::default() }, &[], 1),
    ] {
        let before = sandbox.flow.ledger().len();
        let found = flow.find("7", &ids, noon()).await.expect("an answer");
        assert_eq!(
            (uids(&found), sandbox.flow.ledger().len() - before),
            (expected.to_vec(), calls),
            "{ids:?}"
        );
    }
    let ids = Ids { order: text("ord-1"), ..Ids::default() };
    let found = flow.find("7", &ids, noon() + Duration::from_secs(120)).await.expect("an answer");
    assert_eq!(uids(&found), [""; 0], "settled before");
}

#[tokio::test]
async fn reads_series_of_numbers() {
    let sandbox = sandbox().await;
    for uid in ["a", "b", "c"] {
        let series = json!({
            "numberSeriesUid": uid, "name": "Receipts", "type": "RECEIPT", "start": 1000, "end": 9999,
            "currentValue": 1007
        });
        sandbox.flow.add_number_series("7", series);
    }
    let series = client(&sandbox, 2).number_series("7").await.expect("series");
    assert_eq!(series.len(), 3);
    assert_eq!(
        (series[0].start, series[0].current_value, series[0].kind.as_deref()),
        (1000, 1007, Some("RECEIPT"))
    );
}

#[tokio::test]
async fn each_failure_has_its_meaning() {
    let sandbox = sandbox().await;
    let fault = |status: u16| {
        sandbox.flow.clear_faults();
        let status = status.try_into().expect("a status");
        sandbox.flow.add_fault(Rule::new(Fault::Status { status, retry_after: Some(60), done: false }));
    };
    for status in [401, 403, 404, 429, 503, 400] {
        fault(status);
        // A 429 holds every call of its client.
        let error = client(&sandbox, 100).receipts("7", &Search::default()).await.err().expect("a failure");
        let meant = match status {
            401 => matches!(error, CallError::Unauthorized(..)),
            403 => matches!(error, CallError::Forbidden(..)),
            404 => matches!(error, CallError::NotFound(..)),
            429 => matches!(error, CallError::Throttled { .. }),
            503 => matches!(error, CallError::Unavailable(..)),
            _ => matches!(error, CallError::Invalid(..)),
        };
        assert!(meant, "{status}: {error:?}");
        assert!(!format!("{error:?}").contains("kept-quiet"), "{error:?}");
    }
}

#[tokio::test]
async fn missing_pages_are_an_error() {
    let sandbox = sandbox().await;
    let body = json!({ "items": [], "paging": { "totalCount": 3 } }).to_string();
    sandbox.flow.add_fault(Rule::new(Fault::Body { status: "200".parse().expect("a status"), body }));
    let error = client(&sandbox, 2).receipts("7", &Search::default()).await.err().expect("a failure");
    assert!(matches!(error, CallError::Foreign(..)), "{error:?}");
}

#[tokio::test]
async fn pages_cut_otherwise_lose_nothing_unnoticed() {
    for (pages, expected) in [
        (Pages::FromOne, Some(7)),
        (Pages::AtMost(2), Some(7)),
        (Pages::FromZero, None),
        (Pages::WithoutTotal, None),
        (Pages::AlwaysFirst, None),
    ] {
        let sandbox = sandbox_with(pages).await;
        for number in 0..7 {
            sandbox.flow.add_receipt("7", receipt(number));
            let series = json!({ "numberSeriesUid": number.to_string(), "start": 1, "currentValue": 1 });
            sandbox.flow.add_number_series("7", series);
        }
        let flow = client(&sandbox, 3);
        let receipts = flow.receipts("7", &Search::default()).await.map(|all| all.len());
        let series = flow.number_series("7").await.map(|all| all.len());
        for read in [receipts, series] {
            match expected {
                Some(count) => assert_eq!(read.expect("all"), count, "{pages:?}"),
                None => assert!(matches!(read, Err(CallError::Foreign(..))), "{pages:?}: {read:?}"),
            }
        }
    }
}

#[tokio::test]
async fn receipts_settled_while_pages_are_read_repeat_none() {
    let sandbox = sandbox().await;
    let page = |numbers: [u32; 2], total: u32| {
        let items = numbers.map(receipt);
        json!({ "items": items, "paging": { "totalCount": total } }).to_string()
    };
    // Each rule counts every call, and the first that is left answers.
    for (times, body) in (1..).zip([page([4, 3], 4), page([3, 2], 5), page([1, 0], 5)]) {
        let status = "200".parse().expect("a status");
        sandbox.flow.add_fault(Rule::new(Fault::Body { status, body }).times(times));
    }
    let found = client(&sandbox, 2).receipts("7", &Search::default()).await.expect("receipts");
    assert_eq!(uids(&found), ["rcpt-4", "rcpt-3", "rcpt-2", "rcpt-1", "rcpt-0"]);
}
