//! The conformance suite: functions that take a fresh database.

pub mod dead;
pub mod find;
pub mod lease;
pub mod open;
pub mod reconcile;
pub mod start;
pub mod steps;
