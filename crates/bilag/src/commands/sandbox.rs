//! `bilag sandbox`: runs `bilag-sandbox`, the binary of its own that stands next to this one.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;
use std::{env, io};

use crate::cli::SandboxArgs;
use crate::output::Failed;

/// Replaces this process; returns only where it cannot.
pub fn run(args: SandboxArgs) -> Result<(), Failed> {
    // Where /proc is not mounted, the path is known only from the command line.
    let this = env::current_exe()
        .or_else(|error| env::args_os().next().map(PathBuf::from).ok_or(error))
        .map_err(|error| Failed::at("the path of this binary is unknown", error))?;
    let sandbox = this.with_file_name("bilag-sandbox");
    // So that its usage names the command that was typed.
    let error = Command::new(&sandbox).arg0("bilag sandbox").args(args.args).exec();
    Err(match error.kind() {
        io::ErrorKind::NotFound => Failed::plainly(format!(
            "{} is missing; build it with `cargo build --release -p sandbox`, and put it next to `bilag`",
            sandbox.display()
        )),
        _ => Failed::at(sandbox.display(), error),
    })
}
