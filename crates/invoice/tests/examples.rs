//! Receipts and their exact invoices, side by side in files.

use std::path::Path;

use events::ReceiptSettled;
use serde_json::Value;

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

/// Every `NAME.invoice.json` of the folder is the invoice of `NAME.json` beside it.
fn compare_all(folder: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut compared = 0;
    for entry in std::fs::read_dir(&folder).expect("the folder of examples is in the repository") {
        let invoice = entry.expect("a readable folder").path();
        let Some(stem) = invoice.to_str().and_then(|path| path.strip_suffix(".invoice.json")) else {
            continue;
        };
        let receipt: ReceiptSettled = events::decode(&read(Path::new(&format!("{stem}.json"))))
            .unwrap_or_else(|error| panic!("{stem}: {error}"));
        receipt.check().unwrap_or_else(|error| panic!("{stem}: {error}"));
        let mapped = serde_json::to_value(invoice::map(&receipt, "flow")).expect("an invoice becomes JSON");
        let expected: Value = serde_json::from_slice(&read(&invoice)).expect("the invoice is JSON");
        assert_eq!(mapped, expected, "{stem}: left is mapped, right is {}", invoice.display());
        compared += 1;
    }
    compared
}

#[test]
fn samples_become_exactly_their_invoices() {
    assert_eq!(compare_all("../../tests/samples"), 2);
}
