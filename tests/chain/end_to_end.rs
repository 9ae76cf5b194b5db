//! What Bilag is for: settled receipts become invoices with their PDF.

use bilag_tests::{World, eventually, sample};
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
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    for name in SAMPLES {
        world.publish(&sample(name)).await;
    }
    eventually("all are complete", async || (world.records(State::Complete).await == 7).then_some(())).await;

    let summary = world.sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert_eq!(summary.invoices.len(), SAMPLES.len());
    for name in SAMPLES {
        let receipt = &sample(name)["orderReceipt"];
        let invoice = &summary.invoices[receipt["uid"].as_str().expect("a uid")];
        let files: Vec<_> = invoice.files.iter().map(|file| file.file_name.clone()).collect();
        assert_eq!(files, [format!("{}.pdf", receipt["voucherNumber"].as_str().expect("a number"))]);
    }
    assert!(world.dead_letters().is_empty());
}
