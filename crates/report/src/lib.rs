//! The accountant's report: what was received in a period, what became of it, and which voucher numbers are
//! missing; and [`verify`], which compares the records with Omnium.
//!
//! [`report`] asks the store and gives a [`Report`], which is data: the command line prints it, the console shows
//! it, and [`csv`] and [`json`] write it down. [`fill`] reads from the bodies of receipts of earlier versions what
//! reports and the search need.
//!
//! ```no_run
//! # async fn example(store: &dyn sync_store::SyncStore) -> Result<(), sync_store::StoreError> {
//! let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 2).expect("a day");
//! let period = sync_store::Period { from: day, to: day };
//! let query = report::Query { period, by: None, target: report::OMNIUM.to_owned(), tenant: None };
//! let report = report::report(store, &query).await?;
//! assert!(report.adds_up());
//! # Ok(())
//! # }
//! ```

mod export;
mod gaps;
mod particulars;
mod report;
pub mod verify;

pub use export::{CsvFormat, csv, json};
pub use gaps::{Gaps, Missing, Repeated, Series, Unchecked};
pub use particulars::{fill, particulars, recount, settled_on};
pub use report::{Broken, By, Figures, Group, OMNIUM, Query, Report, Row, Tally, UnknownBy, report};
