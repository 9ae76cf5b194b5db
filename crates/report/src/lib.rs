//! The accountant's report: what was heard in a period, what became of it, and which voucher numbers
//! are missing.
//!
//! [`report`] asks the store and gives a [`Report`], which is data: the command line prints it, the
//! console shows it, and [`csv`] and [`json`] write it down. [`fill`] brings receipts that an earlier
//! version wrote to where reports and the search find them.

mod csv;
mod fold;
mod gaps;
mod json;
mod model;
mod particulars;
mod report;

pub use csv::csv;
pub use fold::Fold;
pub use gaps::{Gaps, Missing, Numbering, Repeated, Series};
pub use json::json;
pub use model::{Broken, By, Figures, Group, Query, Report, Row, Tally, UnknownBy};
pub use particulars::{fill, particulars, recount, settled_on};
pub use report::{OMNIUM, report};
