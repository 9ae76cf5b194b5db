//! The examples are what the schemas and the decoder both say they are.
//!
//! In `schemas/examples/EVENT/`: `valid/`, `invalid/` (refused by schema and code), and
//! `contradictory/` (refused by code alone: JSON Schema cannot add). Beside each refused
//! `NAME.json`, `NAME.error` holds the message.

use std::path::{Path, PathBuf};

use events::{InvoiceReady, InvoiceRendered, PackageEvent, ReceiptSettled};
use jsonschema::Validator;

use crate::support;

type Read = fn(&[u8]) -> Result<(), String>;

const EVENTS: [(&str, Read); 4] = [
    ("receipt.settled.v1", |body| {
        let event: ReceiptSettled = events::decode(body).map_err(|error| error.to_string())?;
        event.check().map_err(|error| error.to_string())
    }),
    ("invoice.ready.v1", |body| decode::<InvoiceReady>(body)),
    ("invoice.rendered.v1", |body| decode::<InvoiceRendered>(body)),
    ("package.status.packed", |body| decode::<PackageEvent>(body)),
];

fn decode<E: events::Readable>(body: &[u8]) -> Result<(), String> {
    events::decode::<E>(body).map(drop).map_err(|error| error.to_string())
}

fn schema(event: &str) -> Validator {
    let path = support::root().join(format!("schemas/{event}.schema.json"));
    let schema = serde_json::from_slice(&support::read(&path)).expect("a schema is JSON");
    jsonschema::options().should_validate_formats(true).build(&schema).expect("a valid schema")
}

fn folder(event: &str, kind: &str) -> PathBuf {
    support::root().join("schemas/examples").join(event).join(kind)
}

fn is_valid(schema: &Validator, path: &Path) -> bool {
    schema.is_valid(&serde_json::from_slice(&support::read(path)).expect("examples are JSON"))
}

fn expect_error(read: Read, path: &Path) {
    let expected = String::from_utf8(support::read(&path.with_extension("error"))).expect("UTF-8");
    assert_eq!(read(&support::read(path)), Err(expected.trim_end().to_owned()), "{}", path.display());
}

#[test]
fn valid_examples_and_samples_are_valid() {
    for (event, read) in EVENTS {
        let schema = schema(event);
        let mut examples = support::files(&folder(event, "valid"), ".json");
        if event == "receipt.settled.v1" {
            examples.extend(support::samples());
        }
        for path in examples {
            assert!(is_valid(&schema, &path), "{} is refused by the schema", path.display());
            assert_eq!(read(&support::read(&path)), Ok(()), "{}", path.display());
        }
    }
}

#[test]
fn own_events_are_read_in_one_pass_as_any_event_is() {
    fn assert_same<E: events::Readable + std::fmt::Debug + PartialEq>(event: &str) {
        for kind in ["valid", "invalid"] {
            for path in support::files(&folder(event, kind), ".json") {
                let body = support::read(&path);
                assert_eq!(events::decode_own::<E>(&body), events::decode::<E>(&body), "{}", path.display());
            }
        }
    }
    assert_same::<InvoiceReady>("invoice.ready.v1");
    assert_same::<InvoiceRendered>("invoice.rendered.v1");
}

#[test]
fn invalid_examples_are_refused_by_schema_and_code() {
    for (event, read) in EVENTS {
        let schema = schema(event);
        for path in support::files(&folder(event, "invalid"), ".json") {
            assert!(!is_valid(&schema, &path), "{} is allowed by the schema", path.display());
            expect_error(read, &path);
        }
    }
}

#[test]
fn contradictory_examples_are_refused_by_code_alone() {
    let (event, read) = EVENTS[0];
    let schema = schema(event);
    for path in support::files(&folder(event, "contradictory"), ".json") {
        assert!(is_valid(&schema, &path), "{} belongs to invalid/", path.display());
        expect_error(read, &path);
    }
}
