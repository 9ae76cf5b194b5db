//! What operators do, whether on the command line or in the browser: looking at dead letters, moving
//! them, holding up a stage.

pub mod letters;
mod stage;

pub use stage::{Stage, remedy};
