//! The tools, one file each.

pub mod audit;
pub mod backfill;
pub mod completions;
pub mod console;
pub mod dead;
pub mod doctor;
pub mod ingress;
pub mod man;
pub mod map;
pub mod migrate;
pub mod notify;
pub mod packages;
pub mod pause;
pub mod prune;
pub mod publish;
pub mod recount;
pub mod render;
pub mod report;
pub mod report_flow;
pub mod sandbox;
pub mod stages;
pub mod sync;
pub mod template;
pub mod topology;
pub mod topology_users;
pub mod transform;
pub mod transform_init;
pub mod verify;

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use crate::output::Failed;

/// So long a dead letter is looked for in its queue: as long as a person may wait who can end it.
const WHOLE_WITHIN: Duration = Duration::from_secs(600);

/// A file's bytes; `-` is standard input.
pub fn read(path: &Path) -> Result<Vec<u8>, Failed> {
    let mut bytes = Vec::new();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().read_to_end(&mut bytes).map(drop),
        false => std::fs::read(path).map(|read| bytes = read),
    };
    match read {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Failed::at(path.display(), error)),
    }
}

/// JSON for people; as it is where it is none.
fn indented(json: &[u8]) -> String {
    let text = String::from_utf8_lossy(json);
    let indented = serde_json::from_str::<serde_json::Value>(&text);
    indented.and_then(|json| serde_json::to_string_pretty(&json)).unwrap_or_else(|_| text.into_owned())
}

/// A receipt that holds together, from a file.
fn read_receipt(path: &Path) -> Result<events::ReceiptSettled, Failed> {
    let body = read(path)?;
    let event: events::ReceiptSettled =
        events::decode(&body).map_err(|error| Failed::at(path.display(), error))?;
    event.check().map_err(|error| Failed::at(path.display(), error))?;
    Ok(event)
}
