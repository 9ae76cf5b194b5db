//! Repository tasks: `cargo xtask TASK` writes what is generated; with `--check` it fails where a file is out of date.

mod book;
mod manifests;
mod reference;

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// What a task returns: nothing, or why it failed.
type Outcome<T = ()> = Result<T, Box<dyn Error>>;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Repository tasks")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Generate docs/settings.md and docs/commands.md from the help texts of `bilag`
    Reference {
        /// Write nothing; fail if a file is out of date
        #[arg(long)]
        check: bool,
    },
    /// Generate schemas/ from the event types and the topology
    Schemas {
        /// Write nothing; fail if a file is out of date
        #[arg(long)]
        check: bool,
    },
    /// Build the book into target/book, and check every link and anchor in it
    Book,
    /// Check the Kubernetes manifests and the compose file
    Manifests,
    /// Check licences, sources, bans and advisories of the dependencies against deny.toml
    Deny,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Reference { check } => reference::run(check),
        Task::Schemas { check } => schemas(check),
        Task::Book => book::run(),
        Task::Manifests => manifests::run_checks(),
        Task::Deny => deny(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn schemas(check: bool) -> Outcome {
    if check {
        // By --workspace the dependencies have the features of `make test`: they are not compiled again.
        let tests = ["test", "--workspace", "--test", "it", "--", "schemas::", "examples::"];
        let ran = output(&mut cargo(&tests))?;
        if !["test schemas::", "test examples::"].iter().all(|name| ran.contains(name)) {
            return Err("the tests of the schemas are no longer in crates/events/tests/it".into());
        }
    } else {
        run(cargo(&["run", "--quiet", "-p", "events", "--example", "schemas"]))?;
    }
    write("schemas/asyncapi.yaml", &bilag(&["topology", "asyncapi"])?, check)?;
    validate_asyncapi()
}

/// By AsyncAPI's own parser, which is installed from npm on first use.
fn validate_asyncapi() -> Outcome {
    let parser = output(Command::new("dev/npm.sh").arg("dev/asyncapi").current_dir(root()))?;
    let arguments = ["dev/asyncapi/validate.mjs", parser.trim(), "schemas/asyncapi.yaml"];
    run(Command::new("node").args(arguments).current_dir(root()))
}

/// Advisories only where their database can be reached.
fn deny() -> Outcome {
    let deny = output(Command::new("dev/tool.sh").args(["cargo-deny", "0.20.2"]).current_dir(root()))?;
    let check = |what: &[&str]| {
        let arguments = ["check", "--hide-inclusion-graph"].iter().chain(what);
        run(Command::new(deny.trim()).args(arguments).current_dir(root()))
    };
    check(&["bans", "licenses", "sources"])?;
    let database = "https://github.com/RustSec/advisory-db";
    let reach = ["30", "git", "ls-remote", "--exit-code", database, "HEAD"];
    let reached = Command::new("timeout").args(reach).env("GIT_TERMINAL_PROMPT", "0").output()?;
    if reached.status.success() {
        return check(&["advisories"]);
    }
    println!("NOT CHECKED: security advisories, because {database} cannot be reached");
    Ok(())
}

/// A folder for what is downloaded once and kept outside the repository.
fn cache(name: &str) -> PathBuf {
    let home = || env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from).join(".cache");
    env::var_os("XDG_CACHE_HOME").map_or_else(home, PathBuf::from).join("bilag-ci").join(name)
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Installs Debian packages.
fn install(packages: &[&str]) -> Outcome {
    run(Command::new("dev/install.sh").args(packages).current_dir(root()))
}

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where cargo builds.
fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).current_dir(root());
    command
}

fn run(mut command: impl std::borrow::BorrowMut<Command>) -> Outcome {
    let command = command.borrow_mut();
    let status = command.status().map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed: {status}").into()) }
}

/// Standard output of a command.
fn output(command: &mut Command) -> Outcome<String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {error}").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// Standard output of the debug build of `bilag`, without settings of the environment.
fn bilag(arguments: &[&str]) -> Outcome<String> {
    let binary = target().join("debug/bilag");
    if !binary.exists() {
        return Err(format!("{} is missing: cargo build -p bilag", binary.display()).into());
    }
    output(Command::new(binary).args(arguments).env_clear())
}

/// Writes a generated file, or fails if it differs from what is there.
fn write(path: &str, text: &str, check: bool) -> Outcome {
    let file = root().join(path);
    if fs::read_to_string(&file).is_ok_and(|present| present == text) {
        return Ok(());
    }
    if check {
        return Err(format!("{path} is out of date: make generate").into());
    }
    Ok(fs::write(file, text)?)
}
