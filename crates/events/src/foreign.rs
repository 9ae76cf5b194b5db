//! Bodies of other systems: known by how they begin, or by their members, and named together with what
//! their publisher is to change. Looked at only after reading has failed.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::value::RawValue;

use crate::encoding::{is_gzip, is_zlib};

/// What a body is instead of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// A phrase for it.
    pub what: &'static str,
    /// What its publisher is to do.
    pub remedy: &'static str,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body is {}: {}", self.what, self.remedy)
    }
}

const fn known_as(what: &'static str, remedy: &'static str) -> Foreign {
    Foreign { what, remedy }
}

const COMPRESS_OTHERWISE: &str =
    "publish the event plain, or compress it with gzip and set content_encoding to gzip";
const NO_REGISTRY: &str = "publish the event as plain JSON, without the serializer of a schema registry";
const IN_UTF_8: &str = "publish the event in UTF-8";
const EACH_ALONE: &str = "publish each event as a message of its own";

/// How formats begin that are no JSON.
const BEGINNINGS: [(&[u8], Foreign); 7] = [
    (b"\x28\xb5\x2f\xfd", known_as("compressed with zstd, which is not read", COMPRESS_OTHERWISE)),
    (b"BZh", known_as("compressed with bzip2, which is not read", COMPRESS_OTHERWISE)),
    (b"\xff\x06\0\0sNaPpY", known_as("compressed with snappy, which is not read", COMPRESS_OTHERWISE)),
    (b"\xfd7zXZ\0", known_as("compressed with xz, which is not read", COMPRESS_OTHERWISE)),
    (b"\x04\x22\x4d\x18", known_as("compressed with lz4, which is not read", COMPRESS_OTHERWISE)),
    (b"Obj\x01", known_as("an Avro object container file", NO_REGISTRY)),
    (b"\xc3\x01", known_as("Avro in its single-object encoding", NO_REGISTRY)),
];

/// What bytes are that are no JSON.
pub(crate) fn of_bytes(body: &[u8]) -> Option<Foreign> {
    if is_gzip(body) {
        return Some(known_as(
            "compressed with gzip, and its content_encoding does not say so",
            "set content_encoding to gzip",
        ));
    }
    if is_zlib(body) {
        return Some(known_as(
            "compressed with zlib, and its content_encoding does not say so",
            "set content_encoding to deflate",
        ));
    }
    if let Some((_, foreign)) = BEGINNINGS.iter().find(|(beginning, _)| body.starts_with(beginning)) {
        return Some(*foreign);
    }
    of_zeros(body).or_else(|| several(body))
}

/// What has zero bytes near its beginning. JSON begins with a sign of ASCII, and so do its objects.
fn of_zeros(body: &[u8]) -> Option<Foreign> {
    let begins_json = |sign: u8| b"{[\" \t\r\n".contains(&sign);
    Some(match *body {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => known_as("text in UTF-32", IN_UTF_8),
        [sign, 0, 0, 0, ..] | [0, 0, 0, sign, 0, 0, 0, _, ..] if begins_json(sign) => {
            known_as("text in UTF-32", IN_UTF_8)
        }
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => known_as("text in UTF-16", IN_UTF_8),
        [sign, 0, ..] | [0, sign, 0, _, ..] if begins_json(sign) => known_as("text in UTF-16", IN_UTF_8),
        // A described type, by its code in one byte or in eight (AMQP 1.0, 1.3.2 and 3.2).
        [0, 0x53, code @ 0x70..=0x78, ..] | [0, 0x80, 0, 0, 0, 0, 0, 0, 0, code @ 0x70..=0x78, ..] => {
            let what = match code {
                0x75 => "an AMQP 1.0 data section in its encoding",
                0x76 => "an AMQP 1.0 amqp-sequence section",
                0x77 => "an AMQP 1.0 amqp-value section",
                _ => "an AMQP 1.0 message in its encoding",
            };
            known_as(what, "publish the event's JSON as the bytes of one data section")
        }
        // JSON after its length or a zero byte, and nothing but zeros.
        [0, b'{', ..] | [0, _, _, _, b'{', ..] | [0, 0, 0, 0, 0, 0, ..] => return None,
        [0, _, _, _, _, _, ..] => {
            known_as("Avro or the like in the wire format of Confluent's schema registry", NO_REGISTRY)
        }
        _ => return None,
    })
}

/// Objects one after another, one a line or not.
fn several(body: &[u8]) -> Option<Foreign> {
    let text = std::str::from_utf8(body).ok()?.trim_start_matches('\u{feff}');
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<&RawValue>();
    let is_object = values.next()?.ok()?.get().starts_with('{');
    let another = text[values.byte_offset()..].trim_start().starts_with('{');
    (is_object && another).then_some(known_as("several JSON objects one after another", EACH_ALONE))
}

/// The members that tell an envelope, and the envelope.
const ENVELOPES: [(&[&str], Foreign); 5] = [
    (
        &["messageType", "message"],
        known_as(
            "an envelope of MassTransit, with the event in message",
            "publish the event alone, as MassTransit's raw JSON serializer does",
        ),
    ),
    (
        &["schema", "payload"],
        known_as(
            "an envelope of Debezium or Kafka Connect, with the event in payload",
            "publish the event alone, as a JSON object (value.converter.schemas.enable=false, and table.expand.json.payload=true for an outbox)",
        ),
    ),
    (
        &["before", "after", "op"],
        known_as(
            "Debezium's change event of a row, with the row in after",
            "publish the event alone, as Debezium's outbox event router does",
        ),
    ),
    (
        &["pattern", "data"],
        known_as(
            "a packet of NestJS, with the event in data",
            "publish the event alone, by a serializer that leaves the packet out",
        ),
    ),
    (
        &["Type", "Message"],
        known_as(
            "a notification of Amazon SNS, with the event in Message",
            "publish the event alone, as raw message delivery does",
        ),
    ),
];

/// What JSON is that is no event.
pub(crate) fn of_json(body: &RawValue) -> Option<Foreign> {
    let is_object = |json: &str| json.trim_start().starts_with('{');
    match body.get().as_bytes()[0] {
        b'"' => {
            let text: String = serde_json::from_str(body.get()).ok()?;
            let is_json = is_object(&text) && serde_json::from_str::<&RawValue>(&text).is_ok();
            is_json.then_some(known_as(
                "JSON within a JSON string",
                "publish the event as a JSON object, encoded once",
            ))
        }
        b'[' => {
            let elements: Vec<&RawValue> = serde_json::from_str(body.get()).ok()?;
            elements
                .first()
                .is_some_and(|first| is_object(first.get()))
                .then_some(known_as("a JSON array of objects", EACH_ALONE))
        }
        b'{' => {
            let members = serde_json::from_str(body.get()).ok()?;
            of_members(&members)
        }
        _ => None,
    }
}

fn of_members(members: &BTreeMap<String, &RawValue>) -> Option<Foreign> {
    let has = |name: &str| members.contains_key(name);
    // What is the chain's, or in an envelope that is seen through, has faults of its own.
    if ["orderReceipt", "event", "receipt", "invoice"].iter().any(|own| has(own)) {
        return None;
    }
    if has("specversion") {
        let is_empty = !has("data") && !has("data_base64");
        return is_empty.then_some(known_as(
            "an envelope of CloudEvents without data",
            "put the event into data, or publish it alone",
        ));
    }
    if let Some((_, foreign)) = ENVELOPES.iter().find(|(names, _)| names.iter().all(|name| has(name))) {
        return Some(*foreign);
    }
    let is_text = members.get("payload").is_some_and(|payload| payload.get().starts_with('"'));
    is_text.then_some(known_as(
        "an envelope with a text in payload",
        "publish the event alone, as a JSON object",
    ))
}
