//! The client against the stand-in for Omnium, and against a server that answers as it is told.

mod common;
mod sync;
