//! `bilag man`: the manual pages, `bilag.1` and one for each command below it.

use std::fs;

use clap::CommandFactory;

use crate::cli::{Cli, ManArgs};
use crate::output::Failed;

/// Writes the pages of this version into a folder.
pub fn run(args: &ManArgs) -> Result<(), Failed> {
    let failed = |error| Failed::at(args.folder.display(), error);
    fs::create_dir_all(&args.folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.folder).map_err(failed)
}
