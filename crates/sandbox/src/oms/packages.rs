//! The packages with an invoice, as the OMS would hold them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::command::Command;
use crate::contents::{Contents, sha256};
use crate::lock;

/// What is on a package now, and what was before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PackageFacts {
    /// The invoice's number.
    pub number: String,
    /// The invoice's date, as it was sent.
    pub date: String,
    /// The SHA-256 of its document, in hexadecimal.
    pub sha256: String,
    /// The document's length in bytes.
    pub size: usize,
    /// How often an invoice was written.
    pub times: u64,
    /// What was ever written, each once, in the order in which it first was.
    pub written: Vec<Written>,
}

/// An invoice that was written on a package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Written {
    /// Its number.
    pub number: String,
    /// The SHA-256 of its document, in hexadecimal.
    pub sha256: String,
}

#[derive(Default)]
pub(super) struct Packages(Mutex<Held>);

#[derive(Default)]
struct Held {
    packages: BTreeMap<u64, PackageFacts>,
    documents: Contents<u64>,
}

impl Packages {
    /// Writes an invoice on a package. Says whether it has another number than the one before.
    pub fn write(&self, id: u64, command: Command) -> bool {
        let Command { number, date, document } = command;
        let (sha256, size) = (sha256(&document), document.len());
        let held = &mut *lock(&self.0);
        let before = held.packages.remove(&id);
        let differs = before.as_ref().is_some_and(|before| before.number != number);
        let (times, mut written) = before.map_or((0, Vec::new()), |before| (before.times, before.written));
        let now = Written { number: number.clone(), sha256: sha256.clone() };
        if !written.contains(&now) {
            written.push(now);
        }
        held.documents.insert(id, document);
        held.packages.insert(id, PackageFacts { number, date, sha256, size, times: times + 1, written });
        differs
    }

    pub fn facts(&self, id: u64) -> Option<PackageFacts> {
        lock(&self.0).packages.get(&id).cloned()
    }

    pub fn document(&self, id: u64) -> Option<Bytes> {
        lock(&self.0).documents.get(&id)
    }

    pub fn all(&self) -> BTreeMap<u64, PackageFacts> {
        lock(&self.0).packages.clone()
    }
}
