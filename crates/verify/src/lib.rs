//! Comparing the records with Omnium itself: whether each invoice is there, comes to what its receipt
//! says, and has its file. Only reads: nothing is written to Omnium, and no record is changed.

mod compare;
mod difference;
mod look;
mod run;

pub use difference::{Difference, NotCompared};
pub use look::OmniumOf;
pub use run::{Ended, Findings, Found, Plan, Uncompared, verify};
