//! The client against the stand-in for Omnium, and against a server that gives set answers.

mod common;
mod cut_off;
mod decisions;
mod limits;
mod repeats;
mod sync;
mod token;
