//! What operators do, whether on the command line or in the browser: looking at dead letters, moving
//! them, holding up a stage.

pub mod letters;
pub mod stages;
mod way;

pub use consumer::{Stage, remedy};
pub use way::{Holding, Way, letters_about, way};
