//! What operators do, whether on the command line or in the browser: looking at dead letters, moving
//! them, holding up a stage.

mod stage;
pub mod stages;

pub use stage::{Stage, remedy};
