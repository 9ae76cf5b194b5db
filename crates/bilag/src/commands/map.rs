//! `bilag map`: the invoice that Omnium would get.

use crate::cli::MapArgs;
use crate::output::{Failed, say};

/// Prints the invoice as JSON.
pub fn run(args: &MapArgs) -> Result<(), Failed> {
    let event = super::read_receipt(&args.file)?;
    let invoice = invoice::map(&event, &args.property_prefix);
    let json = serde_json::to_string_pretty(&invoice).map_err(Failed::plainly)?;
    say(json);
    Ok(())
}
