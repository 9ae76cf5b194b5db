//! A row that was read, column by column from the left.

use std::collections::VecDeque;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use thiserror::Error;

use crate::{Death, Key, LeaseHolder};

/// A value the database answered.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The columns that were not read yet.
#[derive(Clone, Debug)]
pub(crate) struct Row(pub(crate) VecDeque<Cell>);

/// A column does not hold what this version writes into it. Names no value.
#[derive(Clone, Copy, Debug, Error)]
#[error("a column holds no {expected}")]
pub(crate) struct Surprise {
    pub(super) expected: &'static str,
}

impl Row {
    pub(crate) fn text(&mut self) -> Result<String, Surprise> {
        required(self.optional_text()?, "text")
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<String>, Surprise> {
        match self.0.pop_front() {
            Some(Cell::Text(text)) => Ok(Some(text)),
            Some(Cell::Null) => Ok(None),
            _ => Err(Surprise { expected: "text" }),
        }
    }

    pub(crate) fn int(&mut self) -> Result<i64, Surprise> {
        required(self.optional_int()?, "integer")
    }

    /// A count: an integer that fits `T`.
    pub(crate) fn count<T: TryFrom<i64>>(&mut self) -> Result<T, Surprise> {
        T::try_from(self.int()?).map_err(|_| Surprise { expected: "count" })
    }

    /// Milliseconds, at least none.
    pub(crate) fn duration(&mut self) -> Result<Duration, Surprise> {
        Ok(Duration::from_millis(u64::try_from(self.int()?).unwrap_or(0)))
    }

    pub(crate) fn time(&mut self) -> Result<DateTime<Utc>, Surprise> {
        required(self.optional_time()?, "time")
    }

    pub(crate) fn optional_time(&mut self) -> Result<Option<DateTime<Utc>>, Surprise> {
        let Some(millis) = self.optional_int()? else { return Ok(None) };
        DateTime::from_timestamp_millis(millis).map(Some).ok_or(Surprise { expected: "time" })
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, Surprise> {
        match self.0.pop_front() {
            Some(Cell::Bytes(bytes)) => Ok(bytes),
            _ => Err(Surprise { expected: "bytes" }),
        }
    }

    /// One of the words of `T`.
    pub(crate) fn word<T: FromStr>(&mut self, expected: &'static str) -> Result<T, Surprise> {
        self.text()?.parse().map_err(|_| Surprise { expected })
    }

    /// One of the words of `T`, where there is one.
    pub(crate) fn optional_word<T: FromStr>(
        &mut self,
        expected: &'static str,
    ) -> Result<Option<T>, Surprise> {
        self.optional_text()?.map(|text| text.parse().map_err(|_| Surprise { expected })).transpose()
    }

    /// A text of JSON.
    pub(crate) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Surprise> {
        serde_json::from_str(text).map_err(|_| Surprise { expected: "JSON of this version" })
    }

    /// Tenant and receipt uid.
    pub(crate) fn optional_key(&mut self) -> Result<Option<Key>, Surprise> {
        Ok(match (self.optional_text()?, self.optional_text()?) {
            (Some(tenant_uid), Some(receipt_uid)) => Some(Key { tenant_uid, receipt_uid }),
            _ => None,
        })
    }

    /// Owner and end.
    pub(crate) fn optional_lease(&mut self) -> Result<Option<LeaseHolder>, Surprise> {
        Ok(match (self.optional_text()?, self.optional_time()?) {
            (Some(owner), Some(until)) => Some(LeaseHolder { owner, until }),
            _ => None,
        })
    }

    /// Stage, reason and error.
    pub(crate) fn optional_death(&mut self) -> Result<Option<Death>, Surprise> {
        Ok(match (self.optional_text()?, self.optional_text()?, self.optional_text()?) {
            (Some(stage), Some(reason), Some(error)) => Some(Death { stage, reason, error }),
            _ => None,
        })
    }

    /// Whether the next column is null.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.0.front(), Some(Cell::Null))
    }

    fn optional_int(&mut self) -> Result<Option<i64>, Surprise> {
        match self.0.pop_front() {
            Some(Cell::Int(int)) => Ok(Some(int)),
            Some(Cell::Null) => Ok(None),
            _ => Err(Surprise { expected: "integer" }),
        }
    }
}

fn required<T>(value: Option<T>, expected: &'static str) -> Result<T, Surprise> {
    value.ok_or(Surprise { expected })
}
