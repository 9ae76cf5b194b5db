//! The conformance suite: functions that take a fresh database.

pub mod audit;
pub mod backlog;
pub mod causes;
pub mod dead;
pub mod find;
pub mod lease;
pub mod open;
pub mod package_ask;
pub mod package_find;
pub mod package_issue;
pub mod package_steps;
pub mod permit;
pub mod prune;
pub mod reconcile;
pub mod report;
pub mod session;
pub mod stage;
pub mod start;
pub mod steps;
