//! Where the samples and examples are, and how to read and change them.

use std::path::{Path, PathBuf};

use events::ReceiptSettled;
use serde_json::Value;

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder whose names end so, in order; never none.
pub(crate) fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    assert!(!files.is_empty(), "{} has no file that ends in {ending}", folder.display());
    files.sort();
    files
}

/// The sample receipts: files `receipt-*.json` that are no invoices.
pub(crate) fn samples() -> Vec<PathBuf> {
    let mut samples = files(&root().join("tests/samples"), ".json");
    samples
        .retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("receipt-")));
    samples.retain(|path| !path.to_string_lossy().ends_with(".invoice.json"));
    samples
}

/// The bytes of a file.
pub(crate) fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A sample as JSON: `standard`, `return`, `payment` …
pub(crate) fn sample(name: &str) -> Value {
    let path = root().join(format!("tests/samples/receipt-{name}.json"));
    serde_json::from_slice(&read(&path)).expect("the samples are JSON")
}

/// The event that this JSON is.
pub(crate) fn receipt(json: &Value) -> ReceiptSettled {
    events::decode(json.to_string().as_bytes()).expect("a valid receipt")
}

/// The JSON with another value at a pointer, as in `/orderReceipt/items/0/total`; a member that is
/// not there yet is added.
pub(crate) fn with(mut json: Value, pointer: &str, value: Value) -> Value {
    let (parent, member) = pointer.rsplit_once('/').expect("a JSON pointer");
    let parent = json.pointer_mut(parent).expect("the pointer's parent is there");
    match parent {
        Value::Array(elements) => elements[member.parse::<usize>().expect("an index")] = value,
        parent => parent[member] = value,
    }
    json
}
