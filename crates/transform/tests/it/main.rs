//! Transforms, from their file to the events that they make.

mod envelopes;
mod events_made;
mod file;
mod filters;
mod init;
mod limits;
mod samples;
mod support;
