//! Broken samples of every kind: reading never panics, and no error ever quotes a value.

use events::{InvoiceReady, InvoiceRendered, ReceiptSettled, decode, receipt_uid};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

use crate::support;

/// Stands in every text of the mutated samples; must not be in any error.
const MARKER: &str = "KVXQZ";

/// Reads a body in every way there is, and looks at every error.
fn read(body: &[u8]) {
    let errors = [
        decode::<ReceiptSettled>(body).map_err(|error| error.to_string()).and_then(|event| {
            let _ = event.fingerprint();
            event.check().map_err(|error| error.to_string())
        }),
        decode::<InvoiceReady>(body).map(drop).map_err(|error| error.to_string()),
        decode::<InvoiceRendered>(body).map(drop).map_err(|error| error.to_string()),
    ];
    for error in errors.into_iter().filter_map(Result::err) {
        assert!(!error.contains(MARKER), "quotes a value: {error}");
        assert!(error.len() < 4_096, "longer than a header may be: {error}");
    }
    let _ = receipt_uid(body);
    let _ = events::named(body);
}

/// A sample with the marker in every text whose place allows any text.
fn samples() -> impl Strategy<Value = Value> {
    let samples = support::samples().into_iter().chain([
        support::root().join("schemas/examples/invoice.ready.v1/valid/sale.json"),
        support::root().join("schemas/examples/invoice.rendered.v1/valid/sale-of-a-package.json"),
    ]);
    let mut samples: Vec<Value> = samples
        .filter(|path| !path.ends_with("receipt-long.json"))
        .map(|path| serde_json::from_slice(&support::read(&path)).expect("JSON"))
        .collect();
    samples.iter_mut().for_each(mark);
    // Each once more, in an envelope of CloudEvents.
    let enveloped = |event: &Value| json!({ "specversion": "1.0", "id": "i", "source": "/s", "type": "t", "data": event });
    let enveloped: Vec<_> = samples.iter().map(enveloped).collect();
    samples.extend(enveloped);
    proptest::sample::select(samples)
}

fn mark(json: &mut Value) {
    match json {
        Value::Object(members) => {
            for (name, value) in members.iter_mut() {
                let is_fixed = name.ends_with("At")
                    || ["type", "content", "target", "currency"].contains(&name.as_str());
                if !is_fixed && name != "targets" {
                    mark(value);
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(mark),
        Value::String(text) => *text = format!("{text} {MARKER}, expected {MARKER} at line 1"),
        _ => {}
    }
}

/// The pointers of all values inside.
fn pointers(json: &Value, at: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match json {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(elements) => {
            elements.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect()
        }
        _ => vec![],
    };
    for (name, value) in children {
        let pointer = format!("{at}/{name}");
        pointers(value, &pointer, found);
        found.push(pointer);
    }
}

fn any_pointer(json: &Value, index: &Index) -> String {
    let mut found = vec![];
    pointers(json, "", &mut found);
    index.get(&found).clone()
}

/// Values of every type, with the marker in them.
fn values() -> impl Strategy<Value = Value> {
    let trap = format!("{MARKER}`, expected `{MARKER}` at line 3 column 4");
    prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!("")),
        Just(json!(trap)),
        Just(json!(trap.repeat(200))),
        Just(json!([trap])),
        Just(json!({ "uid": [trap], "currency": trap, (trap.clone()): trap })),
        any::<i64>().prop_map(|number| json!(number)),
        any::<u64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
    ]
}

#[test]
fn the_marked_samples_are_still_read() {
    let mut json = support::sample("standard");
    mark(&mut json);
    assert!(json.to_string().contains(MARKER));
    assert!(support::receipt(&json).check().is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn a_member_is_deleted(mut json in samples(), index: Index) {
        let pointer = any_pointer(&json, &index);
        let (parent, name) = pointer.rsplit_once('/').expect("a pointer");
        match json.pointer_mut(parent).expect("its parent") {
            Value::Array(elements) => drop(elements.remove(name.parse().expect("an index"))),
            parent => drop(parent.as_object_mut().expect("an object").remove(name)),
        }
        read(json.to_string().as_bytes());
    }

    #[test]
    fn members_are_replaced(json in samples(), changes in prop::collection::vec((any::<Index>(), values()), 1..4)) {
        let changed = changes.into_iter().fold(json, |json, (index, value)| {
            let pointer = any_pointer(&json, &index);
            support::with(json, &pointer, value)
        });
        read(changed.to_string().as_bytes());
    }

    #[test]
    fn members_appear_twice(json in samples(), index: Index, value in values()) {
        let text = json.to_string();
        let braces: Vec<usize> = text.match_indices('{').map(|(at, _)| at + 1).collect();
        let names: Vec<&str> = text.split('"').filter(|part| part.len() < 20 && !part.contains([':', ','])).collect();
        let (at, name) = (*index.get(&braces), index.get(&names));
        read(format!("{}\"{name}\":{value},{}", &text[..at], &text[at..]).as_bytes());
    }

    #[test]
    fn a_value_is_nested_deeply(json in samples(), index: Index, depth in 1_usize..5_000) {
        let pointer = any_pointer(&json, &index);
        let text = support::with(json, &pointer, json!("HERE")).to_string();
        let nested = format!("{}\"{MARKER}\"{}", "[".repeat(depth), "]".repeat(depth));
        read(text.replace("\"HERE\"", &nested).as_bytes());
    }

    #[test]
    fn the_end_is_cut_off(json in samples(), index: Index) {
        let text = json.to_string();
        read(&text.as_bytes()[..index.index(text.len())]);
    }

    #[test]
    fn bytes_are_flipped(json in samples(), flips in prop::collection::vec((any::<Index>(), 1_u8..), 1..6)) {
        let mut bytes = json.to_string().into_bytes();
        for (index, bits) in flips {
            let at = index.index(bytes.len());
            bytes[at] ^= bits;
        }
        read(&bytes);
    }

    #[test]
    fn bytes_are_anything(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }
}
