//! The committed schemas are the types' own.

mod support;

use serde_json::Value;

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
}

#[test]
fn every_schema_is_committed_once_and_valid() {
    let mut generated: Vec<_> = events::schemas().into_iter().map(|(file, _)| file.to_owned()).collect();
    generated.sort();
    let committed = support::files(&support::root().join("schemas"), ".json");
    let committed: Vec<_> =
        committed.iter().map(|path| path.file_name().expect("a file").to_string_lossy()).collect();
    assert_eq!(committed, generated);
    for (file, schema) in events::schemas() {
        assert!(jsonschema::meta::is_valid(schema.as_value()), "{file} is no JSON Schema");
    }
}
