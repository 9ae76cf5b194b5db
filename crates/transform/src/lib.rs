//! Transforms: from a message as a foreign publisher shapes it to the event that Bilag reads, by envelopes to open
//! and a filter in jq.
//!
//! A filter is pure: it reads no clock, no environment and no file, and what it may use up is limited
//! ([`MAX_STEPS`]). Numbers are exact decimals.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod arithmetic;
mod engine;
mod entry;
mod envelope;
#[allow(clippy::disallowed_methods, reason = "it reads the transforms file, and nothing else here reads any")]
mod file;
mod filter;
mod functions;
pub mod init;
mod json;
mod meter;
mod pattern;
mod place;
mod regexes;
mod val;

pub use config::TomlFileError;
pub use entry::{Entry, Made, Makes, Problem, Source, TransformError};
pub use envelope::Envelope;
pub use file::Transforms;
pub use json::NotJson;
pub use meter::{Limit, MAX_DEPTH, MAX_STEPS, MAX_TEXT};
