//! The committed schemas are the types' own.

use serde_json::Value;

use crate::support;

#[test]
fn committed_schemas_are_those_of_the_types() {
    for (file, schema) in events::schemas() {
        let path = support::root().join("schemas").join(file);
        let committed: Value = serde_json::from_slice(&support::read(&path)).expect("a schema is JSON");
        assert!(
            committed == *schema.as_value(),
            "schemas/{file} is not what the types say now; write it with: cargo run -p events --example schemas"
        );
    }
    for (file, document) in events::openapi() {
        let committed: Value =
            serde_json::from_slice(&support::read(&support::root().join("schemas").join(file)))
                .expect("a document is JSON");
        assert!(committed == document, "schemas/{file} is not what the code says now");
    }
}

/// Every `$ref` of a document.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(elements) => elements.iter().for_each(|element| references(element, found)),
        _ => {}
    }
}

#[test]
fn openapi_refers_to_existing_schemas() {
    for (file, document) in events::openapi() {
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty(), "{file} has a body");
        for schema in found {
            assert!(
                events::schemas().iter().any(|(file, _)| *file == schema),
                "{file}: no such file {schema}"
            );
        }
    }
}

#[test]
fn every_schema_is_committed_once_and_valid() {
    let mut generated: Vec<_> = events::schemas().into_iter().map(|(file, _)| file.to_owned()).collect();
    generated.extend(events::openapi().into_iter().map(|(file, _)| file.to_owned()));
    generated.sort();
    let committed = support::files(&support::root().join("schemas"), ".json");
    let committed: Vec<_> =
        committed.iter().map(|path| path.file_name().expect("a file").to_string_lossy()).collect();
    assert_eq!(committed, generated);
    for (file, schema) in events::schemas() {
        assert!(jsonschema::meta::is_valid(schema.as_value()), "{file} is no JSON Schema");
    }
}

#[test]
fn invoice_request_matches_its_schema() {
    let (_, schema) = events::schemas()
        .into_iter()
        .find(|(file, _)| *file == "invoice.request.v1.schema.json")
        .expect("there is one");
    let schema = jsonschema::validator_for(schema.as_value()).expect("a valid schema");
    let body = support::read(&support::root().join("tests/samples/package-packed.json"));
    let package = events::raw_package(&body).expect("the sample is a package event");
    let kind = events::InvoiceRequestType::V1;
    let request = events::InvoiceRequest {
        kind,
        id: "akinon/73/1",
        oms: "akinon",
        order_type: None,
        package: &package,
    };
    let request = serde_json::to_value(&request).expect("JSON");
    assert!(schema.is_valid(&request), "{request:#}");
    for member in ["type", "id", "oms", "package"] {
        let mut without = request.clone();
        without.as_object_mut().expect("an object").remove(member);
        assert!(!schema.is_valid(&without), "{member} is required");
    }
}
