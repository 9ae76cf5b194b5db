//! Akinon's package events: what has happened, and what counts as the content of a package.

use events::{PackageEvent, PackageStatus, package_id, package_status, raw_package};
use serde_json::{Value, json};

use crate::support;

fn sample() -> Value {
    let path = support::root().join("tests/samples/package-packed.json");
    serde_json::from_slice(&support::read(&path)).expect("the sample is JSON")
}

fn status(event: &Value) -> Result<PackageStatus, String> {
    package_status(event.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn content(event: &Value) -> String {
    let event: PackageEvent = events::decode(event.to_string().as_bytes()).expect("a package");
    event.payload.content_fingerprint()
}

#[test]
fn packed_by_its_own_event_or_a_transition_to_500() {
    let transitioned = support::with(sample(), "/event/type", json!("package.status.transitioned"));
    let state = |value| support::with(transitioned.clone(), "/payload/state/enum_value", value);
    for (event, expected) in [
        (sample(), PackageStatus::Packed),
        (state(json!("500")), PackageStatus::Packed),
        (state(json!(500)), PackageStatus::Packed),
        (state(json!("1100")), PackageStatus::PackedForRefund),
        (
            support::with(sample(), "/event/type", json!("package.status.packed_for_refund")),
            PackageStatus::PackedForRefund,
        ),
        (state(json!("550")), PackageStatus::Other),
        (state(json!("920")), PackageStatus::Other),
        (support::with(sample(), "/event/type", json!("package.created")), PackageStatus::Other),
        (json!({ "event": { "type": "package.status.shipped", "uuid": "u" } }), PackageStatus::Other),
    ] {
        assert_eq!(status(&event), Ok(expected), "{event}");
    }
    assert_eq!(
        status(&state(json!("packed"))),
        Err("at payload.state.enum_value: expected a status, as in \"500\"".to_owned())
    );
}

#[test]
fn reports_all_faults_of_a_package_event() {
    let missing = "expected the member, which is missing";
    let message = package_status(br#"{"event":{},"payload":{"id":-1}}"#).expect_err("no type").to_string();
    for path in ["event.type", "event.uuid", "payload.number", "payload.packageitem_set"] {
        assert!(message.contains(&format!("at {path}: {missing}")), "{path}: {message}");
    }
    assert!(message.contains("at payload.id: expected a whole number"), "{message}");

    let packed = br#"{"event":{"type":"package.status.packed"},"payload":{"id":-1}}"#;
    assert_eq!(package_status(packed), Ok(PackageStatus::Packed));
    let message = events::decode::<PackageEvent>(packed).expect_err("broken").to_string();
    assert!(message.contains("at event.uuid: ") && message.contains("at payload.id: "), "{message}");

    let event = support::with(sample(), "/event/type", json!("package.status.transitioned"));
    let mut stateless = event.clone();
    stateless["payload"].as_object_mut().expect("an object").remove("state");
    assert_eq!(status(&stateless), Err(format!("at payload.state: {missing}")));
    stateless["event"]["uuid"] = json!(null);
    let message = status(&stateless).expect_err("without a uuid");
    assert!(message.starts_with("at event.uuid: expected an identifier"), "{message}");
}

#[test]
fn content_is_the_order_and_its_quantities() {
    let packed = sample();
    let mut later = packed.clone();
    later["event"]["uuid"] = json!("another");
    later["payload"]["state"]["modified_date"] = json!("2026-11-03T09:10:49Z");
    later["payload"]["invoice_number"] = json!("3001");
    later["payload"]["packageitem_set"] = json!([
        { "id": 9, "sku": "CRP-3", "quantity": "1.00" },
        { "id": 8, "sku": "AYK-42", "quantity": 1 },
        { "id": 7, "sku": "CRP-3", "quantity": 1.0 },
    ]);
    assert_eq!(content(&packed), content(&later));

    let fewer = support::with(packed.clone(), "/payload/packageitem_set/1/quantity", json!(1));
    let other = support::with(packed.clone(), "/payload/packageitem_set/0/sku", json!("AYK-43"));
    let order = support::with(packed.clone(), "/payload/order_number", json!("1"));
    for changed in [fewer, other, order] {
        assert_ne!(content(&packed), content(&changed), "{changed}");
    }
}

#[test]
fn both_events_of_a_packing_have_the_same_package() {
    let same = |one: &Value, other: &Value| {
        events::same_package(one.to_string().as_bytes(), other.to_string().as_bytes())
    };
    let packed = sample();
    let mut transitioned = support::with(packed.clone(), "/event/type", json!("package.status.transitioned"));
    transitioned["event"]["uuid"] = json!("another");
    transitioned["payload"]["state"]["modified_date"] = json!("2026-11-03T09:10:49Z");
    assert!(same(&packed, &transitioned));
    assert!(!same(&packed, &support::with(packed.clone(), "/payload/city", json!("Ankara"))));
    assert!(!same(&packed, &json!({})) && !same(&json!({}), &json!({})));
}

#[test]
fn passes_on_a_package_unchanged() {
    let body = b"\xef\xbb\xbf{ \"payload\": { \"id\" : 73,\t\"x\": 1.50 }, \"event\": {} }";
    assert_eq!(raw_package(body).expect("a package").get(), "{ \"id\" : 73,\t\"x\": 1.50 }");
    assert_eq!(package_id(body), Some(73));
    assert_eq!(package_id(b"{}"), None);
    assert!(raw_package(b"[]").is_none());
}
