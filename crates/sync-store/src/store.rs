//! What the consumers and the operators' tools ask of the store.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{
    Attach, AuditStore, BacklogStore, DeadCause, DeadCount, DeadLetterFilter, DeadLetterId, DeadLetterInFull,
    Key, Lease, LeaseHolder, Listed, NewDeadLetter, NewReceipt, NotedDeadLetter, Opened, PackageStore, Page,
    PermitStore, Place, PruneStore, Receipt, Record, RecordFilter, RehearsalStore, ReportStore, SessionStore,
    StageStore, StateCount, Step, StoreError, Stranded,
};

/// The sync records and the index of dead letters; with [`PackageStore`], the packages.
///
/// What a writing operation answered survives a power cut. After [`StoreError::Unavailable`] it is
/// not known whether the operation took effect; each may be asked again.
///
/// `target` names where an invoice goes: `omnium`, `package`. `owner` names one handling of one
/// message, never a process: two handlings that share a name could not be told apart once the
/// lease of the first has run out.
#[async_trait]
pub trait SyncStore:
    PackageStore
    + AuditStore
    + PermitStore
    + ReportStore
    + SessionStore
    + StageStore
    + BacklogStore
    + PruneStore
    + RehearsalStore
{
    /// Opens the record of a receipt for one target, or meets it again. With `wanted` false it is
    /// recorded as skipped; a skipped one that is wanted after all becomes pending.
    ///
    /// A dead record stays dead, because its dead letter waits for a person, unless nothing but broken
    /// events of this receipt had been seen before: then it is opened as new.
    async fn open(&self, receipt: &NewReceipt<'_>, target: &str, wanted: bool) -> Result<Opened, StoreError>;

    /// Asks to be the one who acts for this receipt at this target, for `ttl` from now. The `ttl`
    /// must outlive every call that is made under the lease, its timeout included: nobody takes
    /// over before it has run out, not even under the same name.
    ///
    /// A dead record comes back to the state it died in, so that a redriven dead letter continues where
    /// it stopped.
    async fn lease(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<Lease, StoreError>;

    /// The invoice is in Omnium, its file is not: `pending` becomes `invoice_created`.
    async fn invoice_created(
        &self,
        key: &Key,
        target: &str,
        owner: &str,
        invoice_id: &str,
    ) -> Result<Step, StoreError>;

    /// The file is about to be attached: the record becomes `attaching` and the lease runs `ttl`
    /// from now. Make the call only on [`Step::Taken`].
    async fn attaching(&self, key: &Key, target: &str, attach: &Attach<'_>) -> Result<Step, StoreError>;

    /// Omnium certainly refused the file: `attaching` goes back to `invoice_created`.
    async fn not_attached(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError>;

    /// Invoice and file are in place. Final, and wins over every other state, with or without a
    /// lease: what has happened has happened. Answers [`Step::Lost`] only where no record exists.
    async fn complete(&self, key: &Key, target: &str, invoice_id: &str) -> Result<Step, StoreError>;

    /// Gives the lease back, where no call can be in flight any more. The lease of another is left
    /// alone.
    async fn release(&self, key: &Key, target: &str, owner: &str) -> Result<(), StoreError>;

    /// The owner's running lease ends `ttl` from now, if that is earlier: where a call failed whose
    /// effects end sooner than the lease, the next attempt need not wait for all of it.
    async fn shorten(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<(), StoreError>;

    /// The target turns out not to want the receipt: `pending` or `attaching` becomes `skipped`,
    /// and the lease is given back.
    async fn skip(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError>;

    /// Writes a dead letter into the index and closes what it is about, in one transaction: records
    /// of its receipt, and the newest round of its package that is `asking` or `asked`. The same
    /// dead letter again changes nothing; a later death of the same message replaces what was noted.
    ///
    /// Complete and skipped records stay as they are. So do a package, and a receipt that is on its
    /// way, when the dead letter is about a broken message only: `undecodable`, `invalid_event`,
    /// `conflicting_receipt`, `too_large`.
    async fn note_dead(&self, letter: &NewDeadLetter<'_>) -> Result<(), StoreError>;

    /// A dead letter has moved: redriven, discarded, or restored to its dead-letter queue. Answers
    /// whether the index knew it.
    async fn move_letter(&self, id: &str, to: Place) -> Result<bool, StoreError> {
        Ok(self.move_letters(&[id.to_owned()], to).await? > 0)
    }

    /// Several dead letters have moved, in one statement. Answers how many of them the index knew.
    async fn move_letters(&self, ids: &[String], to: Place) -> Result<u64, StoreError>;

    /// One record.
    async fn record(&self, key: &Key, target: &str) -> Result<Option<Record>, StoreError>;

    /// Records that meet the filter, the latest opened first.
    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<Listed>, StoreError>;

    /// How many records are in each state, by target.
    async fn counts(&self) -> Result<Vec<StateCount>, StoreError>;

    /// A receipt as it was first heard.
    async fn receipt(&self, key: &Key) -> Result<Option<Receipt>, StoreError>;

    /// DeadLetters that meet the filter, the latest noted first, without headers and body.
    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page,
    ) -> Result<Vec<NotedDeadLetter>, StoreError>;

    /// The ids of all dead letters that meet the filter, by stage.
    async fn letter_ids(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterId>, StoreError>;

    /// How many dead letters meet the filter, by stage.
    async fn letters_by_stage(&self, filter: &DeadLetterFilter) -> Result<BTreeMap<String, u64>, StoreError>;

    /// One dead letter with headers and body.
    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetterInFull>, StoreError>;

    /// How many dead letters wait for a person, by stage and reason.
    async fn dead_counts(&self) -> Result<Vec<DeadCount>, StoreError>;

    /// DeadLetters that meet the filter by stage, reason and cause, the group with the newest dead letter first.
    async fn dead_causes(&self, filter: &DeadLetterFilter, page: Page) -> Result<Vec<DeadCause>, StoreError>;

    /// Works out the cause of at most `limit` dead letters that an earlier version noted without one. Answers
    /// how many there were; fewer than `limit` says that there are no more.
    async fn fill_causes(&self, limit: u32) -> Result<u64, StoreError>;

    /// Records that stopped on their way: neither complete, skipped nor dead, held by nobody, and
    /// untouched for longer than `untouched_for`; the longest untouched first.
    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Stranded>, StoreError>;

    /// The record was sent on again: it is not stranded until it is untouched for long again.
    async fn touch(&self, key: &Key, target: &str) -> Result<(), StoreError>;

    /// Asks to be the one who does what the name stands for, for `ttl` from now. The same owner may
    /// ask again and again, which extends it; a `ttl` of zero gives it back.
    async fn named_lease(&self, name: &str, owner: &str, ttl: Duration) -> Result<bool, StoreError>;

    /// Who has the lease of this name, where it runs.
    async fn named_lease_holder(&self, name: &str) -> Result<Option<LeaseHolder>, StoreError>;

    /// The store's own time, which it notes dead letters by.
    async fn now(&self) -> Result<DateTime<Utc>, StoreError>;

    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Which store it is: the absolute path of the SQLite file, or host, port and database of
    /// PostgreSQL. Never a password.
    fn describe(&self) -> String;
}
