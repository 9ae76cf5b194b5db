//! Checks by the sandbox's call records and the store that everything was delivered exactly once.

use std::collections::BTreeMap;

use bilag_tests::{TestEnv, receipt};
use sha2::{Digest, Sha256};
use sync_store::{Page, Record, RecordFilter, State};

use super::{PACKAGES, RECEIPTS};

/// Checks the receipts, then the packages.
pub async fn verify(env: &TestEnv) {
    let omnium = env.sandbox.omnium.summary();
    println!("Omnium: {:?}; at most {} at once", omnium.calls, omnium.max_in_flight);
    assert!(omnium.violations.is_empty(), "{:?}", omnium.violations);
    assert_eq!(omnium.invoices.len(), (RECEIPTS + PACKAGES) as usize);
    let records = records_at(env, "omnium").await;
    assert_eq!(records.len(), (RECEIPTS + PACKAGES) as usize);
    let template = receipt_pdf::Template::builtin("a4").expect("built in");
    for number in 1..=RECEIPTS {
        let event: events::ReceiptSettled = serde_json::from_value(receipt(number)).expect("a receipt");
        let pdf = receipt_pdf::render(template, &event).expect("a PDF").pdf;
        let sha256: String = Sha256::digest(&pdf).iter().map(|byte| format!("{byte:02x}")).collect();
        let uid = format!("rcpt-{number}");
        let invoice = &omnium.invoices[&uid];
        let files: Vec<_> = invoice.files.iter().map(|file| (&*file.file_name, &*file.sha256)).collect();
        assert_eq!(files, [(&*format!("{number}.pdf"), &*sha256)], "{uid}");
        let record = &records[&uid];
        assert_eq!(record.state, State::Complete, "{uid}");
        assert_eq!(record.invoice_id.as_deref(), Some(&*uid));
        assert_eq!(record.pdf_sha256.as_deref(), Some(&*sha256), "{uid}");
    }
    packages(env, &records).await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

/// Each package has one key, one receipt, and the same document in Omnium, the OMS and the ERP.
async fn packages(env: &TestEnv, at_omnium: &BTreeMap<String, Record>) {
    let (asked, oms, erp) =
        (env.sandbox.invoice_service.summary(), env.sandbox.oms.summary(), env.sandbox.erp.summary());
    println!("invoice service: {:?}; OMS: {:?}; ERP: {:?}", asked.calls, oms.calls, erp.calls);
    for violations in [&asked.violations, &oms.violations, &erp.violations] {
        assert!(violations.is_empty(), "{violations:?}");
    }
    let there = [asked.packages.len(), oms.packages.len(), erp.invoices.len()];
    assert_eq!(there, [PACKAGES as usize; 3]);
    let others = [records_at(env, "package").await, records_at(env, "erp").await];
    for id in 1..=u64::from(PACKAGES) {
        env.assert_one_invoice(id);
        let uid = &asked.packages[&id].receipts[0].uid;
        let delivered = &erp.invoices[&format!("31/{uid}/erp")];
        let on_the_package = &oms.packages[&id];
        assert_eq!(delivered.package_id, Some(id));
        assert_eq!(
            (&delivered.invoice_number, &delivered.sha256),
            (&on_the_package.number, &on_the_package.sha256)
        );
        for records in others.iter().chain([at_omnium]) {
            let record = &records[uid];
            assert_eq!(record.state, State::Complete, "{uid} at {}", record.target);
            assert_eq!(record.pdf_sha256.as_ref(), Some(&on_the_package.sha256));
        }
    }
    let rounds = env.store().await.package_counts().await.expect("the store answers");
    let [issued] = rounds.as_slice() else { panic!("all are issued: {rounds:?}") };
    assert_eq!((issued.state, issued.count), (sync_store::PackageState::Issued, PACKAGES.into()));
}

/// The records of a target, by the receipt's uid.
async fn records_at(env: &TestEnv, target: &str) -> BTreeMap<String, Record> {
    let filter = RecordFilter { target: Some(target.to_owned()), ..Default::default() };
    let page = Page::first(RECEIPTS + PACKAGES + 1);
    let records = env.store().await.records(&filter, page).await.expect("the store answers");
    records.into_iter().map(|listed| (listed.record.key.receipt_uid.clone(), listed.record)).collect()
}
