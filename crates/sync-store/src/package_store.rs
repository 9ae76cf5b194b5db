//! What the consumers and the operators' tools ask of the store about packages.

use std::time::Duration;

use async_trait::async_trait;

use crate::{
    Ask, Asking, Issue, Key, OverduePackage, PackageCount, PackageFilter, PackageKey, PackageRound, Packing,
    Page, Step, StoreError,
};

/// The rounds of packages: from "packed" to the receipt that is their invoice.
///
/// A package that is packed again with the same content is in the same round; with another content
/// it begins a new one. What [`crate::SyncStore`] says of answers, errors and owners holds here too.
#[async_trait]
pub trait PackageStore: Send + Sync {
    /// Asks to be the one who asks the invoice service for this packing's invoice. Of any number
    /// who ask at once, one is granted a round.
    ///
    /// The event is remembered: whenever it comes after a newer packing was heard, the answer is
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

    /// Rounds that meet the filter, the latest touched first.
    async fn packages(&self, filter: &PackageFilter, page: Page) -> Result<Vec<PackageRound>, StoreError>;

    /// How many rounds are in each state.
    async fn package_counts(&self) -> Result<Vec<PackageCount>, StoreError>;

    /// Newest rounds that nobody acts for and that should not be where they are, the longest
    /// untouched first: `asking` and untouched for longer than `untouched_for`; or `asked` and
    /// untouched for longer than `patience`, where the service has accepted once only. A second
    /// time is for a person to ask: see [`PackageFilter::waiting_for`] and
    /// [`PackageStore::ask_again`].
    async fn overdue_packages(
        &self,
        patience: Duration,
        untouched_for: Duration,
        limit: u32,
    ) -> Result<Vec<OverduePackage>, StoreError>;

    /// The round was sent on again: it is not overdue until it is untouched for long again.
    async fn touch_package(&self, key: &PackageKey, round: u32) -> Result<(), StoreError>;

    /// An operator wants the newest round to be asked about again, whatever the patience: `asked`
    /// becomes `asking`, and [`PackageStore::ask`] is granted for the body that this answers.
    /// `None` where there is nothing to ask again: no such package, a lease that runs, or a newest
    /// round that is issued or dead.
    async fn ask_again(&self, key: &PackageKey) -> Result<Option<OverduePackage>, StoreError>;
}
