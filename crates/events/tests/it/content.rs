//! What tells a duplicate from a conflict.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{receipt, sample, with};

/// Both ways of telling agree, but of receipts that say whether they are copies.
fn same(a: &Value, b: &Value) -> bool {
    let (a, b) = (receipt(a), receipt(b));
    assert_eq!(a.same_content(&b), a.fingerprint() == b.fingerprint());
    a.same_content(&b)
}

#[test]
fn envelope_and_names_do_not_count() {
    for (pointer, value) in [
        ("/id", json!("evt-of-another-bus")),
        ("/occurredAt", json!("2026-11-03T00:00:00+01:00")),
        ("/tenant/name", json!("Nordlys")),
        ("/tenant/country/code", json!(null)),
        ("/orderReceipt/unknown", json!([1])),
        ("/orderReceipt/items/0/ean", json!("")),
        ("/orderReceipt/contactPerson", json!(null)),
    ] {
        assert!(same(&sample("standard"), &with(sample("standard"), pointer, value)), "{pointer}");
    }
}

#[test]
fn all_other_content_counts() {
    for (pointer, value) in [
        ("/tenant/uid", json!("8")),
        ("/tenant/country/currency", json!("SEK")),
        ("/orderReceipt/uid", json!("rcpt-1002")),
        ("/orderReceipt/settledAt", json!("2026-11-02T10:15:42+01:00")),
        ("/orderReceipt/items/0/name", json!("Turski")),
        ("/orderReceipt/items/0/total", json!(349_901)),
        ("/orderReceipt/settlements", json!([])),
        ("/orderReceipt/seller/code", json!(null)),
        ("/package", json!({ "id": 73, "number": "000000073" })),
    ] {
        assert!(!same(&sample("standard"), &with(sample("standard"), pointer, value)), "{pointer}");
    }
}

#[test]
fn fingerprint_is_stable_across_versions() {
    assert_eq!(
        receipt(&sample("standard")).fingerprint(),
        "80afb4b7e67907bb0416f909eee001acba87a7a87a479ae782df060a1bd205ad"
    );
}

#[test]
fn copy_is_a_duplicate_of_its_original() {
    let said = |value: Value| receipt(&with(sample("standard"), "/orderReceipt/isCopy", value));
    let (original, no_copy, copy) = (receipt(&sample("standard")), said(json!(false)), said(json!(true)));
    assert!([&no_copy, &copy].into_iter().all(|other| original.same_content(other)));
    assert!(no_copy.same_content(&copy));
    assert_eq!(copy.fingerprint(), original.fingerprint());
    assert_eq!(original.as_copy(), copy);
    // As earlier versions made it, which put `false` into it.
    let receipt = serde_json::to_string(&no_copy.order_receipt).expect("JSON");
    assert!(receipt.ends_with(r#","isCopy":false}"#), "{receipt}");
    let content = format!(r#"{{"tenant":"7","currency":"NOK","orderReceipt":{receipt}}}"#);
    let before: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(no_copy.fingerprint(), before);
    let mut other = copy;
    other.order_receipt.order_totals.grand_total = events::Hundredths::new(1);
    assert!(!original.same_content(&other));
    assert_ne!(original.fingerprint(), other.fingerprint());
}
