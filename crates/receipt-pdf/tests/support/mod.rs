//! Samples, and the texts of a finished PDF.

mod read;

use std::path::{Path, PathBuf};

use events::ReceiptSettled;
use read::Step;

/// The valid receipts that all crates test with, by name.
#[allow(dead_code, reason = "not every test binary goes through them")]
pub(crate) const SAMPLES: [&str; 7] =
    ["b2b", "long", "package", "payment", "return", "split-payment", "standard"];

/// A sample by its name.
#[allow(dead_code, reason = "not every test binary takes samples")]
pub(crate) fn sample(name: &str) -> ReceiptSettled {
    let path = here().join(format!("../../tests/samples/receipt-{name}.json"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    events::decode(&bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The crate's folder.
pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The texts of each page, one a line, in the order they are read.
#[allow(dead_code, reason = "not every test binary reads text")]
pub(crate) fn text(pdf: &[u8]) -> Vec<String> {
    let lines = |steps: Vec<Step>| {
        steps
            .into_iter()
            .filter_map(|step| if let Step::Text { text, .. } = step { Some(text + "\n") } else { None })
    };
    read::pages(pdf).into_iter().map(|steps| lines(steps).collect()).collect()
}

/// A file of the tests.
#[allow(dead_code, reason = "not every test binary reads files")]
pub(crate) fn file(path: impl AsRef<Path>) -> PathBuf {
    here().join("tests").join(path)
}
