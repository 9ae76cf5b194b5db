//! The client against the stand-in for Omnium, and against a server that answers as it is told.

mod common;
mod cut_off;
mod decisions;
mod limits;
mod repeats;
mod sync;
mod token;
