//! What keeps the repository whole: nothing is half there, and nothing goes unnamed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bilag_tests::World;
use serde_json::Value;

const MOST_LINES: usize = 400;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Rust file below a folder, with its text.
fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} has sources");
    found
}

/// What stands between two texts, wherever they do.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| Some(rest.split_once(after)?.0))
}

#[test]
fn every_file_says_what_it_is_and_is_not_too_long() {
    for (path, text) in sources("crates").into_iter().chain(sources("tests")) {
        assert!(text.starts_with("//! "), "{} does not start with //!", path.display());
        let lines = text.lines().count();
        assert!(lines <= MOST_LINES, "{} has {lines} lines", path.display());
    }
}

#[tokio::test]
async fn every_stage_has_its_crate_its_unit_and_its_place_in_the_documents() {
    let world = World::new().await;
    let topology: Value = serde_json::from_str(&world.ok(&["topology", "export"])).expect("JSON");
    let queues = topology["queues"].as_array().expect("queues").iter();
    let names = queues.filter_map(|queue| queue["name"].as_str()?.strip_prefix("bilag."));
    let stages: Vec<_> = names.filter(|name| !name.contains('.')).collect();
    assert!(stages.len() >= 4, "{stages:?}");
    let architecture = read("docs/architecture.md");
    for stage in stages {
        let name = format!("consumer-{stage}");
        assert!(root().join("crates").join(&name).is_dir(), "crates/{name} is missing");
        let unit = read(&format!("deploy/systemd/bilag-{stage}.service"));
        assert!(unit.contains(&format!("consume {stage}")), "the unit of {stage} starts it");
        assert!(architecture.contains(&name), "docs/architecture.md does not name {name}");
    }
}

#[test]
fn every_variable_is_in_the_readme() {
    let readme = read("README.md");
    let sources = sources("crates/bilag/src");
    let variables: BTreeSet<_> =
        sources.iter().flat_map(|(_, text)| between(text, "env = \"", "\"")).collect();
    assert!(variables.contains("BILAG_AMQP_URL") && variables.len() > 15, "{variables:?}");
    for variable in variables {
        assert!(readme.contains(&format!("`{variable}`")), "README.md does not tell of {variable}");
    }
}

#[test]
fn every_reason_is_explained_with_what_to_do() {
    let (explained, advice) = (read("docs/reasons.md"), read("crates/bilag/src/advice.rs"));
    let mut count = 0;
    for (path, text) in sources("crates") {
        let constants = between(&text, "pub const ", ";");
        for constant in constants
            .filter(|constant| constant.contains(": Reason =") || constant.contains(": Self = Self(\""))
        {
            let (name, rest) = constant.split_once(':').expect("a type");
            let Some(code) = between(rest, "(\"", "\")").next() else { continue };
            count += 1;
            assert!(
                explained.contains(&format!("### `{code}`\n")),
                "docs/reasons.md does not explain {code}"
            );
            assert!(advice.contains(name), "{}: advice.rs has none for {name}", path.display());
        }
    }
    assert_eq!(count, explained.matches("### `").count(), "reasons in the code, and explained");
}
