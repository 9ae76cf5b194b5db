//! The ledger proves what happened.

use sandbox::{Call, Entry};
use serde_json::{Value, json};

use crate::common::{Trial, send};

#[tokio::test]
async fn records_every_call_in_order() {
    let trial = Trial::new().await;
    trial.complete("r-1").await;
    trial.status(Call::Get, "r-2").await;

    let ledger: Vec<Entry> =
        send(trial.http.get(trial.url("/_ledger"))).await.json().await.expect("the ledger");

    let answered: Vec<_> = ledger
        .iter()
        .map(|entry| {
            (entry.n, entry.call, entry.about.subject.invoice_id.as_deref(), entry.status, entry.done)
        })
        .collect();
    assert_eq!(
        answered,
        [
            (1, Call::Token, None, Some(200), true),
            (2, Call::Upsert, Some("r-1"), Some(200), true),
            (3, Call::Attach, Some("r-1"), Some(200), true),
            (4, Call::Get, Some("r-2"), Some(404), false),
        ]
    );
    assert!(ledger.is_sorted_by_key(|entry| entry.at_ms));
    assert!(ledger.iter().all(|entry| entry.in_flight == 1));
    let file = ledger[2].about.file.as_ref().expect("a file");
    assert_eq!((&*file.file_name, file.size), ("1001.pdf", 4));
    // Of the four bytes "%PDF".
    assert_eq!(file.sha256, "315d429b7714cedb6ad04ac31240145257692630457f3c88253c5beceac76027");
}

#[tokio::test]
async fn summary_covers_all_calls() {
    let trial = Trial::new().await;
    trial.complete("r-1").await;
    trial.status(Call::Get, "r-2").await;

    let answered: Value =
        send(trial.http.get(trial.url("/_ledger/summary"))).await.json().await.expect("the summary");

    let summary = trial.omnium().summary();
    assert_eq!(answered, json!(summary));
    assert_eq!(summary.max_in_flight, 1);
    assert_eq!(summary.violations, []);
    assert_eq!((summary.count(Call::Get, 404), summary.count(Call::Get, 200)), (1, 0));
    let invoice = &summary.invoices["r-1"];
    assert_eq!(invoice.amount.as_ref().and_then(serde_json::Number::as_f64), Some(38.5));
    assert_eq!((invoice.store_id.as_deref(), invoice.upserts, invoice.files.len()), (Some("70"), 1, 1));
}
