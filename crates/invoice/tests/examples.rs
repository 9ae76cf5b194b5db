//! Receipts and their exact invoices, in files.

use std::path::{Path, PathBuf};

use events::ReceiptSettled;
use invoice::Mapping;
use serde_json::Value;

#[test]
fn samples_become_exactly_their_invoices() {
    assert_eq!(compare_all("../../tests/samples"), 2);
}

#[test]
fn cases_become_exactly_their_invoices() {
    assert!(compare_all("tests/cases") > 20);
}

#[test]
fn invoice_ready_example_has_its_receipts_invoice() {
    for path in files("../../schemas/examples/invoice.ready.v1/valid") {
        let event: events::InvoiceReady = events::decode(&read(&path)).expect("the example is valid");
        assert_eq!(invoice::map(&event.receipt, &Mapping::default()), event.invoice, "{}", path.display());
    }
}

#[test]
fn prefixes_every_key_but_voyados() {
    let till = Mapping { prefix: "till".to_owned(), ..Mapping::default() };
    let invoice = invoice::map(&receipt(&samples().join("receipt-standard.json")), &till);
    let lines = invoice.line_items.iter().flat_map(|line| &line.properties);
    for property in invoice.properties.iter().chain(lines) {
        assert!(property.key.starts_with("till.") || &*property.key == "voyado.order.id");
        assert_eq!(&*property.key_group, "till.Invoice");
    }
}

/// Every `NAME.invoice.json` of the folder is the invoice of `NAME.json`, which is beside it or a
/// sample. How many there were.
fn compare_all(folder: &str) -> usize {
    let invoices = files(folder).into_iter().filter(|path| path.to_string_lossy().ends_with(".invoice.json"));
    let compared = invoices.map(|expected| {
        let name = expected.file_name().expect("a file").to_string_lossy().replace(".invoice.json", ".json");
        let beside = expected.with_file_name(&name);
        let receipt = receipt(&if beside.exists() { beside } else { samples().join(&name) });
        let mapped = serde_json::to_value(invoice::map(&receipt, &Mapping::default()))
            .expect("an invoice becomes JSON");
        let expected: Value = serde_json::from_slice(&read(&expected)).expect("the invoice is JSON");
        assert_eq!(mapped, expected, "{name}: left is mapped, right is the file");
    });
    compared.count()
}

fn receipt(path: &Path) -> ReceiptSettled {
    let receipt: ReceiptSettled =
        events::decode(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    receipt.check().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    receipt
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/samples")
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(&folder).expect("the folder is in the repository");
    entries.map(|entry| entry.expect("a readable folder").path()).collect()
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}
