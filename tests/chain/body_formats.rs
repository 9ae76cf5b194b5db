//! Bodies as other systems publish them. Compressed bodies are read; others become dead letters whose
//! errors name the format.

use std::io::Write;

use amqp::header_names as names;
use bilag_tests::{Ingress, TestEnv, eventually, receipt, sample_path};
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use lapin::BasicProperties;
use lapin::types::ShortString;
use serde_json::json;
use sync_store::Key;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed")
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("compressed")
}

fn encoded(encoding: &str) -> BasicProperties {
    BasicProperties::default().with_content_encoding(encoding.into())
}

fn foreign(name: &str) -> Vec<u8> {
    std::fs::read(sample_path("foreign").join(name)).expect("the sample is there")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_compressed_receipts_and_packages() {
    let env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    let body = |number| receipt(number).to_string().into_bytes();
    for (number, encoding, body) in [
        (1, "gzip", gzip(&body(1))),
        (2, "deflate", zlib(&body(2))),
        (3, "gzip, UTF-8", gzip(&body(3))),
        (4, "binary", body(4)),
        // The same receipt uncompressed is a duplicate.
        (1, "", body(1)),
    ] {
        let properties = encoded(encoding).with_message_id(ShortString::from(format!("{number}{encoding}")));
        env.publish_bytes(&body, properties).await;
    }
    let octets = BasicProperties::default().with_content_type("application/octet-stream".into());
    env.publish_bytes(&foreign("receipt.json"), octets).await;
    env.wait_until_complete(5).await;
    let package = gzip(bilag_tests::package(77).to_string().as_bytes());
    env.publish_to("events", "package.status.packed", &package, encoded("gzip")).await;
    // Omnium gets its receipt, and its number is written back.
    env.wait_until_complete(7).await;
    assert!(env.dead_letters().is_empty());
    // The stored event is uncompressed, for every later reader.
    let key = Key { tenant_uid: "7".to_owned(), receipt_uid: "rcpt-1".to_owned() };
    let kept = env.store().await.receipt(&key).await.expect("asked").expect("it is kept");
    assert_eq!(kept.body, body(1));
    env.ok(&["render", "--receipt", "rcpt-1", "-o", "rcpt-1.pdf"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_name_the_system_that_wrapped_the_body() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    let bomb = gzip(&vec![b' '; 32 << 20]);
    let plain = receipt(9).to_string().into_bytes();
    let amqp_value = [b"\0\x53\x77\xb1\0\0\x05\x7c".as_slice(), &plain].concat();
    let avro = [b"\0\0\0\0\x2a".as_slice(), b"\x0aevt-1"].concat();
    let utf32 = receipt(9).to_string().chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    let cases = [
        (
            "without-data",
            "",
            foreign("cloud-event-without-data.json"),
            "invalid_event",
            "the body is an envelope of CloudEvents without data",
        ),
        (
            "debezium",
            "",
            foreign("debezium-outbox.json"),
            "invalid_event",
            "the body is an envelope of Debezium",
        ),
        (
            "masstransit",
            "",
            foreign("masstransit.json"),
            "invalid_event",
            "the body is an envelope of MassTransit",
        ),
        (
            "ndjson",
            "",
            foreign("ndjson.jsonl"),
            "undecodable",
            "the body is several JSON objects one after another",
        ),
        (
            "unlabelled",
            "",
            foreign("receipt.json.gz"),
            "undecodable",
            "the body is compressed with gzip, and its content_encoding does not say so: set content_encoding to gzip",
        ),
        ("amqp-value", "", amqp_value, "undecodable", "the body is an AMQP 1.0 amqp-value section"),
        ("avro", "", avro, "undecodable", "the body is Avro or the like in the wire format of Confluent's"),
        ("utf32", "", utf32, "undecodable", "the body is text in UTF-32"),
        (
            "bomb",
            "gzip",
            bomb,
            "too_large",
            "decompressed, the event has more than the 1048576 bytes that are read",
        ),
        (
            "damaged",
            "gzip",
            gzip(&plain)[..300].to_vec(),
            "undecodable",
            "the content encoding says gzip, and the body is damaged or something else",
        ),
        (
            "mislabelled",
            "gzip",
            plain.clone(),
            "undecodable",
            "the content encoding says gzip, and the body is damaged or something else",
        ),
        ("unknown", "br", plain, "undecodable", "the content encoding is not known"),
    ];
    for (name, encoding, body, ..) in &cases {
        env.publish_bytes(body, encoded(encoding).with_message_id((*name).into())).await;
    }
    let letters = env.wait_for_dead_letters(cases.len()).await;
    let messages = env.vhost.peek("bilag.receipt.dead", 100).await;
    for (name, encoding, body, reason, error) in &cases {
        let letter = letters.iter().find(|letter| letter["messageId"] == *name).expect(name);
        assert_eq!(letter["reason"], *reason, "{name}");
        let reported = letter["error"].as_str().unwrap_or_default();
        assert!(reported.starts_with(error), "{name}: {reported}");
        let message = messages.iter().find(|message| message.id() == *name).expect(name);
        assert!(message.body == *body, "{name}: the bytes differ");
        assert_eq!(message.content_encoding().unwrap_or_default(), *encoding, "{name}");
    }
    let unlabelled = letters.iter().find(|letter| letter["messageId"] == "unlabelled").expect("a letter");
    let shown = env.ok(&["dead", "show", unlabelled["id"].as_str().expect("an id")]);
    assert!(shown.contains("receipt.settled.v1") && shown.contains("\"voucherNumber\""), "{shown}");
    assert!(shown.contains("payload\n  shown decompressed\n"), "{shown}");
    env.publish_bytes(&gzip(receipt(1).to_string().as_bytes()), encoded("gzip")).await;
    env.wait_until_complete(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_dead_letter_is_searched_redriven_and_edited() {
    let env = TestEnv::new().await;
    let all = env.consume(&["all"]).await;
    let mut broken = receipt(1);
    broken["orderReceipt"]["orderTotals"]["grandTotal"] = json!(1);
    let body = gzip(broken.to_string().as_bytes());
    env.publish_bytes(&body, encoded("gzip")).await;
    let letter = env.wait_for_dead_letters(1).await.remove(0);
    assert_eq!((&letter["reason"], &letter["receipt"]), (&json!("invalid_event"), &json!("rcpt-1")));
    let id = letter["id"].as_str().expect("an id");
    let shown = env.ok(&["dead", "show", id]);
    assert!(shown.contains("\"grandTotal\": 1"), "{shown}");

    env.ok(&["dead", "redrive", id]);
    let again = eventually("it dies again", async || {
        let letter = env.wait_for_dead_letters(1).await.remove(0);
        (letter["redriven"] == 1).then_some(letter)
    })
    .await;
    assert_eq!(again["reason"], "invalid_event", "it was decompressed again");
    let message = env.vhost.peek("bilag.receipt.dead", 1).await.remove(0);
    assert_eq!((message.content_encoding(), &*message.body), (Some("gzip"), &*body));
    assert!(message.header_text(names::ERROR).is_some_and(|error| error.contains("grandTotal")));

    let id = again["id"].as_str().expect("an id");
    let (code, _, problem) = env.edit(id, &receipt(1).to_string());
    assert_eq!(code, 0, "{problem}");
    env.wait_until_complete(1).await;
    drop(all);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unchanged_body_is_sent_only_if_unlabelled_compression() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    // The broker dead-letters both, so the bodies themselves are valid.
    for (number, encoding) in [(1, "gzip"), (2, "")] {
        let expiring = encoded(encoding).with_message_id(ShortString::from(number.to_string()));
        let body = gzip(receipt(number).to_string().as_bytes());
        env.publish_bytes(&body, expiring.with_expiration("1".into())).await;
    }
    let dead = env.consume(&["dead"]).await;
    let letters = env.wait_for_dead_letters(2).await;
    drop(dead);
    let edited = |number: u64, body: String| {
        let id = number.to_string();
        let letter = letters.iter().find(|letter| letter["messageId"] == *id).expect("a letter");
        env.edit(letter["id"].as_str().expect("an id"), &body)
    };
    for body in [receipt(1).to_string(), format!("{:#}\n", receipt(1))] {
        let (code, _, problem) = edited(1, body);
        assert!(code == 1 && problem.contains("the body is unchanged: nothing was sent"), "{problem}");
    }
    let (code, _, problem) = edited(2, receipt(2).to_string());
    assert_eq!(code, 0, "{problem}");
    let sent = env.vhost.peek("bilag.receipt", 5).await;
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].body, receipt(2).to_string().as_bytes());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_webhooks_are_published_plain() {
    let mut env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let ingress = env.ingress().await;
    let event = receipt(1).to_string().into_bytes();
    for (encoding, body, expected) in [
        ("gzip", gzip(&event), 202),
        ("deflate", zlib(&event), 202),
        ("identity", event.clone(), 202),
        ("gzip", event.clone(), 400),
        ("gzip", gzip(&vec![b' '; 32 << 20]), 413),
        ("br", event.clone(), 415),
    ] {
        let request = ingress.request("/webhooks/flow").bearer_auth(Ingress::FLOW);
        let request = request.header("content-type", "application/json").header("content-encoding", encoding);
        assert_eq!(request.body(body).send().await.expect("an answer").status(), expected, "{encoding}");
    }
    let messages = env.vhost.peek("bilag.receipt", 10).await;
    assert_eq!(messages.len(), 3);
    assert!(messages.iter().all(|message| message.body == event && message.content_encoding().is_none()));
}
