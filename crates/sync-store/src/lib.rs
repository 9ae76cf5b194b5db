//! Everything that Bilag stores, in SQLite for one machine or in PostgreSQL for several.
//!
//! A sync record says how far one receipt has come at one target, from pending to complete with the id of its
//! Omnium invoice. Two things rest on it: a receipt is never lost, because what a method answered is on the disk; and
//! it is never invoiced twice, because a lease lets one handler act at a time and the record says before each call
//! what may happen next.
//!
//! There is one trait for each aggregate, with its types in the same module; [`SyncStore`] is all of them:
//!
//! | trait | what it stores |
//! |---|---|
//! | [`StoreInfo`] | nothing: the database's clock, whether it answers, and where it is |
//! | [`RecordStore`] | receipts, and their sync records with leases |
//! | [`DeadLetterStore`] | the index of dead letters |
//! | [`PackageStore`] | the packages of an OMS, each in rounds from packed to invoiced |
//! | [`NamedLeaseStore`] | who does what only one process may do at a time |
//! | [`PermitStore`] | how processes share a service's rate limits |
//! | [`StageStore`] | paused stages, and what processes report of theirs |
//! | [`ReportStore`] | what accountants ask, and the search for receipts |
//! | [`BacklogStore`] | what waits, for metrics |
//! | [`AuditStore`] | what operators did |
//! | [`NotificationStore`] | what people are told, as an outbox |
//! | [`SessionStore`] | who is logged in to the console |
//! | [`PruneStore`] | removing personal data |
//!
//! ```
//! use std::time::Duration;
//! use sync_store::{Key, Lease, NewReceipt, Opened, RecordStore, StoreError, fingerprint};
//!
//! /// Takes the narrowest trait that it needs.
//! async fn receive(store: &dyn RecordStore) -> Result<(), StoreError> {
//!     let (key, body) = (Key::new("31", "r-1"), br#"{"type": "receipt.settled.v1"}"#);
//!     let receipt = NewReceipt {
//!         key: &key,
//!         voucher_number: "1001",
//!         order_number: "A-7",
//!         store_uid: "369",
//!         currency: "NOK",
//!         amount: 24_900,
//!         fingerprint: &fingerprint(body),
//!         body,
//!         traceparent: None,
//!         particulars: None,
//!     };
//!     assert_eq!(store.open(&receipt, "omnium", true).await?, Opened::New);
//!     let lease = store.lease(&key, "omnium", "a-handling", Duration::from_secs(60)).await?;
//!     assert!(matches!(lease, Lease::Granted(_)));
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), StoreError> {
//! # let folder = tempfile::tempdir().expect("a folder");
//! let file = folder.path().join("bilag.db");
//! let store = sync_store::connect(&format!("sqlite://{}", file.display())).await?;
//! receive(store.as_ref()).await
//! # }
//! ```
//!
//! # How to add …
//!
//! **A method.** Declare it in its aggregate's trait, and write it in the `impl … for SqlStore` beside the trait, or
//! in the aggregate's `sql` module: a `Statement` with arguments `$1`, `$2` …, run by one of `SqlStore`'s helpers
//! (`list`, `find`, `write` …), which are given how a row is read, by the names of its columns. SQL is written once
//! for both databases; where they differ, ask for the `Dialect`. Times are the database's own (`Dialect::now`). Then
//! add a function to the aggregate's module in `tests/conformance/suite/` and its name to `tests/conformance/main.rs`:
//! it runs on both databases.
//!
//! **An aggregate.** A module with a trait and its types, `impl … for SqlStore`, and the trait's name among the
//! supertraits of [`SyncStore`].
//!
//! **A table or a column.** A migration of the next number in `migrations/sqlite/` and in `migrations/postgres/`.
//! Published ones are never edited. Older versions run beside the new one, so it adds and takes nothing away: a new
//! column has a default or is null, and reading code copes with rows that an older version wrote. A migration that
//! older versions cannot live with writes its number into `bilag_schema`, and they refuse the store.

mod audit;
mod backlog;
mod dead_letter;
mod error;
mod info;
mod named_lease;
mod notification;
mod package;
mod permit;
mod postgres;
mod prune;
mod record;
mod report;
mod schema;
mod session;
mod sql;
mod sqlite;
mod stage;
mod store;
mod url;

pub use audit::{AuditEntry, AuditFilter, AuditStore, NewAuditEntry};
pub use backlog::{Backlog, BacklogStore, InvoicesWithoutFile, OpenRecords, WaitingDeadLetters};
pub use dead_letter::{
    Closes, DeadCause, DeadCount, DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterInFull,
    DeadLetterStore, NewDeadLetter, NotedDeadLetter, Place, UnknownPlace, cause, group_id,
};
pub use error::StoreError;
pub use info::StoreInfo;
pub use named_lease::NamedLeaseStore;
pub use notification::{NewNotification, Notification, NotificationStore};
pub use package::{
    Ask, Asking, Issue, OverduePackage, PackageCount, PackageFilter, PackageKey, PackageRound, PackageState,
    PackageStore, Packing, UnknownPackageState,
};
pub use permit::{PermitAnswer, PermitLimits, PermitRequest, PermitStore};
pub use prune::{PruneStore, Pruned};
pub use record::{
    Attach, Death, Key, Lease, LeaseHolder, Listed, NewReceipt, Opened, Page, Particulars, Receipt,
    ReceiptFacts, Record, RecordFilter, RecordStore, State, StateCount, Step, Stranded, UnknownState,
    fingerprint,
};
pub use report::{
    BrokenCounts, FoundReceipt, Period, ReceiptCount, ReportStore, SearchScope, SettledReceipt,
    SettledVoucher, WithoutParticulars,
};
pub use schema::{PendingMigration, Schema};
pub use session::{Session, SessionStore};
pub use stage::{
    Holding, ProcessRun, ReportedBulkhead, ReportedPause, SeenReport, StageHold, StageReport, StageStore,
};
pub use store::{SyncStore, connect, connect_by, connect_to_existing, damage, migrate, schema};
