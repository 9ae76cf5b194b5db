//! The commands of `docs/events.md` accept valid receipts and reject invalid ones, run as printed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support;

/// The lines of the page's section.
fn commands() -> Vec<String> {
    let page = std::fs::read_to_string(support::root().join("docs/events.md")).expect("the page");
    let (_, section) = page.split_once("\n## Validate yours\n").expect("the section");
    let (_, block) = section.split_once("```sh\n").expect("its commands");
    block.split("```").next().expect("their end").lines().map(str::to_owned).collect()
}

/// The path that a script in `dev/` prints, once it has installed what it is asked for.
fn installed(script: &str, argument: &str) -> PathBuf {
    let mut command = Command::new(format!("dev/{script}"));
    let ran = command.arg(argument).current_dir(support::root()).output().expect("the script runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    PathBuf::from(String::from_utf8(ran.stdout).expect("a path").trim())
}

/// Runs a command in a folder that has the schemas and this receipt.
fn validate(command: &str, receipt: &Path, python: &Path) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let schemas = support::root().join("schemas");
    std::os::unix::fs::symlink(schemas, folder.path().join("schemas")).expect("linked");
    std::fs::copy(receipt, folder.path().join("receipt.json")).expect("copied");
    let home = std::env::var("HOME").unwrap_or_default();
    let cache = std::env::var("XDG_CACHE_HOME").unwrap_or_else(|_| format!("{home}/.cache"));
    let path = format!("{}:{}", python.display(), std::env::var("PATH").expect("a path"));
    let mut bash = Command::new("bash");
    bash.args(["-euc", command]).current_dir(folder.path()).env("PATH", path);
    bash.env("npm_config_cache", format!("{cache}/bilag-ci/npx")).output().expect("bash runs")
}

#[test]
fn printed_commands_accept_valid_receipts_and_reject_invalid_ones() {
    let root = support::root();
    let valid = root.join("tests/samples/receipt-standard.json");
    let text = support::read(&valid);
    let folder = tempfile::tempdir().expect("a folder");
    let invalid = folder.path().join("invalid.json");
    let text = String::from_utf8(text).expect("UTF-8").replace("\"SALE\"", "\"GIFT\"");
    std::fs::write(&invalid, text).expect("written");
    let python = installed("python.sh", "check-jsonschema==0.39.0");
    let python = python.parent().expect("a folder");
    // It brings npm, if that is missing.
    installed("npm.sh", "examples/publishers/node");
    let commands = commands();
    assert_eq!(commands.len(), 2, "{commands:?}");
    for command in commands {
        let ran = validate(&command, &valid, python);
        assert!(ran.status.success(), "{command}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(!String::from_utf8_lossy(&ran.stderr).contains("format"), "no format is unknown: {ran:?}");
        let ran = validate(&command, &invalid, python);
        let told = [ran.stdout, ran.stderr].concat();
        let told = String::from_utf8_lossy(&told);
        assert!(!ran.status.success() && told.contains("receipt.json"), "{command}: {told}");
    }
}
