//! Repository tasks: `cargo xtask TASK` writes what is generated; with `--check` it fails where a file is out of date.

mod book;
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
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Reference { check } => reference::run(check),
        Task::Schemas { check } => schemas(check),
        Task::Book => book::run(),
        Task::Manifests => run(Command::new("dev/manifests.sh").current_dir(root())),
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
        run(cargo(&["test", "--quiet", "-p", "events", "--test", "schemas", "--test", "examples"]))?;
    } else {
        run(cargo(&["run", "--quiet", "-p", "events", "--example", "schemas"]))?;
    }
    write("schemas/asyncapi.yaml", &bilag(&["topology", "asyncapi"])?, check)?;
    // The parser comes from npm.
    run(Command::new("dev/asyncapi.sh").current_dir(root()))
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
