//! Bodies of other systems: each is named, with what its publisher is to do.

use std::io::Write;

use events::{
    EncodingError, MAX_EVENT, PackageEvent, ReceiptSettled, Undecodable, decode, decompress, legible,
};
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use serde_json::{Value, json};

use crate::support;

fn receipt() -> Vec<u8> {
    support::sample("standard").to_string().into_bytes()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed")
}

fn zlib(body: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed")
}

fn deflate(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed")
}

fn named(body: &[u8], what: &str, remedy: &str) {
    let refusals = [
        decode::<ReceiptSettled>(body).expect_err(what).to_string(),
        decode::<PackageEvent>(body).expect_err(what).to_string(),
    ];
    for refusal in refusals {
        assert!(refusal.starts_with(&format!("the body is {what}")), "{refusal:?}, not {what:?}");
        assert!(refusal.contains(remedy), "{refusal:?} without {remedy:?}");
    }
}

#[test]
fn names_formats_by_their_first_bytes() {
    let text = String::from_utf8(receipt()).expect("UTF-8");
    let after = |beginning: &[u8]| [beginning, &receipt()].concat();
    for (body, what, remedy) in [
        (after(b"\0\x53\x75\xa0\x10"), "an AMQP 1.0 data section", "bytes of one data section"),
        (after(b"\0\x53\x76\xc0\x10"), "an AMQP 1.0 amqp-sequence", "bytes of one data section"),
        (after(b"\0\x53\x77\xb1\0\0\x05\x7c"), "an AMQP 1.0 amqp-value", "bytes of one data section"),
        (after(b"\0\x80\0\0\0\0\0\0\0\x77\xa1\x02"), "an AMQP 1.0 amqp-value", "bytes of one data section"),
        (after(b"\0\x53\x70\x45"), "an AMQP 1.0 message", "bytes of one data section"),
        (after(b"\0\0\0\0\x2a"), "Avro or the like in the wire format of Confluent's", "plain JSON"),
        (after(b"\0\0\0\x7b\0\x2a"), "Avro or the like in the wire format of Confluent's", "plain JSON"),
        (after(b"\0\0\0\0\x2a"), "Avro or the like", "without the serializer of a schema registry"),
        (after(b"Obj\x01\x04"), "an Avro object container file", "plain JSON"),
        (after(b"\xc3\x01\x8d\x91"), "Avro in its single-object encoding", "plain JSON"),
        (gzip(&receipt()), "compressed with gzip, and its content_encoding", "content_encoding to gzip"),
        (gzip(b""), "compressed with gzip, and its content_encoding", "content_encoding to gzip"),
        (
            zlib(&receipt(), 0),
            "compressed with zlib, and its content_encoding",
            "content_encoding to deflate",
        ),
        (
            zlib(&receipt(), 6),
            "compressed with zlib, and its content_encoding",
            "content_encoding to deflate",
        ),
        (
            zlib(&receipt(), 9),
            "compressed with zlib, and its content_encoding",
            "content_encoding to deflate",
        ),
        (after(b"\x28\xb5\x2f\xfd"), "compressed with zstd", "compress it with gzip"),
        (after(b"BZh9"), "compressed with bzip2", "compress it with gzip"),
        (after(b"\xff\x06\0\0sNaPpY"), "compressed with snappy", "compress it with gzip"),
    ] {
        named(&body, what, remedy);
    }
    for mark in ["", "\u{feff}"] {
        let text = format!("{mark}{text}");
        for body in [
            text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
            text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        ] {
            named(&body, "text in UTF-16", "in UTF-8");
        }
        for body in [
            text.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect::<Vec<_>>(),
            text.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect(),
        ] {
            named(&body, "text in UTF-32", "in UTF-8");
        }
    }
}

#[test]
fn names_envelopes_by_their_members() {
    let event = support::sample("standard");
    let text = event.to_string();
    let row = json!({ "before": null, "after": event, "op": "c", "source": {} });
    for (body, what, remedy) in [
        (
            json!({ "messageType": ["urn:message:x"], "message": event }),
            "an envelope of MassTransit, with the event in message",
            "raw JSON serializer",
        ),
        (json!({ "schema": {}, "payload": text }), "an envelope of Debezium", "schemas.enable=false"),
        (json!({ "schema": {}, "payload": row }), "an envelope of Debezium", "schemas.enable=false"),
        (row, "Debezium's change event of a row", "outbox event router"),
        (json!({ "payload": text }), "an envelope with a text in payload", "as a JSON object"),
        (
            json!({ "pattern": "receipt.settled.v1", "data": event, "id": "1" }),
            "a packet of NestJS, with the event in data",
            "serializer",
        ),
        (
            json!({ "Type": "Notification", "MessageId": "1", "Message": text }),
            "a notification of Amazon SNS, with the event in Message",
            "raw message delivery",
        ),
        (
            json!({ "specversion": "1.0", "id": "1", "source": "/s", "type": "t" }),
            "an envelope of CloudEvents without data",
            "into data",
        ),
        (json!([event, event]), "a JSON array of objects", "a message of its own"),
        (json!(text), "JSON within a JSON string", "encoded once"),
    ] {
        named(body.to_string().as_bytes(), what, remedy);
    }
    for separator in ["", "\n", "\r\n", " "] {
        let several = format!("{text}{separator}{text}\n");
        named(several.as_bytes(), "several JSON objects one after another", "a message of its own");
    }
}

#[test]
fn names_or_reads_samples_of_other_systems() {
    let sample = |name: &str| support::read(&support::root().join("tests/samples/foreign").join(name));
    for (name, what, remedy) in [
        ("cloud-event-without-data.json", "an envelope of CloudEvents without data", "into data"),
        ("debezium-outbox.json", "an envelope of Debezium", "schemas.enable=false"),
        ("masstransit.json", "an envelope of MassTransit, with the event in message", "raw JSON serializer"),
        ("ndjson.jsonl", "several JSON objects one after another", "a message of its own"),
        ("receipt.json.gz", "compressed with gzip, and its content_encoding", "content_encoding to gzip"),
    ] {
        named(&sample(name), what, remedy);
    }
    assert!(decode::<ReceiptSettled>(&sample("receipt.json")).is_ok());
    assert!(decode::<ReceiptSettled>(&legible(&sample("receipt.json.gz"))).is_ok());
}

#[test]
fn reports_faults_of_an_event_with_foreign_members() {
    let mut event = support::sample("standard");
    event["id"] = json!(7);
    for (name, value) in [
        ("schema", json!({})),
        ("payload", json!("x")),
        ("messageType", json!([])),
        ("message", json!({})),
        ("pattern", json!("x")),
        ("specversion", json!("1.0")),
        ("source", json!("/s")),
    ] {
        event[name] = value;
    }
    let refusal = decode::<ReceiptSettled>(event.to_string().as_bytes()).expect_err("its id is a number");
    assert!(refusal.to_string().starts_with("at id: expected an identifier"), "{refusal}");
    let package = json!({ "event": {}, "payload": "x", "schema": {} }).to_string();
    let refusal = decode::<PackageEvent>(package.as_bytes()).expect_err("its payload is a text").to_string();
    assert!(refusal.starts_with("at event.type: expected the member, which is missing"), "{refusal}");
}

#[test]
fn decodes_content_encodings() {
    let body = receipt();
    for encoding in
        ["", "identity", "binary", "8bit", "7bit", "utf-8", "UTF8", "us-ascii", "utf-8, binary", "Binary"]
    {
        assert_eq!(decompress(&body, Some(encoding)).as_deref(), Ok(&*body), "{encoding}");
    }
    assert_eq!(decompress(&body, None).as_deref(), Ok(&*body));
    for (encoding, encoded) in [
        ("gzip", gzip(&body)),
        ("x-gzip", gzip(&body)),
        ("GZIP", gzip(&body)),
        ("gzip, UTF-8", gzip(&body)),
        ("gzip:UTF-8", gzip(&body)),
        ("deflate", zlib(&body, 6)),
        ("deflate", zlib(&body, 0)),
        ("deflate", deflate(&body)),
    ] {
        assert_eq!(decompress(&encoded, Some(encoding)).as_deref(), Ok(&*body), "{encoding}");
    }
    for encoding in ["zstd", "br", "compress", "gzip, gzip", "deflate, gzip", "base64", "Kari Nordmann"] {
        let refusal = decompress(&body, Some(encoding)).expect_err(encoding);
        assert_eq!(refusal, EncodingError::Unknown);
        assert!(refusal.to_string().contains("gzip or deflate") && !refusal.to_string().contains("Kari"));
    }
}

#[test]
fn reads_zlib_and_raw_deflate() {
    let body = receipt();
    // As zlib with a window of 8 KiB begins.
    let mut small_window = zlib(&body, 6);
    small_window[..2].copy_from_slice(b"\x58\x85");
    for encoded in [gzip(&body), zlib(&body, 6), small_window, deflate(&body)] {
        assert_eq!(*legible(&encoded), *body);
    }
    let package = b"\0\0\0\0\x2a\xff\xfe".as_slice();
    for other in [&*body, b"", b"\xff", package, &deflate(b"\xff\xfe")] {
        assert_eq!(*legible(other), *other, "shown as it is");
    }
}

#[test]
fn zeros_before_json_are_not_avro() {
    let length = u32::try_from(receipt().len()).expect("short").to_be_bytes();
    let zero = [&b"\0"[..], &receipt()].concat();
    for body in [zero, [&length[..], &receipt()].concat(), vec![0; 100]] {
        let refusal = decode::<ReceiptSettled>(&body).expect_err("no JSON");
        assert!(matches!(refusal, Undecodable::NotJson { .. }), "{refusal}");
    }
}

#[test]
fn refuses_damaged_compression() {
    let body = receipt();
    let (gzipped, zlibbed, deflated) = (gzip(&body), zlib(&body, 6), deflate(&body));
    for (encoding, name, encoded) in
        [("gzip", "gzip", &gzipped), ("deflate", "deflate", &zlibbed), ("deflate", "deflate", &deflated)]
    {
        let corrupt = Err(EncodingError::Corrupt(name));
        for end in [0, 1, 2, encoded.len() / 2, encoded.len() - 1] {
            assert_eq!(decompress(&encoded[..end], Some(encoding)), corrupt, "{encoding} cut at {end}");
        }
        assert_eq!(decompress(&[encoded, &b"x"[..]].concat(), Some(encoding)), corrupt);
        assert_eq!(decompress(&[&encoded[..], encoded].concat(), Some(encoding)), corrupt);
        assert_eq!(decompress(&body, Some(encoding)), corrupt, "{encoding} of what is plain");
    }
    let mut flipped = gzipped.clone();
    flipped[gzipped.len() / 2] ^= 0x55;
    assert_eq!(decompress(&flipped, Some("gzip")), Err(EncodingError::Corrupt("gzip")));
    assert_eq!(*legible(&flipped), *flipped, "shown as it is");
}

#[test]
fn refuses_decompression_beyond_the_limit() {
    let largest = vec![b' '; MAX_EVENT];
    assert_eq!(decompress(&gzip(&largest), Some("gzip")).as_deref(), Ok(&*largest));
    let bomb = vec![b' '; 64 * MAX_EVENT];
    for (encoding, encoded) in [
        ("gzip", gzip(&bomb)),
        ("deflate", zlib(&bomb, 9)),
        ("deflate", deflate(&bomb)),
        ("gzip", gzip(&vec![0; MAX_EVENT + 1])),
    ] {
        assert!(encoded.len() < MAX_EVENT);
        assert_eq!(decompress(&encoded, Some(encoding)), Err(EncodingError::TooLarge), "{encoding}");
    }
}

#[test]
fn finds_receipts_after_decompression() {
    let mut broken: Value = support::sample("standard");
    broken["orderReceipt"]["items"] = json!(null);
    let body = gzip(broken.to_string().as_bytes());
    let plain = decompress(&body, Some("gzip")).expect("gzip");
    let (tenant, receipt) = events::receipt_uid(&plain).expect("both uids are there");
    assert_eq!((&*tenant, &*receipt), ("7", "rcpt-1001"));
}
