//! Envelopes of CloudEvents: what is seen through, what is not one, and what is refused.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use events::{
    Named, PackageEvent, ReceiptSettled, decode, is_enveloped, named, plain, raw_package, receipt_uid,
};
use serde_json::{Value, json};

use crate::support::{self, sample, with};

fn enveloped(event: &Value) -> Value {
    json!({
        "specversion": "1.0", "id": "ce-1", "source": "/tills/7", "type": "example.receipt", "subject": "1001",
        "time": "2026-11-02T10:15:00Z", "datacontenttype": "application/json", "data": event
    })
}

fn in_base64(event: &[u8]) -> Value {
    let mut envelope = enveloped(&json!(null));
    envelope.as_object_mut().expect("an object").remove("data");
    envelope["data_base64"] = BASE64_STANDARD.encode(event).into();
    envelope
}

fn read(body: &Value) -> Result<ReceiptSettled, String> {
    decode(body.to_string().as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn receipt_is_the_same_with_and_without_envelope() {
    for name in ["standard", "payment", "package"] {
        let event = sample(name);
        let plain = read(&event).expect("a receipt");
        for body in [enveloped(&event), in_base64(event.to_string().as_bytes())] {
            let read = read(&body).expect("a receipt");
            assert!(read.same_content(&plain));
            assert_eq!(read.fingerprint(), plain.fingerprint());
            let body = body.to_string();
            let uids = receipt_uid(body.as_bytes()).expect("both uids");
            assert_eq!((uids.0, uids.1), (plain.tenant.uid.clone(), plain.order_receipt.uid.clone()));
            assert!(is_enveloped(body.as_bytes()) && !is_enveloped(event.to_string().as_bytes()));
        }
    }
}

#[test]
fn passes_on_an_enveloped_package_unchanged() {
    let body = br#"{"specversion":"1.0","id":"ce","source":"/oms","type":"x",
        "data":{"event":{"type":"package.status.packed","uuid":"u"},"payload":{ "id" : 73, "x": 1.50 }}}"#;
    assert_eq!(raw_package(body).expect("a package").get(), "{ \"id\" : 73, \"x\": 1.50 }");
    assert_eq!(plain(b" {\"id\": 1.50} ").expect("JSON").get(), "{\"id\": 1.50}");
    let path = support::root().join("tests/samples/package-packed.json");
    let event: Value = serde_json::from_slice(&support::read(&path)).expect("JSON");
    let event = enveloped(&event).to_string();
    assert_eq!(decode::<PackageEvent>(event.as_bytes()).expect("a package").payload.id, 73);
}

#[test]
fn faults_name_their_path_in_the_envelope() {
    let event = sample("standard");
    let broken = with(event.clone(), "/orderReceipt/items/0/total", json!("Kari Nordmann"));
    let whole = enveloped(&event);
    let amount =
        "an integer with two implied decimals (25.00 is 2500), between -10000000000000 and 10000000000000";
    let uid = "an identifier: 1 to 200 characters, no control and direction characters, neither . nor .., and it is empty";
    for (body, expected) in [
        (enveloped(&broken), format!("at data.orderReceipt.items[0].total: expected {amount}")),
        (
            in_base64(broken.to_string().as_bytes()),
            format!("at data_base64.orderReceipt.items[0].total: expected {amount}"),
        ),
        (
            enveloped(&with(event.clone(), "/tenant/uid", json!(""))),
            format!("at data.tenant.uid: expected {uid}"),
        ),
        (with(whole.clone(), "/data", json!(null)), "at data: expected an object".to_owned()),
        (with(whole.clone(), "/data", json!([event])), "at data: expected an object".to_owned()),
        (with(whole.clone(), "/data", json!(event.to_string())), "at data: expected an object".to_owned()),
        (
            with(whole.clone(), "/specversion", json!("0.3")),
            "at specversion: expected the text 1.0".to_owned(),
        ),
        (with(whole.clone(), "/specversion", json!(1.0)), "at specversion: expected the text 1.0".to_owned()),
        (
            with(whole.clone(), "/datacontenttype", json!("application/xml")),
            "at datacontenttype: expected a content type of JSON, as in application/json".to_owned(),
        ),
        (
            with(whole.clone(), "/data_base64", json!("e30=")),
            "at data_base64: expected no data_base64 beside data".to_owned(),
        ),
        (in_base64(b"<receipt/>"), "at data_base64: expected JSON in UTF-8, in base64".to_owned()),
        (in_base64(b"\xff"), "at data_base64: expected JSON in UTF-8, in base64".to_owned()),
        (
            with(in_base64(b"{}"), "/data_base64", json!("***")),
            "at data_base64: expected JSON in UTF-8, in base64".to_owned(),
        ),
        (enveloped(&enveloped(&event)), "at data.id".to_owned()),
    ] {
        let message = read(&body).err().unwrap_or_default();
        let matches = if expected.contains(':') { message == expected } else { !message.is_empty() };
        assert!(matches, "{message:?} instead of {expected:?}");
        assert!(!message.contains("Kari"), "{message}");
    }
    let twice = br#"{"specversion":"1.0","data":{},"data":{}}"#;
    let message = decode::<ReceiptSettled>(twice).expect_err("nobody can tell which counts").to_string();
    assert_eq!(message, "at $: expected each member of the CloudEvents envelope once, not twice");
}

#[test]
fn event_with_envelope_members_is_an_event() {
    let mut event = sample("standard");
    event["specversion"] = json!("1.0");
    assert!(read(&event).is_ok(), "a member of its own that nobody asks for");
    event["orderReceipt"]["data"] = json!({ "specversion": "1.0", "data": {} });
    assert!(read(&event).is_ok());
    let without = json!({ "data": sample("standard") });
    assert!(read(&without).is_err(), "no specversion, no envelope");
}

#[test]
fn envelope_names_an_event_without_a_name() {
    let name = |kind: &str, id: &str| Named { kind: Some(kind.to_owned()), id: Some(id.to_owned()) };
    let of = |body: &Value| named(body.to_string().as_bytes()).expect("JSON");
    let event = json!({ "type": "receipt.settled.v1", "id": "evt-1" });
    let package = json!({ "event": { "type": "package.status.packed", "uuid": "u-1" } });
    assert_eq!(of(&event), name("receipt.settled.v1", "evt-1"));
    assert_eq!(of(&enveloped(&event)), name("receipt.settled.v1", "evt-1"));
    assert_eq!(of(&enveloped(&package)), name("package.status.packed", "u-1"));
    assert_eq!(of(&enveloped(&json!({}))), name("example.receipt", "ce-1"));
    assert_eq!(of(&json!({ "type": "x".repeat(201), "id": "a\nb" })), Named::default());
    assert!(named(b"nothing").is_err());
}
