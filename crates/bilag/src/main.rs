//! `bilag`: every consumer and every tool of the chain in one binary.

#![allow(unreachable_pub, reason = "a binary exports nothing")]
// What is printed goes through `output`, which knows readers who leave early.
#![warn(clippy::print_stderr, clippy::print_stdout)]

mod asyncapi;
mod chain;
mod cli;
mod commands;
mod consume;
mod health;
mod output;
mod reporter;
mod settings;
mod shutdown;
mod supervisor;
mod telemetry;
mod who;

use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::cli::{Cli, Command};
use crate::output::{Failed, panicked, report, tell};

fn main() -> ExitCode {
    let cli = match arguments() {
        Ok(cli) => cli,
        Err(error) => return used_wrongly(&error),
    };
    // What a panic quotes may be anybody's.
    std::panic::set_hook(Box::new(panicked));
    // The one TLS stack; only a second call could fail.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // Rendering runs on the blocking threads: more of them than processors would only hold memory.
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = match runtime.enable_all().max_blocking_threads(processors + 2).build() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failed::at("the runtime could not be started", error)),
    };
    let ended = runtime.block_on(run(cli.command));
    // A template that computes without end must not hold up the end of the process.
    runtime.shutdown_background();
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => report(&failed),
    }
}

/// The parsed command line. Help shows no value of a variable, which may be a secret.
fn arguments() -> Result<Cli, clap::Error> {
    fn hide_values(command: clap::Command) -> clap::Command {
        command.mut_args(|argument| argument.hide_env_values(true)).mut_subcommands(hide_values)
    }
    let mut matches = hide_values(Cli::command()).try_get_matches()?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut Cli::command()))
}

async fn run(command: Command) -> Result<(), Failed> {
    match command {
        Command::Doctor(args) => commands::doctor::run(*args).await,
        Command::Consume(args) => consume::run(args).await,
        Command::Topology(args) => commands::topology::run(args).await,
        Command::Publish(args) => commands::publish::run(args).await,
        Command::Backfill(args) => commands::backfill::run(args).await,
        Command::Transform(args) => commands::transform::run(*args).await,
        Command::Map(args) => commands::map::run(&args),
        Command::Render(args) => commands::render::run(&args).await,
        Command::Template(args) => commands::template::run(args).await,
        Command::Sync(args) => commands::sync::run(args).await,
        Command::Dead(args) => commands::dead::run(args).await,
        Command::Packages(args) => commands::packages::run(args).await,
        Command::Report(args) => commands::report::run(args).await,
        Command::Stages(args) => commands::stages::run(&args).await,
        Command::Pause(args) => commands::pause::pause(&args).await,
        Command::Resume(args) => commands::pause::resume(&args).await,
        Command::Audit(args) => commands::audit::run(args).await,
        Command::Notify(args) => commands::notify::run(&args).await,
        Command::Console(args) => commands::console::run(*args).await,
        Command::Ingress(args) => commands::ingress::run(*args).await,
        Command::Sandbox(args) => commands::sandbox::run(args),
        Command::Completions(args) => {
            commands::completions::run(&args);
            Ok(())
        }
        Command::Man(args) => commands::man::run(&args),
    }
}

/// Exit code 2, and one line where a single value is wrong; help and version are no errors.
fn used_wrongly(error: &clap::Error) -> ExitCode {
    match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
            let text = error.render().to_string();
            // The possible values stand in a line of their own.
            let lines: Vec<_> = text.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
            match variable(error) {
                Some(variable) => tell(format_args!("{} ({variable})", lines.join(" "))),
                None => tell(lines.join(" ")),
            }
            ExitCode::from(2)
        }
        _ => {
            let _ = error.print();
            ExitCode::from(if error.use_stderr() { 2 } else { 0 })
        }
    }
}

/// The environment variable that a wrong value may have come from: the error itself names the flag.
fn variable(error: &clap::Error) -> Option<String> {
    let ContextValue::String(flag) = error.get(ContextKind::InvalidArg)? else { return None };
    let mut cli = Cli::command();
    cli.build();
    let mut commands = vec![cli];
    while let Some(command) = commands.pop() {
        if let Some(argument) = command.get_arguments().find(|argument| argument.to_string() == *flag) {
            return argument.get_env().map(|name| name.to_string_lossy().into_owned());
        }
        commands.extend(command.get_subcommands().cloned());
    }
    None
}
