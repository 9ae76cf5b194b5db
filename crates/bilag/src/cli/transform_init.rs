//! The command line of `bilag transform init`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub enum TransformCommand {
    /// Propose a transform from sample events
    ///
    /// Prints a transform to be finished by a person: each line says whether the amounts of all samples prove it, or whether
    /// it is a guess. What is not found and what is to be checked is listed on standard error.
    Init(TransformInitArgs),
}

#[derive(Debug, Args)]
pub struct TransformInitArgs {
    /// Files with one event each, all of one kind, as they come from your bus; `-` reads standard input
    #[arg(required = true, value_name = "SAMPLE")]
    pub samples: Vec<PathBuf>,
}
