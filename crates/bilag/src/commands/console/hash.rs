//! `bilag console hash`: a password's line for the users file.

use std::io::{self, BufRead, IsTerminal};
use std::process::{Command, Stdio};

use console::hash_password;

use crate::output::{Failed, say, tell};

/// Reads the password, twice from a terminal, and prints the line.
pub fn run() -> Result<(), Failed> {
    let password = match io::stdin().is_terminal() {
        true => from_terminal()?,
        false => line()?,
    };
    let hash = hash_password(&password).map_err(Failed::plainly)?;
    say(format_args!("password = \"{hash}\""));
    Ok(())
}

fn from_terminal() -> Result<String, Failed> {
    let _unseen = Unseen::begin();
    tell("Password (not echoed):");
    let password = line()?;
    tell("Once more:");
    match line()? == password {
        true => Ok(password),
        false => Err(Failed::plainly("the passwords differ")),
    }
}

fn line() -> Result<String, Failed> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| Failed::at("the password cannot be read", error))?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}

/// While this lives, the terminal does not show what is typed.
struct Unseen;

impl Unseen {
    fn begin() -> Self {
        stty("-echo");
        Self
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        stty("echo");
    }
}

/// A terminal without `stty` shows what is typed, which its user sees.
fn stty(mode: &str) {
    let _ = Command::new("stty").arg(mode).stdin(Stdio::inherit()).stderr(Stdio::null()).status();
}
