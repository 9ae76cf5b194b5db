//! End to end: settled receipts become invoices with their PDF.

use bilag_tests::{TestEnv, eventually, sample};
use sync_store::State;

const SAMPLES: [&str; 7] = [
    "receipt-standard.json",
    "receipt-return.json",
    "receipt-payment.json",
    "receipt-split-payment.json",
    "receipt-b2b.json",
    "receipt-long.json",
    "receipt-package.json",
];

#[tokio::test]
async fn every_sample_becomes_an_invoice_with_its_file() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    for name in SAMPLES {
        env.publish(&sample(name)).await;
    }
    eventually("all are complete", async || (env.records(State::Complete).await == 7).then_some(())).await;

    let summary = env.sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert_eq!(summary.invoices.len(), SAMPLES.len());
    for name in SAMPLES {
        let receipt = &sample(name)["orderReceipt"];
        let invoice = &summary.invoices[receipt["uid"].as_str().expect("a uid")];
        let files: Vec<_> = invoice.files.iter().map(|file| file.file_name.clone()).collect();
        assert_eq!(files, [format!("{}.pdf", receipt["voucherNumber"].as_str().expect("a number"))]);
    }
    assert!(env.dead_letters().is_empty());
}
