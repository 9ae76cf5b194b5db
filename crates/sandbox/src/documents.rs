//! The contents of the newest documents, and the hash that they are compared by.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// How many contents are kept. Of older documents only the facts are.
const KEPT: usize = 5_000;

/// The contents of the newest documents.
#[derive(Debug)]
pub(crate) struct Documents<K> {
    contents: HashMap<K, Bytes>,
    order: VecDeque<K>,
}

impl<K> Default for Documents<K> {
    fn default() -> Self {
        Self { contents: HashMap::new(), order: VecDeque::new() }
    }
}

impl<K: Clone + Eq + Hash> Documents<K> {
    /// Keeps a content, and drops the oldest where there are too many.
    pub(crate) fn insert(&mut self, key: K, content: Bytes) {
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

    pub(crate) fn get(&self, key: &K) -> Option<Bytes> {
        self.contents.get(key).cloned()
    }

    pub(crate) fn remove(&mut self, key: &K) {
        self.contents.remove(key);
    }
}

/// SHA-256 in lower-case hexadecimal.
pub(crate) fn sha256(content: &[u8]) -> String {
    hex::encode(Sha256::digest(content))
}
