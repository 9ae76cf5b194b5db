//! The contents of documents: the newest of them, and what a content is told by.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::hash::Hash;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// How many contents are kept; of older documents only the facts are.
const KEPT: usize = 5_000;

/// The contents of the newest documents.
#[derive(Debug)]
pub(crate) struct Contents<K> {
    contents: HashMap<K, Bytes>,
    order: VecDeque<K>,
}

impl<K> Default for Contents<K> {
    fn default() -> Self {
        Self { contents: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash> Contents<K> {
    /// Keeps a content, and lets the oldest go where there are too many.
    pub fn insert(&mut self, key: K, content: Bytes) {
        if self.contents.insert(key.clone(), content).is_some() {
            return;
        }
        self.order.push_back(key);
        if self.order.len() > KEPT
            && let Some(oldest) = self.order.pop_front()
        {
            self.contents.remove(&oldest);
        }
    }

    pub fn get(&self, key: &K) -> Option<Bytes> {
        self.contents.get(key).cloned()
    }

    pub fn remove(&mut self, key: &K) {
        self.contents.remove(key);
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
