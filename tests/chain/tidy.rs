//! What keeps the repository whole: nothing is half there, and nothing goes unnamed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use bilag_tests::{World, told};
use serde_json::Value;

const MOST_LINES: usize = 600;

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

/// The names of the consumers, by their crates.
fn consumers() -> Vec<String> {
    let crates = fs::read_dir(root().join("crates")).expect("a folder");
    let names = crates.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    names.filter_map(|name| Some(name.strip_prefix("consumer-")?.to_owned())).collect()
}

#[tokio::test]
async fn every_consumer_is_a_stage_with_its_unit_and_its_place_in_the_documents() {
    let world = World::new().await;
    let (architecture, deploying) = (read("docs/architecture.md"), read("deploy/README.md"));
    let consumers = consumers();
    assert!(consumers.len() >= 7, "{consumers:?}");
    for name in &consumers {
        let topology: Value =
            serde_json::from_str(&world.ok(&["topology", "export", name])).expect("definitions are JSON");
        let queues = topology["queues"].as_array().expect("queues");
        assert!(queues.iter().any(|queue| queue["name"] == format!("bilag.{name}")), "{name}: {queues:?}");
        let unit = read(&format!("deploy/systemd/bilag-{name}.service"));
        assert!(unit.contains(&format!("bilag consume {name}\n")), "the unit of {name} starts it");
        assert!(
            architecture.contains(&format!("`consumer-{name}`")),
            "docs/architecture.md does not name consumer-{name}"
        );
        assert!(
            deploying.contains(&format!("`bilag-{name}`")),
            "deploy/README.md does not name bilag-{name}"
        );
    }
    let (code, _, error) = told(&world.run(&["topology", "export", "nobody"]));
    assert_eq!(code, 2);
    let stages = between(&error, "[possible values: all, ", "]").next().expect("the stages");
    assert_eq!(stages.split(", ").count(), consumers.len(), "stages without a crate of their own: {stages}");
}

#[test]
fn every_consumer_has_its_manifest_its_scaling_and_its_place_on_the_laptop() {
    let in_either = |files: [String; 2]| {
        let found = files.iter().find_map(|file| fs::read_to_string(root().join(file)).ok());
        found.unwrap_or_else(|| panic!("neither of {files:?} is there"))
    };
    let laptop = read("deploy/compose.yaml");
    for name in consumers() {
        let below = |folder: &str| format!("deploy/kubernetes/{folder}/{name}.yaml");
        let manifest = in_either([below("base"), below(&format!("components/{name}"))]);
        assert!(manifest.contains(&format!("args: [consume, {name}]")), "the manifest of {name} starts it");
        assert!(manifest.contains(&format!("name: bilag-amqp-{name},")), "{name} has a user of its own");
        let scaling = in_either([below("components/keda"), below("components/keda-packages")]);
        assert!(scaling.contains(&format!("queueName: bilag.{name},")), "{name} is scaled by its own queue");
        assert!(laptop.contains(&format!("command: [consume, {name}]")), "compose.yaml starts {name}");
    }
}

#[test]
fn a_consumer_is_its_crate_and_its_line_in_the_chain() {
    let named: Vec<_> = sources("crates")
        .into_iter()
        .map(|(path, text)| (path, text.matches("ErpConsumer").count()))
        .filter(|(path, count)| {
            *count > 0 && !path.components().any(|part| part.as_os_str() == "consumer-erp")
        })
        .map(|(path, count)| (path.canonicalize().expect("it is there"), count))
        .collect();
    let chain = root().join("crates/bilag/src/chain.rs").canonicalize().expect("it is there");
    assert_eq!(named, [(chain, 2)], "its `use` and its line, and nothing else");
}

#[test]
fn every_variable_is_in_the_readme_and_in_the_example_of_the_units() {
    let (readme, example) = (read("README.md"), read("deploy/systemd/bilag.env.example"));
    let sources = sources("crates");
    let variables: BTreeSet<_> =
        sources.iter().flat_map(|(_, text)| between(text, "env = \"", "\"")).collect();
    assert!(variables.contains("BILAG_AMQP_URL") && variables.len() > 40, "{variables:?}");
    for variable in &variables {
        assert!(readme.contains(&format!("`{variable}`")), "README.md does not tell of {variable}");
        let set =
            example.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{variable}=")));
        assert!(set, "bilag.env.example does not tell of {variable}");
    }
    let named = example.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    let named = named
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    for name in named.filter(|name| !name.starts_with("OTEL_")) {
        assert!(variables.contains(name), "{name} in bilag.env.example is no setting");
    }
}

/// What is in a folder, by name.
fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn what_one_unit_has_of_its_own_is_installed_and_read_after_what_all_have() {
    let deploying = read("deploy/README.md");
    let folders: Vec<_> =
        names_in("deploy/systemd").into_iter().filter(|name| name.ends_with(".service.d")).collect();
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        for file in names_in(&format!("deploy/systemd/{folder}")) {
            let path = format!("deploy/systemd/{folder}/{file}");
            assert!(deploying.contains(&path), "deploy/README.md does not install {path}");
            // systemd reads such files by their names, whatever folder they are in; the later one wins.
            assert!(folder == "bilag-.service.d" || file.as_str() > "common.conf", "{path} is overruled");
        }
    }
}

#[test]
fn the_webhooks_are_handed_no_secret_of_the_consumers() {
    let unit = read("deploy/systemd/bilag-ingress.service.d/ingress.conf");
    let given: Vec<_> = unit.lines().filter(|line| line.starts_with("EnvironmentFile=")).collect();
    assert_eq!(given, ["EnvironmentFile=", "EnvironmentFile=/etc/bilag/ingress.env"], "the first resets");
    for line in ["User=bilag-ingress", "StateDirectory="] {
        assert!(unit.lines().any(|given| given == line), "{line}: {unit}");
    }
    assert!(read("deploy/systemd/bilag.sysusers").contains("u bilag-ingress "));
    let (own, all) = (read("deploy/systemd/ingress.env.example"), read("deploy/systemd/bilag.env.example"));
    let set = own.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    for (name, _) in set.filter(|(name, _)| !name.contains(' ')) {
        assert!(all.contains(&format!("{name}=")), "{name} in ingress.env.example is no setting");
    }
}

/// The constants of reasons in a source, each with its code.
fn reasons(source: &str) -> Vec<(String, String)> {
    let text = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let constants = between(&text, "pub const ", ";");
    let reason = |constant: &str| {
        let (name, rest) = constant.split_once(": ")?;
        let rest = rest.strip_prefix("Reason = Reason::new(").or(rest.strip_prefix("Self = Self::new("))?;
        let (code, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
        Some((name.to_owned(), code.to_owned()))
    };
    constants.filter_map(reason).collect()
}

#[test]
fn every_reason_is_explained_and_known_with_its_remedy() {
    let sources = sources("crates");
    let explained = read("docs/operations.md");
    let explained: Vec<_> = between(&explained, "### `", "`\n").collect();
    let found: Vec<_> = sources.iter().flat_map(|(_, text)| reasons(text)).collect();
    assert!(found.len() > 15, "{found:?}");
    for (_, code) in &found {
        let times = explained.iter().filter(|explained| *explained == code).count();
        assert_eq!(times, 1, "docs/operations.md explains {code} once");
    }
    for code in &explained {
        assert!(
            found.iter().any(|(_, known)| known == code),
            "docs/operations.md: no reason is called {code}"
        );
    }
    // What no consumer lists has no remedy in `bilag dead show`.
    let listed: String = sources
        .iter()
        .flat_map(|(_, text)| between(text, "[Reason] =", ";").chain(between(text, "COMMON: [Self; ", ";")))
        .collect::<Vec<_>>()
        .join(",");
    let listed: BTreeSet<_> = listed
        .split([',', '[', ']'])
        .map(|name| name.trim().rsplit("::").next().unwrap_or_default())
        .collect();
    for (name, code) in &found {
        assert!(listed.contains(name.as_str()), "{code}: no consumer lists {name} among its REASONS");
    }
}
