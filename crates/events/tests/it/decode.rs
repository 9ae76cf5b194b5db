//! What is refused, where, and in which words; and what is read all the same.

use events::{InvoiceReady, InvoiceRendered, ReceiptSettled, Undecodable, decode, decode_as, receipt_uid};
use serde_json::json;

use crate::support::{sample, with};

fn refusal(body: &[u8]) -> String {
    decode::<ReceiptSettled>(body).expect_err("the body is broken").to_string()
}

fn standard() -> Vec<u8> {
    sample("standard").to_string().into_bytes()
}

#[test]
fn syntax_errors_name_line_and_column() {
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "the body is empty at line 1, column 1"),
        (b" \n ".to_vec(), "the body is empty at line 2, column 1"),
        (b"\xef\xbb\xbf".to_vec(), "the body is empty at line 1, column 1"),
        (b"{\"id\":\n\"evt".to_vec(), "it ends too early at line 2, column 4"),
        (b"{\"id\" 1}".to_vec(), "a mistake of syntax at line 1, column 7"),
        (b"{\"id\":01}".to_vec(), "a mistake of syntax at line 1, column 8"),
        (b"{} []".to_vec(), "something follows the event at line 1, column 4"),
        (b"not json".to_vec(), "a mistake of syntax at line 1, column 2"),
        (b"{\"a\":\n \"\xff\"}".to_vec(), "not UTF-8 at line 2, column 3"),
        (b"{\"a\":\"\x01\"}".to_vec(), "a mistake of syntax at line 1, column 6"),
    ];
    for (body, expected) in cases {
        assert_eq!(refusal(&body), format!("the body is not JSON: {expected}"));
    }
}

#[test]
fn truncated_bodies_end_too_early() {
    let body = standard();
    for end in 1..body.len() {
        // A cut inside a character is reported as such.
        let expected = match std::str::from_utf8(&body[..end]) {
            Ok(_) => "the body is not JSON: it ends too early",
            Err(_) => "the body is not JSON: not UTF-8",
        };
        let message = refusal(&body[..end]);
        assert!(message.starts_with(expected), "cut at {end}: {message}");
    }
}

#[test]
fn wrong_number_types_name_their_path() {
    for number in ["1.5", "2500.0", "1e2", "1e999", "123456789012345678901234567890", "\"2500\"", "true"] {
        let body = with(sample("standard"), "/orderReceipt/items/1/total", json!("HERE"));
        let body = body.to_string().replace("\"HERE\"", number);
        assert_eq!(
            refusal(body.as_bytes()),
            "at orderReceipt.items[1].total: expected an integer with two implied decimals (25.00 is \
             2500), between -10000000000000 and 10000000000000",
            "{number}"
        );
    }
}

#[test]
fn reports_all_faults_in_document_order() {
    let mut event = sample("standard");
    event["occurredAt"] = json!("yesterday");
    event["type"] = json!("receipt.settled.v2");
    event["tenant"]["country"] = json!({ "code": 47 });
    event["orderReceipt"]["items"][0]["total"] = json!("12,50");
    event["orderReceipt"]["items"][1] = json!("Kari");
    event["orderReceipt"]["items"][2]["vatRate"] = json!(25.5);
    event["orderReceipt"]["settlements"] = json!({});
    event["orderReceipt"]["orderTotals"].as_object_mut().expect("an object").remove("vatTotal");
    // The order is the body's, not that of the alphabet.
    let body = event.to_string().replacen('{', r#"{"package":{"id":-1},"id":"evt-0","#, 1);
    let Undecodable::NotTheEvent(faults) = decode::<ReceiptSettled>(body.as_bytes()).expect_err("broken")
    else {
        panic!("it is JSON")
    };
    let paths: Vec<_> = faults.iter().map(|fault| &*fault.path).collect();
    let message = refusal(body.as_bytes());
    let joined: Vec<_> = faults.iter().map(ToString::to_string).collect();
    assert_eq!(message, joined.join("; "));
    assert_eq!(
        paths,
        [
            "package.id",
            "package.number",
            "id",
            "occurredAt",
            "orderReceipt.items[0].total",
            "orderReceipt.items[1]",
            "orderReceipt.items[2].vatRate",
            "orderReceipt.orderTotals.vatTotal",
            "orderReceipt.settlements",
            "tenant.country.code",
            "tenant.country.currency",
            "type",
        ]
    );
    for (path, expected) in [
        ("id", "the member once, not twice"),
        ("orderReceipt.items[1]", "an object"),
        ("orderReceipt.settlements", "an array"),
        ("package.number", "the member, which is missing"),
        ("tenant.country.code", "a text or null"),
    ] {
        assert!(
            faults.iter().any(|fault| fault.path == path && fault.expected == expected),
            "{path}: {message}"
        );
    }
}

#[test]
fn reports_faults_after_a_bad_target_or_document() {
    let paths = |message: Undecodable| match message {
        Undecodable::NotTheEvent(faults) => faults.into_iter().map(|fault| fault.path).collect::<Vec<_>>(),
        message => panic!("{message}"),
    };
    for (targets, refused) in [(json!(["omnium", 7, "Kari", "erp"]), 2), (json!({}), 1), (json!([]), 1)] {
        let event = json!({ "type": "invoice.ready.v1", "targets": targets, "receipt": 7, "invoice": 7, "occurredAt": 7 });
        let message = decode::<InvoiceReady>(event.to_string().as_bytes()).expect_err("broken");
        let paths = paths(message);
        assert_eq!(paths.iter().filter(|path| path.starts_with("targets")).count(), refused, "{paths:?}");
        for path in ["receipt", "invoice", "occurredAt", "id"] {
            assert!(paths.iter().any(|message| message == path), "{path}: {paths:?}");
        }
    }
    let event = json!({ "target": 7, "pdf": { "sha256": 7, "content": "!", "fileName": 7 }, "invoice": 7 });
    let mut message = paths(decode::<InvoiceRendered>(event.to_string().as_bytes()).expect_err("broken"));
    message.sort_unstable();
    let expected = [
        "id",
        "invoice",
        "occurredAt",
        "orderType",
        "pdf.content",
        "pdf.fileName",
        "pdf.sha256",
        "target",
        "tenant",
        "type",
    ];
    assert_eq!(message, expected);
}

#[test]
fn empty_object_names_each_missing_member() {
    assert_eq!(
        refusal(b"{}"),
        "at id: expected the member, which is missing; at type: expected the member, which is missing; \
         at occurredAt: expected the member, which is missing; at tenant: expected the member, which is \
         missing; at orderReceipt: expected the member, which is missing"
    );
}

#[test]
fn reports_the_first_of_many_faults() {
    let mut event = sample("standard");
    event["orderReceipt"]["items"] = json!(vec![json!({ "uid": 1 }); 1000]);
    let message = refusal(event.to_string().as_bytes());
    assert_eq!(message.matches("expected").count(), 12, "{message}");
    assert!(message.starts_with("at orderReceipt.items[0].uid: expected an identifier"), "{message}");
    assert!(message.ends_with("; and more"), "{message}");
}

#[test]
fn minus_zero_is_zero() {
    let body = sample("standard").to_string().replace("\"discountAmount\":0", "\"discountAmount\":-0");
    let event: ReceiptSettled = decode(body.as_bytes()).expect("-0 is an integer");
    assert!(event.order_receipt.items.iter().all(|item| item.discount_amount.is_zero()));
}

#[test]
fn skips_a_byte_order_mark() {
    let marked = [b"\xef\xbb\xbf".as_slice(), &standard()].concat();
    assert_eq!(decode::<ReceiptSettled>(&marked), decode(&standard()));
}

#[test]
fn refuses_a_repeated_known_member() {
    let body = |text: &str| sample("standard").to_string().replacen("{\"id\"", text, 1);
    assert_eq!(
        refusal(sample("standard").to_string().replacen('{', "{\"id\":\"a\",", 1).as_bytes()),
        "at id: expected the member once, not twice"
    );
    let unknown = body("{\"x\":1,\"x\":2,\"id\"");
    assert!(decode::<ReceiptSettled>(unknown.as_bytes()).is_ok());
}

#[test]
fn refuses_half_a_surrogate_pair() {
    let with_name = |name: &str| sample("standard").to_string().replace("Turski «Fonna» 180 cm", name);
    let event: ReceiptSettled =
        decode(with_name("\\u0053ki \\\"\\ud83c\\udfbf\\\"").as_bytes()).expect("escapes");
    assert_eq!(&*event.order_receipt.items[0].name, "Ski \"🎿\"");
    assert_eq!(
        refusal(with_name("\\ud83c").as_bytes()),
        "at orderReceipt.items[0].name: expected a text of 1 to 1000 characters, without NUL"
    );
}

#[test]
fn skips_nesting_in_unknown_members_alone() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let unknown = sample("standard").to_string().replacen('{', &format!("{{\"x\":{deep},"), 1);
    assert!(decode::<ReceiptSettled>(unknown.as_bytes()).is_ok());
    let name = sample("standard").to_string().replace("\"Havrebar økologisk\"", &deep);
    assert_eq!(
        refusal(name.as_bytes()),
        "at orderReceipt.items[2].name: expected a text of 1 to 1000 characters, without NUL"
    );
    let arrays = |levels: usize| {
        decode_as::<serde_json::Value>(("[".repeat(levels) + &"]".repeat(levels)).as_bytes())
            .map_err(|error: Undecodable| error.to_string())
    };
    assert!(arrays(64).is_ok());
    assert!(arrays(65).is_err_and(|message| message.ends_with("expected at most 64 levels of nesting")));
}

#[test]
fn handles_a_body_of_16_mib() {
    let long = "x".repeat(16 << 20);
    let body = with(sample("standard"), "/orderReceipt/items/0/name", json!(long)).to_string();
    assert!(refusal(body.as_bytes()).ends_with("without NUL, and it has 16777216"));
    let unknown = with(sample("standard"), "/unknown", json!(long)).to_string();
    assert!(decode::<ReceiptSettled>(unknown.as_bytes()).is_ok());
    let zeros = format!("[{}0]", "0,".repeat(8 << 20));
    assert_eq!(refusal(zeros.as_bytes()), "at $: expected an object");
    let body = with(sample("standard"), "/orderReceipt/items", json!("HERE")).to_string();
    let message = refusal(body.replace("\"HERE\"", &zeros).as_bytes());
    assert_eq!(message, "at orderReceipt.items[0]: expected an object");
}

#[test]
fn values_that_look_like_messages_do_not_reach_the_error() {
    for trap in [
        "SECRET, expected SECRET",
        "SECRET at line 1 column 2",
        "missing field `SECRET`",
        "`, expected `SECRET` at line 7 column 9",
    ] {
        for (pointer, expected) in [
            ("/type", "at type: expected the text receipt.settled.v1"),
            ("/occurredAt", "at occurredAt: expected a time in RFC 3339, as in 2026-11-02T09:15:42Z"),
            ("/tenant", "at tenant: expected an object"),
            ("/orderReceipt/items", "at orderReceipt.items: expected an array"),
            (
                "/orderReceipt/order/type",
                "at orderReceipt.order.type: expected the text SALE or RETURN or PAYMENT",
            ),
        ] {
            let body = with(sample("standard"), pointer, json!(trap));
            assert_eq!(refusal(body.to_string().as_bytes()), expected);
        }
    }
}

#[test]
fn finds_the_uids_of_a_refused_receipt() {
    let broken = with(sample("standard"), "/orderReceipt/items", json!(null)).to_string();
    let (tenant, receipt) = receipt_uid(broken.as_bytes()).expect("both uids are there");
    assert_eq!((&*tenant, &*receipt), ("7", "rcpt-1001"));
    assert_eq!(receipt_uid(&broken.as_bytes()[..broken.len() - 1]), None);
    assert_eq!(receipt_uid(b"{\"tenant\":{\"uid\":\"7\"}}"), None);
}
