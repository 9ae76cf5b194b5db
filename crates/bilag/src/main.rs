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

use std::pin::Pin;
use std::process::ExitCode;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, FromArgMatches};

use crate::chain::ALL;
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
    if is_one_consumer(&cli.command) {
        runtime.worker_threads(1);
    }
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

/// Whether the process consumes from one queue. It waits more than it computes, and rendering has threads of its own: a
/// second worker would only have to be woken for each message.
fn is_one_consumer(command: &Command) -> bool {
    matches!(command, Command::Consume(args) if matches!(&*args.stages, [stage] if stage != ALL))
}

/// Each command in a box of its own: as parts of one future, all of them would be compiled wherever that is polled.
fn run(command: Command) -> Pin<Box<dyn Future<Output = Result<(), Failed>>>> {
    match command {
        Command::Doctor(args) => Box::pin(commands::doctor::run(*args)),
        Command::Consume(args) => Box::pin(consume::run(args)),
        Command::Topology(args) => Box::pin(commands::topology::run(args)),
        Command::Publish(args) => Box::pin(commands::publish::run(args)),
        Command::Backfill(args) => Box::pin(commands::backfill::run(args)),
        Command::Transform(args) => Box::pin(commands::transform::run(*args)),
        Command::Map(args) => Box::pin(async move { commands::map::run(&args) }),
        Command::Render(args) => Box::pin(async move { commands::render::run(&args).await }),
        Command::Template(args) => Box::pin(commands::template::run(args)),
        Command::Sync(args) => Box::pin(commands::sync::run(args)),
        Command::Dead(args) => Box::pin(commands::dead::run(args)),
        Command::Packages(args) => Box::pin(commands::packages::run(args)),
        Command::Report(args) => Box::pin(commands::report::run(args)),
        Command::Stages(args) => Box::pin(async move { commands::stages::run(&args).await }),
        Command::Pause(args) => Box::pin(async move { commands::pause::pause(&args).await }),
        Command::Resume(args) => Box::pin(async move { commands::pause::resume(&args).await }),
        Command::Audit(args) => Box::pin(commands::audit::run(args)),
        Command::Notify(args) => Box::pin(async move { commands::notify::run(&args).await }),
        Command::Console(args) => Box::pin(commands::console::run(*args)),
        Command::Ingress(args) => Box::pin(commands::ingress::run(*args)),
        Command::Sandbox(args) => Box::pin(async move { commands::sandbox::run(args) }),
        Command::Completions(args) => {
            commands::completions::run(&args);
            Box::pin(async { Ok(()) })
        }
        Command::Man(args) => Box::pin(async move { commands::man::run(&args) }),
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
