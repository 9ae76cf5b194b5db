//! Rules that hold the repository together: the documents, the deployment files and the code name the same things.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A README is read in one sitting.
const README_LINES: usize = 150;

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

/// The names in a folder.
fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

/// Each text between two others.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| Some(rest.split_once(after)?.0))
}

/// The stages, by the names of their crates.
fn stages() -> Vec<String> {
    let names = names_in("crates").into_iter();
    names.filter_map(|name| Some(name.strip_prefix("consumer-")?.to_owned())).collect()
}

/// Runs the debug build of `bilag` without settings of the environment.
fn bilag(arguments: &[&str]) -> Output {
    let mut folder = std::env::current_exe().expect("this test has a path");
    folder.pop();
    if folder.ends_with("deps") {
        folder.pop();
    }
    let binary = folder.join("bilag");
    assert!(binary.exists(), "{} is missing: cargo build -p bilag", binary.display());
    Command::new(binary).args(arguments).env_clear().output().expect("it starts")
}

#[test]
fn every_source_file_says_what_it_is() {
    for (path, text) in ["crates", "tests", "xtask"].into_iter().flat_map(sources) {
        assert!(text.starts_with("//! "), "{} does not start with //!", path.display());
    }
}

#[test]
fn readme_stays_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= README_LINES, "README.md has {lines} lines; move some to docs/");
}

#[test]
fn every_page_is_in_the_book() {
    let summary = read("docs/SUMMARY.md");
    for name in names_in("docs").into_iter().filter(|name| name.ends_with(".md") && name != "SUMMARY.md") {
        assert!(summary.contains(&format!("]({name})")), "docs/SUMMARY.md lacks {name}");
    }
}

#[test]
fn every_stage_has_its_queue_unit_and_documents() {
    let (architecture, deploying) = (read("docs/architecture.md"), read("deploy/README.md"));
    let stages = stages();
    assert!(stages.len() >= 7, "{stages:?}");
    for name in &stages {
        let exported = bilag(&["topology", "export", name]);
        let topology: Value = serde_json::from_slice(&exported.stdout).expect("definitions are JSON");
        let queues = topology["queues"].as_array().expect("queues");
        assert!(queues.iter().any(|queue| queue["name"] == format!("bilag.{name}")), "{name}: {queues:?}");
        let unit = read(&format!("deploy/systemd/bilag-{name}.service"));
        assert!(unit.contains(&format!("bilag consume {name}\n")), "the unit of {name} starts it");
        let documented = format!("`consumer-{name}`");
        assert!(architecture.contains(&documented), "docs/architecture.md does not name {documented}");
        let documented = format!("`bilag-{name}`");
        assert!(deploying.contains(&documented), "deploy/README.md does not name {documented}");
    }
    let refused = bilag(&["topology", "export", "nobody"]);
    assert_eq!(refused.status.code(), Some(2));
    let error = String::from_utf8_lossy(&refused.stderr);
    let known = between(&error, "[possible values: all, ", "]").next().expect("the stages");
    assert_eq!(known.split(", ").count(), stages.len(), "stages without a crate of their own: {known}");
}

#[test]
fn every_stage_has_its_manifest_scaling_and_compose_service() {
    let in_either = |files: [String; 2]| {
        let found = files.iter().find_map(|file| fs::read_to_string(root().join(file)).ok());
        found.unwrap_or_else(|| panic!("neither of {files:?} exists"))
    };
    let compose = read("deploy/compose.yaml");
    for name in stages() {
        let below = |folder: &str| format!("deploy/kubernetes/{folder}/{name}.yaml");
        let manifest = in_either([below("base"), below(&format!("components/{name}"))]);
        assert!(manifest.contains(&format!("args: [consume, {name}]")), "the manifest of {name} starts it");
        assert!(manifest.contains(&format!("name: bilag-amqp-{name},")), "{name} has its own broker user");
        let scaling = in_either([below("components/keda"), below("components/keda-packages")]);
        assert!(scaling.contains(&format!("queueName: bilag.{name},")), "{name} is scaled by its own queue");
        assert!(compose.contains(&format!("command: [consume, {name}]")), "compose.yaml starts {name}");
    }
}

#[test]
fn a_stage_is_registered_in_one_place() {
    let named: Vec<_> = sources("crates")
        .into_iter()
        .map(|(path, text)| (path, text.matches("ErpSettings").count()))
        .filter(|(path, count)| {
            *count > 0 && !path.components().any(|part| part.as_os_str() == "consumer-erp")
        })
        .map(|(path, count)| (path.canonicalize().expect("it exists"), count))
        .collect();
    let chain = root().join("crates/bilag/src/chain.rs").canonicalize().expect("it exists");
    assert_eq!(named, [(chain, 1)], "its line, and nothing else");
}

#[test]
fn every_setting_is_documented_and_in_the_environment_example() {
    let (documented, example) = (read("docs/settings.md"), read("deploy/systemd/bilag.env.example"));
    let sources = sources("crates");
    let plain = sources.iter().flat_map(|(_, text)| between(text, "env = \"", "\""));
    // Each with a variable that names a file; the macro's own example begins its lines with `///`.
    let secrets = sources.iter().flat_map(|(_, text)| between(text, "secret_args! {\n    ", ";"));
    let secrets = secrets.filter_map(|secret| secret.split('"').nth(1).map(str::to_owned));
    let variables: BTreeSet<_> = plain
        .into_iter()
        .map(|variable| variable.to_string())
        .chain(secrets.flat_map(|variable| [format!("{variable}_FILE"), variable]))
        .collect();
    assert!(variables.contains("BILAG_AMQP_URL_FILE") && variables.len() > 40, "{variables:?}");
    for variable in &variables {
        assert!(documented.contains(&format!("`{variable}`")), "docs/settings.md lacks {variable}");
        let set =
            example.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{variable}=")));
        assert!(set, "bilag.env.example lacks {variable}");
    }
    let named = example.lines().filter_map(|line| line.trim_start_matches('#').split_once('='));
    let named = named
        .map(|(name, _)| name)
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'));
    for name in named.filter(|name| !name.starts_with("OTEL_")) {
        assert!(variables.contains(name), "{name} in bilag.env.example is no setting");
    }
}

#[test]
fn unit_drop_ins_are_installed_and_override_the_common_one() {
    let deploying = read("deploy/README.md");
    let folders: Vec<_> =
        names_in("deploy/systemd").into_iter().filter(|name| name.ends_with(".service.d")).collect();
    assert!(folders.len() >= 3, "{folders:?}");
    for folder in folders {
        for file in names_in(&format!("deploy/systemd/{folder}")) {
            let path = format!("deploy/systemd/{folder}/{file}");
            assert!(deploying.contains(&path), "deploy/README.md does not install {path}");
            // systemd reads drop-ins by file name, whatever folder they are in; the later one wins.
            assert!(folder == "bilag-.service.d" || file.as_str() > "common.conf", "{path} is overruled");
        }
    }
}

#[test]
fn ingress_gets_no_secret_of_the_consumers() {
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
fn every_reason_is_documented_and_listed_by_a_consumer() {
    let sources = sources("crates");
    let page = read("docs/reasons.md");
    let documented: Vec<_> = between(&page, "### `", "`\n").collect();
    let found: Vec<_> = sources.iter().flat_map(|(_, text)| reasons(text)).collect();
    assert!(found.len() > 15, "{found:?}");
    for (_, code) in &found {
        let times = documented.iter().filter(|documented| *documented == code).count();
        assert_eq!(times, 1, "docs/reasons.md has a section for {code}");
    }
    for code in &documented {
        assert!(found.iter().any(|(_, known)| known == code), "docs/reasons.md: there is no reason {code}");
    }
    // A reason that no consumer lists has no remedy in `bilag dead show`.
    let listed: String = sources
        .iter()
        .flat_map(|(_, text)| {
            let of_stages = between(text, "[Reason] =", ";").chain(between(text, ".reasons(&[", "]"));
            of_stages.chain(between(text, "COMMON: [Self; ", ";"))
        })
        .collect::<Vec<_>>()
        .join(",");
    let listed: BTreeSet<_> = listed
        .split([',', '[', ']'])
        .map(|name| name.trim().rsplit("::").next().unwrap_or_default())
        .collect();
    for (name, code) in &found {
        assert!(listed.contains(name.as_str()), "{code}: no stage lists {name} among its reasons");
    }
}

#[test]
fn every_metric_is_documented() {
    let page = read("docs/metrics.md");
    let sources = sources("crates");
    let mut found = BTreeSet::new();
    for (_, text) in &sources {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("( ", "(");
        for instrument in ["counter(\"", "histogram(\"", "gauge(\""] {
            found.extend(between(&text, instrument, "\"").map(str::to_owned));
        }
    }
    assert!(found.len() >= 15, "{found:?}");
    for name in found {
        assert!(page.contains(&format!("`{name}`")), "docs/metrics.md lacks {name}");
    }
}
