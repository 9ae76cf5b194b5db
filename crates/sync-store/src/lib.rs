//! The sync records: one receipt's way from "heard" to "complete with the Omnium invoice id".
//!
//! The table `external_order_receipt_sync` behind one trait, [`SyncStore`], kept in SQLite for one
//! machine or in PostgreSQL for several. A receipt is identified by tenant and uid everywhere, and
//! has one record for each target that its invoice is for.
//!
//! Beside them, [`PackageStore`] keeps the packages of an OMS: each round of one, from "packed" to
//! the receipt that is its invoice; [`StageStore`] the stages that operators have paused, and what the
//! processes say of theirs; [`AuditStore`] what operators did;
//! [`PermitStore`] how processes divide a service's limits among themselves.
//!
//! Two things rest on this crate: a receipt is never lost, because what an operation answered is on
//! the disk; and it is never invoiced twice, because a lease lets one handler act at a time and the
//! record says before each call what may happen next.

mod asking;
mod audit;
mod backlog;
mod cause;
mod connect;
mod dead;
mod error;
mod fault;
mod lease;
mod package;
mod package_store;
mod permit;
mod permit_pool;
mod postgres;
mod prune;
mod query;
mod receipt;
mod record;
mod rehearsal;
mod report;
mod schema;
mod session;
mod sql;
mod sqlite;
mod stage;
mod store;

pub use asking::{Ask, Asking, Issue, Packing};
pub use audit::{Act, ActFilter, AuditStore, NotedAct};
pub use backlog::{Backlog, BacklogStore, OpenRecords, WaitingDeadLetters};
pub use cause::{cause, group_id};
pub use connect::{connect, connect_by, connect_to_existing};
pub use dead::{
    Closes, DeadCause, DeadCount, DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterInFull,
    NewDeadLetter, NotedDeadLetter, Place, UnknownPlace,
};
pub use error::StoreError;
pub use lease::{Attach, Lease, Step};
pub use package::{
    OverduePackage, PackageCount, PackageFilter, PackageKey, PackageRound, PackageState, UnknownPackageState,
};
pub use package_store::PackageStore;
pub use permit::{PermitAnswer, PermitAsk, PermitLimits, PermitStore};
pub use prune::{PruneStore, Pruned};
pub use query::{Listed, Page, RecordFilter, StateCount, Stranded};
pub use receipt::{Key, NewReceipt, Opened, Receipt, ReceiptFacts, fingerprint};
pub use record::{Death, LeaseHolder, Record, State, UnknownState};
pub use rehearsal::RehearsalStore;
pub use report::{
    BrokenCounts, FoundReceipt, Particulars, Period, ReceiptCount, ReportStore, SettledReceipt,
    SettledVoucher, Sought, WithoutParticulars,
};
pub use schema::{PendingMigration, Schema, damage, migrate, schema};
pub use session::{Session, SessionStore};
pub use stage::{
    Holding, ProcessRun, ReportedBulkhead, ReportedPause, SeenReport, StageHold, StageReport, StageStore,
};
pub use store::SyncStore;
