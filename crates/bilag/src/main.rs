//! `bilag`: every consumer and every tool of the chain in one binary.

mod chain;
mod cli;
mod commands;
mod consume;
mod health;
mod output;
mod reconcile;
mod settings;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::output::{Failed, report};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return used_wrongly(&error),
    };
    // The one TLS stack; only a second call could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failed::at("the runtime could not be started", error)),
    };
    match runtime.block_on(run(cli.command)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => report(&failed),
    }
}

async fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Consume(args) => consume::run(args).await,
        Command::Topology(args) => commands::topology::run(args).await,
        Command::Publish(args) => commands::publish::run(args).await,
        Command::Map(args) => commands::map::run(&args),
        Command::Render(args) => commands::render::run(&args),
        Command::Template(args) => commands::template::run(&args),
        Command::Sync(args) => commands::sync::run(args).await,
        Command::Dead(args) => commands::dead::run(args).await,
        Command::Sandbox(args) => commands::sandbox::run(args).await,
    }
}

/// Exit code 2, and one line where a single value is wrong; help and version are no errors.
fn used_wrongly(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let text = error.render().to_string();
            eprintln!("{}", text.lines().next().unwrap_or("error: a value is wrong"));
            ExitCode::from(2)
        }
        _ => {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}
