//! The conformance suite: functions that take a fresh database.

pub(crate) mod audit;
pub(crate) mod backlog;
pub(crate) mod causes;
pub(crate) mod dead;
pub(crate) mod find;
pub(crate) mod lease;
pub(crate) mod notification;
pub(crate) mod open;
pub(crate) mod package_ask;
pub(crate) mod package_find;
pub(crate) mod package_issue;
pub(crate) mod package_steps;
pub(crate) mod permit;
pub(crate) mod prune;
pub(crate) mod reconcile;
pub(crate) mod report;
pub(crate) mod session;
pub(crate) mod stage;
pub(crate) mod start;
pub(crate) mod steps;
