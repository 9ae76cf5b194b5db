//! Packages of an OMS, and the rounds in which they are packed, asked about and invoiced.

mod ask;
mod issue;
mod sql;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strum::{Display, EnumString, IntoStaticStr};

use crate::{Death, Key, LeaseHolder, Page, State, Step, StoreError};

/// The rounds of packages: from "packed" to the receipt that is their invoice.
///
/// A package that is packed again with the same content is in the same round; with another content
/// it begins a new one. See [`SyncStore`](crate::SyncStore) and [`RecordStore`](crate::RecordStore) for answers, errors and owners.
#[async_trait]
pub trait PackageStore: Send + Sync {
    /// Asks for the lease to ask the invoice service for this packing's invoice. Of concurrent calls one is granted
    /// a round.
    ///
    /// The event is remembered: whenever it comes after a newer packing was received, the answer is
    /// [`Asking::Superseded`]. Of the older rounds, those that are `asking` or `dead` become
    /// `superseded`; the receipt of one that is `asked` may still come.
    ///
    /// A lease that runs keeps everybody else out, from a dead round that was redriven too: a call
    /// may be in flight.
    async fn ask(&self, packing: &Packing<'_>, ask: &Ask<'_>) -> Result<Asking, StoreError>;

    /// The body of the event that began a round, as it came: what is asked under its key is made of
    /// this one, whichever event of the packing is at hand.
    async fn packing_body(&self, key: &PackageKey, round: u32) -> Result<Option<Vec<u8>>, StoreError>;

    /// The invoice service has accepted: `asking` becomes `asked`, and the lease is given back. A
    /// round that was issued meanwhile stays issued. [`Step::Lost`] where another one asks by now,
    /// or the round is past it.
    ///
    /// An owner whose lease has run out may still say so as long as nobody took over: what has
    /// happened has happened.
    async fn asked(&self, key: &PackageKey, round: u32, owner: &str) -> Result<Step, StoreError>;

    /// Gives the lease back, where no call can be in flight any more. The lease of another is left
    /// alone.
    async fn release_package(&self, key: &PackageKey, round: u32, owner: &str) -> Result<(), StoreError>;

    /// Binds a receipt to the package that it names by key and number: to the oldest round that is
    /// `asking` or `asked`, else to the oldest that has none. Two receipts that come at once for one
    /// round: one gets it.
    async fn issue(&self, key: &PackageKey, number: &str, receipt: &Key) -> Result<Issue, StoreError>;

    /// Whether a later round of its package has a receipt: then this one must not replace it.
    async fn is_superseded(&self, key: &PackageKey, receipt: &Key) -> Result<bool, StoreError>;

    /// All rounds of one package, the newest first.
    async fn package(&self, key: &PackageKey) -> Result<Vec<PackageRound>, StoreError>;

    /// Rounds that match the filter, latest updated first.
    async fn packages(&self, filter: &PackageFilter, page: Page) -> Result<Vec<PackageRound>, StoreError>;

    /// Counts rounds by state.
    async fn package_counts(&self) -> Result<Vec<PackageCount>, StoreError>;

    /// Newest rounds without a running lease that should have moved on, the longest
    /// untouched first: `asking` and untouched for longer than `untouched_for`; or `asked` and
    /// untouched for longer than `overdue_after`, where the service has accepted once only. A second
    /// time is for a person to ask: see [`PackageFilter::waiting_for`] and
    /// [`PackageStore::ask_again`].
    async fn overdue_packages(
        &self,
        overdue_after: Duration,
        untouched_for: Duration,
        limit: u32,
    ) -> Result<Vec<OverduePackage>, StoreError>;

    /// The round was sent on again: it is not overdue until it is untouched for long again.
    async fn touch_package(&self, key: &PackageKey, round: u32) -> Result<(), StoreError>;

    /// An operator wants the newest round to be asked about again, however short ago it was asked: `asked`
    /// becomes `asking`, and [`PackageStore::ask`] is granted for the body that this answers.
    /// `None` where there is nothing to ask again: no such package, a lease that runs, or a newest
    /// round that is issued or dead.
    async fn ask_again(&self, key: &PackageKey) -> Result<Option<OverduePackage>, StoreError>;
}

/// Identifies a package: an id alone is unique only within its OMS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackageKey {
    /// Which OMS, by the name it has in the settings.
    pub oms: String,
    /// `payload.id` of its event.
    pub package_id: u64,
}

impl PackageKey {
    /// From the OMS's name and the package's id there.
    pub fn new(oms: impl Into<String>, package_id: u64) -> Self {
        Self { oms: oms.into(), package_id }
    }
}

impl fmt::Display for PackageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.oms, self.package_id)
    }
}

/// How far a round has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownPackageState, parse_err_fn = unknown_state)]
pub enum PackageState {
    /// The invoice service is to be asked, or is being asked now.
    Asking,
    /// The invoice service has accepted; the receipt has not come yet.
    Asked,
    /// Its receipt is there. Final.
    Issued,
    /// The package was packed anew before the invoice service had accepted.
    Superseded,
    /// Its dead letter waits for a person.
    Dead,
}

impl PackageState {
    /// Every state, in the order a round meets them.
    pub const ALL: [Self; 5] = [Self::Asking, Self::Asked, Self::Issued, Self::Superseded, Self::Dead];

    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such state of a package: use asking, asked, issued, superseded or dead")]
pub struct UnknownPackageState;

fn unknown_state(_: &str) -> UnknownPackageState {
    UnknownPackageState
}

/// A round of a package: one packing with one content, asked about under one idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRound {
    /// The package.
    pub key: PackageKey,
    /// 1, 2 …; 0 where a receipt named the package before it was received as packed.
    pub round: u32,
    /// Number that people know the package by.
    pub number: String,
    /// How far it has come.
    pub state: PackageState,
    /// The event that began it; `None` as long as the package was not received as packed.
    pub event_uuid: Option<String>,
    /// Of its content; `None` as long as the package was not received as packed.
    pub fingerprint: Option<String>,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
    /// Times that a lease to ask was granted.
    pub asked_times: u32,
    /// Times that the invoice service accepted.
    pub accepted_times: u32,
    /// Last acceptance.
    pub asked_at: Option<DateTime<Utc>>,
    /// Its receipt, once there is one.
    pub receipt: Option<Key>,
    /// When that came.
    pub issued_at: Option<DateTime<Utc>>,
    /// The number customers know that receipt by, where the receipt was received.
    pub voucher_number: Option<String>,
    /// How far writing that receipt's invoice back to the OMS has come: the state of its sync record
    /// with the target `package`, where there is one.
    pub written_back: Option<State>,
    /// Who was the last to ask, where the lease was not given back. It may have run out.
    pub lease: Option<LeaseHolder>,
    /// Why it died, while it is dead.
    pub death: Option<Death>,
    /// When the round began.
    pub created_at: DateTime<Utc>,
    /// When anything last happened to it.
    pub updated_at: DateTime<Utc>,
}

/// Which rounds to list; `None` matches all.
#[derive(Clone, Debug, Default)]
pub struct PackageFilter {
    /// In this state.
    pub state: Option<PackageState>,
    /// Of packages with this id or this number, exactly.
    pub package: Option<String>,
    /// Asked longer ago than this, for the second time or more often, and still without a receipt.
    pub waiting_for: Option<Duration>,
}

/// The rounds in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageCount {
    /// Their state.
    pub state: PackageState,
    /// Number of them.
    pub count: u64,
    /// Least recent update among them.
    pub oldest: DateTime<Utc>,
}

/// A round that is to be asked about again, with what is needed to send its event on again.
#[derive(Clone, PartialEq, Eq)]
pub struct OverduePackage {
    /// The package.
    pub key: PackageKey,
    /// Which round of it.
    pub round: u32,
    /// The event's bytes as they came.
    pub body: Vec<u8>,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
}

/// The body stays out: it may name a person.
impl fmt::Debug for OverduePackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OverduePackage")
            .field("key", &self.key)
            .field("round", &self.round)
            .field("traceparent", &self.traceparent)
            .finish_non_exhaustive()
    }
}

/// A packing that was received.
#[derive(Clone, Copy)]
pub struct Packing<'a> {
    /// The package.
    pub key: &'a PackageKey,
    /// The number people know it by.
    pub number: &'a str,
    /// `event.uuid`: the same message, delivered again, has the same.
    pub event_uuid: &'a str,
    /// Of the content that the invoice is for: packed again with the same content is the same packing.
    pub fingerprint: &'a str,
    /// The event's bytes as they came, so that it can be sent on again.
    pub body: &'a [u8],
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<&'a str>,
}

/// The body stays out: it may name a person.
impl fmt::Debug for Packing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packing")
            .field("key", &self.key)
            .field("event_uuid", &self.event_uuid)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// Who asks, and how.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// One handling of one message.
    pub owner: &'a str,
    /// How long the lease runs from now.
    pub ttl: Duration,
    /// Asked and not answered for so long may be asked again.
    pub overdue_after: Duration,
    /// The message is a dead letter that was sent on again: only then a dead round comes back.
    pub redriven: bool,
    /// The dead round of this content came to nothing, and this packing is another one: it begins a
    /// round of its own.
    pub renew: bool,
}

/// Whether the invoice service may be asked now.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Asking {
    /// The owner asks now.
    Granted {
        /// For this round; it belongs into the idempotency key.
        round: u32,
        /// Times that a lease to ask was granted before.
        asked_times: u32,
    },
    /// Another owner's lease runs. Try again later.
    Held {
        /// Remaining time of that lease, unless it is given back.
        left: Duration,
    },
    /// The service has accepted, and is not overdue: there is nothing to do now.
    Asked,
    /// Its receipt is there.
    Issued(Key),
    /// A newer packing took the place of this one.
    Superseded,
    /// Its dead letter waits for a person.
    Dead,
}

/// What came of a receipt that names a package.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Issue {
    /// It is the receipt of this round now.
    Matched {
        /// The oldest that waited for one, else the oldest that had none.
        round: u32,
    },
    /// It was the receipt of one of the package's rounds already.
    Again,
    /// The package was not received as packed yet. The receipt is kept for it, as that of round 0.
    Unknown,
    /// Every round has another receipt. Nothing was written.
    Taken {
        /// The receipt of the newest round.
        by: Key,
    },
    /// The package has another number. Nothing was written.
    OtherNumber {
        /// The number it has.
        known: String,
    },
}
