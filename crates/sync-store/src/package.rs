//! Packages of an OMS, and the rounds in which they are packed, asked about and invoiced.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{Death, Key, LeaseHolder, State};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
        match self {
            Self::Asking => "asking",
            Self::Asked => "asked",
            Self::Issued => "issued",
            Self::Superseded => "superseded",
            Self::Dead => "dead",
        }
    }
}

impl fmt::Display for PackageState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for PackageState {
    type Err = UnknownPackageState;
    fn from_str(text: &str) -> Result<Self, UnknownPackageState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownPackageState)
    }
}

/// The text names no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such state of a package: use asking, asked, issued, superseded or dead")]
pub struct UnknownPackageState;

/// A round of a package: one packing with one content, asked about under one idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageRound {
    /// The package.
    pub key: PackageKey,
    /// 1, 2 …; 0 where a receipt named the package before it was heard as packed.
    pub round: u32,
    /// The number people know the package by.
    pub number: String,
    /// How far it has come.
    pub state: PackageState,
    /// The event that began it; `None` as long as the package was not heard as packed.
    pub event_uuid: Option<String>,
    /// Of its content; `None` as long as the package was not heard as packed.
    pub fingerprint: Option<String>,
    /// The trace it belongs to (W3C Trace Context).
    pub traceparent: Option<String>,
    /// How often somebody was let ask for it.
    pub asked_times: u32,
    /// How often the invoice service accepted.
    pub accepted_times: u32,
    /// When it accepted last.
    pub asked_at: Option<DateTime<Utc>>,
    /// Its receipt, once there is one.
    pub receipt: Option<Key>,
    /// When that came.
    pub issued_at: Option<DateTime<Utc>>,
    /// The number customers know that receipt by, where the receipt was heard.
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

/// Which rounds to list. What is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct PackageFilter {
    /// In this state.
    pub state: Option<PackageState>,
    /// Of packages with this id or this number, exactly.
    pub package: Option<String>,
    /// Asked longer ago than this, for the second time or more often, and still without a receipt.
    pub waiting_for: Option<Duration>,
}

/// How many rounds are in one state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackageCount {
    /// In this state.
    pub state: PackageState,
    /// How many.
    pub count: u64,
    /// When the one that is untouched for longest was last touched.
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
