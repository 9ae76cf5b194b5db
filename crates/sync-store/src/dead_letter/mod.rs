//! The index of dead letters. The messages themselves stay in their dead-letter queues.

mod cause;
mod sql;

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use strum::{EnumString, IntoStaticStr};

use crate::{Key, PackageKey, Page, StoreError};

pub use cause::{cause, group_id};

/// The index of dead letters.
#[async_trait]
pub trait DeadLetterStore: Send + Sync {
    /// Writes a dead letter into the index and closes what it is about, in one transaction: records
    /// of its receipt, and the newest round of its package that is `asking` or `asked`. The same
    /// dead letter again changes nothing; a later death of the same message replaces what was noted.
    ///
    /// Complete and skipped records stay as they are. So do a package, and a receipt that is on its
    /// way, when the dead letter is about a broken message only: `undecodable`, `invalid_event`,
    /// `conflicting_receipt`, `too_large`, `transform_failed`.
    async fn note_dead(&self, letter: &NewDeadLetter<'_>) -> Result<(), StoreError>;

    /// [`DeadLetterStore::move_dead_letters`] of one; answers whether the index knew it.
    async fn move_dead_letter(&self, id: &str, to: Place) -> Result<bool, StoreError> {
        Ok(self.move_dead_letters(&[id.to_owned()], to).await? > 0)
    }

    /// Records that dead letters were redriven, discarded, or restored to their dead-letter queue. Answers how many of
    /// them the index knew.
    async fn move_dead_letters(&self, ids: &[String], to: Place) -> Result<u64, StoreError>;

    /// Dead letters that match the filter, latest first, without headers and body.
    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page,
    ) -> Result<Vec<NotedDeadLetter>, StoreError>;

    /// Ids of all dead letters that match the filter.
    async fn dead_letter_ids(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterId>, StoreError>;

    /// Counts dead letters that match the filter, by stage.
    async fn dead_letters_by_stage(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<BTreeMap<String, u64>, StoreError>;

    /// One dead letter with headers and body.
    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetterInFull>, StoreError>;

    /// Counts dead letters in their dead-letter queues, by stage and reason.
    async fn dead_counts(&self) -> Result<Vec<DeadCount>, StoreError>;

    /// Groups of the dead letters that match the filter, the group with the newest dead letter first.
    async fn dead_causes(&self, filter: &DeadLetterFilter, page: Page) -> Result<Vec<DeadCause>, StoreError>;

    /// Computes the cause of at most `limit` dead letters of earlier versions, and answers how many there were: fewer
    /// than `limit` once there are no more.
    async fn fill_causes(&self, limit: u32) -> Result<u64, StoreError>;
}

/// Reasons that are about a broken message, not about the receipt that may be on its way.
pub(crate) const ABOUT_THE_MESSAGE: [&str; 5] =
    ["undecodable", "invalid_event", "conflicting_receipt", "too_large", "transform_failed"];

/// A dead letter by its message's headers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Identifies the dead letter: the same message in the same dead-letter queue has the same id.
    pub id: String,
    /// Name of the stage where it died.
    pub stage: String,
    /// Short stable code: `omnium_rejected` …
    pub reason: String,
    /// The whole error chain.
    pub error: String,
    /// The receipt it is about, where that could be read.
    pub key: Option<Key>,
    /// The package it is about, where that could be read.
    pub package: Option<PackageKey>,
    /// The message's own id.
    pub message_id: Option<String>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it failed first.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// When it failed last.
    pub last_failed_at: Option<DateTime<Utc>>,
    /// How often it was redriven before.
    pub redriven: u32,
}

impl DeadLetter {
    /// Whether it is about a message that was wrong, whatever has become of its receipt.
    pub fn is_about_the_message(&self) -> bool {
        ABOUT_THE_MESSAGE.contains(&self.reason.as_str())
    }
}

/// A dead letter to write into the index.
#[derive(Clone, Copy, Debug)]
pub struct NewDeadLetter<'a> {
    /// By its headers.
    pub letter: &'a DeadLetter,
    /// The message's headers, as JSON.
    pub headers: &'a str,
    /// The message's body. The first [`NewDeadLetter::BODY_KEPT`] bytes are kept.
    pub body: &'a [u8],
    /// Which records of its receipt it closes.
    pub closes: Closes<'a>,
}

/// Which records of a receipt a dead letter closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closes<'a> {
    /// That of one target: the message was on its way there alone.
    Target(&'a str),
    /// Every record that the receipt has: the message was on its way to all of them.
    Every {
        /// For this target there is one in any case, so that the receipt is found.
        at_least: &'a str,
    },
}

impl NewDeadLetter<'_> {
    /// How many bytes of a body are kept: enough to see what it was; the message keeps the rest.
    pub const BODY_KEPT: usize = 64 * 1024;
}

/// A dead letter in the index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotedDeadLetter {
    /// By its headers.
    pub letter: DeadLetter,
    /// The size of the message's whole body in bytes.
    pub body_size: u64,
    /// When it was noted.
    pub noted_at: DateTime<Utc>,
    /// Where the message is.
    pub place: Place,
}

/// A dead letter in the index, with what was in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterInFull {
    /// The dead letter.
    pub noted: NotedDeadLetter,
    /// The message's headers, as JSON.
    pub headers: String,
    /// The start of the message's body, at most [`NewDeadLetter::BODY_KEPT`] bytes.
    pub body: Vec<u8>,
}

/// Where the message of a dead letter is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", parse_err_ty = UnknownPlace, parse_err_fn = unknown_place)]
pub enum Place {
    /// In its dead-letter queue, waiting for a person.
    #[default]
    Dead,
    /// Sent back to its work queue.
    Redriven,
    /// Thrown away, into the archive.
    Discarded,
}

impl Place {
    /// Every place.
    pub const ALL: [Self; 3] = [Self::Dead, Self::Redriven, Self::Discarded];

    /// As the table has it.
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// The text names no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such place of a dead letter: use dead, redriven or discarded")]
pub struct UnknownPlace;

fn unknown_place(_: &str) -> UnknownPlace {
    UnknownPlace
}

/// Which dead letters to list; `None` matches all.
#[derive(Clone, Debug, Default)]
pub struct DeadLetterFilter {
    /// Where the message is; by default those that wait for a person.
    pub place: Place,
    /// Died at this stage.
    pub stage: Option<String>,
    /// Died for this reason.
    pub reason: Option<String>,
    /// Died of this cause, as [`cause()`] makes it.
    pub cause: Option<String>,
    /// Of this group, as [`DeadCause::id`] has it. Dead letters of an earlier version are in none until
    /// [`DeadLetterStore::fill_causes`] has worked out their cause.
    pub group: Option<String>,
    /// With one of these ids.
    pub ids: Option<Vec<String>>,
    /// About a receipt of this tenant.
    pub tenant: Option<String>,
    /// About this receipt.
    pub key: Option<Key>,
    /// Noted at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Part of its id, message id, receipt uid, package or error, in any case.
    pub text: Option<String>,
    /// Excludes the error from `text`: errors may name people, and who may not read them must not learn their content
    /// by searching.
    pub not_in_errors: bool,
}

/// Waiting dead letters of one stage and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadCount {
    /// The stage where they died.
    pub stage: String,
    /// Why.
    pub reason: String,
    /// Number of them.
    pub count: u64,
    /// When the oldest was noted.
    pub oldest: DateTime<Utc>,
}

/// The dead letters of one group: with the same stage, reason and cause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadCause {
    /// The stage where they died.
    pub stage: String,
    /// Why: the short stable code.
    pub reason: String,
    /// The error without its variable parts; empty for dead letters of an earlier version, until
    /// [`DeadLetterStore::fill_causes`] has worked it out.
    pub cause: String,
    /// Number of them.
    pub count: u64,
    /// When the oldest was noted.
    pub oldest: DateTime<Utc>,
    /// When the newest was noted.
    pub newest: DateTime<Utc>,
    /// The newest dead letter's id.
    pub letter: String,
    /// And its error, whole.
    pub error: String,
}

impl DeadCause {
    /// Id of the group: eight hexadecimal digits.
    pub fn id(&self) -> String {
        group_id(&self.stage, &self.reason, &self.cause)
    }
}

/// A dead letter by its id, with its stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterId {
    /// Name of the stage.
    pub stage: String,
    /// Id of the dead letter.
    pub id: String,
}
