//! The events that transforms make, with what a filter may leave out, and where their members come from.

use transform::{Made, Source};

use crate::support::{apply, with};

#[test]
fn supplies_what_a_filter_leaves_out() {
    let text = |made| match made {
        Ok(Made::Event(event)) => String::from_utf8(event).expect("text"),
        other => panic!("{other:?}"),
    };
    let receipt = with("", "{ orderReceipt: { settledAt: .at } }");
    let body = r#"{"at": "2026-11-02T09:15:42Z"}"#;
    let source = Source { id: Some("order-1"), body: body.as_bytes(), ..Source::default() };
    assert_eq!(
        text(receipt.entries()[0].apply(&source)),
        r#"{"orderReceipt":{"settledAt":"2026-11-02T09:15:42Z"},"type":"receipt.settled.v1","id":"order-1","occurredAt":"2026-11-02T09:15:42Z"}"#
    );
    let without_id = text(apply(&receipt, body));
    assert!(without_id.contains(r#""id":"sha256:"#), "{without_id}");
    assert_eq!(without_id, text(apply(&receipt, body)), "the same whenever it comes");
    let own = with("", "{ id: 7, type: \"own\", occurredAt: .at }");
    assert_eq!(text(apply(&own, body)), r#"{"id":7,"type":"own","occurredAt":"2026-11-02T09:15:42Z"}"#);
    let packed = with("makes = \"package.status.packed_for_refund\"", "{ payload: { id: 1 } }");
    assert_eq!(
        text(packed.entries()[0].apply(&source)),
        r#"{"payload":{"id":1},"event":{"type":"package.status.packed_for_refund","uuid":"order-1"}}"#
    );
}

#[test]
fn filters_see_the_message_and_its_envelope() {
    let transforms = with("unwrap = [\"masstransit\"]", "{ a: $message, b: $envelope.messageId, c: .v }");
    let body = br#"{"messageId": "m", "message": {"v": 1}}"#;
    let source =
        Source { key: "shop.paid", kind: Some("Paid"), id: Some("i"), tenant: None, opened: 0, body };
    let Ok(Made::Event(event)) = transforms.entries()[0].apply(&source) else { panic!("no event") };
    let event = String::from_utf8(event).expect("text");
    let expected = r#"{"a":{"key":"shop.paid","type":"Paid","id":"i","tenant":null},"b":"m","c":1,"#;
    assert!(event.starts_with(expected), "{event}");
}

#[test]
fn members_are_traced_to_the_source() {
    let filter = r#"{
        orderReceipt: {
            uid: .id,
            voucherNumber: "A-\(.number)",
            items: [.lines[] | { sku: .article.code, total: (.price * 100), name: ("Line " + (.text // "none")), fixed: 1 }],
        },
        count: ([.lines[].price] | add),
        first: (.lines | map(.article) | sort_by(.code) | first | .code),
        whole: .
    }"#;
    let transforms = with("unwrap = [\"sns\"]", filter);
    let inner = r#"{"id": "1", "number": 7, "lines": [{"price": 1.5}, {"article": {"code": "x"}, "price": 2, "text": "t"}]}"#;
    let body = serde_json::json!({ "Message": inner }).to_string();
    let source = Source { body: body.as_bytes(), ..Source::default() };
    for (path, expected) in [
        ("orderReceipt.uid", Some("Message.id")),
        ("orderReceipt.voucherNumber", Some("Message.number")),
        ("orderReceipt.items[0].sku", Some("Message.lines[0].article.code")),
        ("orderReceipt.items[1].sku", Some("Message.lines[1].article.code")),
        ("orderReceipt.items[1].total", Some("Message.lines[1].price")),
        ("orderReceipt.items[1].name", Some("Message.lines[1].text")),
        ("orderReceipt.items[0].name", None),
        ("orderReceipt.items[0].fixed", None),
        ("orderReceipt.items[0].missing", None),
        ("orderReceipt", None),
        ("first", Some("Message.lines[0].article.code")),
        ("whole", Some("Message")),
        ("whole.lines[0]", Some("Message.lines[0]")),
        ("whole.nothing", Some("Message.nothing")),
        ("type", None),
    ] {
        assert_eq!(transforms.entries()[0].source_of(&source, path).as_deref(), expected, "{path}");
    }
}
