//! Asking for the invoice of a packed package, and the receipt that answers.

use std::fmt;
use std::time::Duration;

use crate::{Key, PackageKey};

/// A packing that was heard.
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
    pub patience: Duration,
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
        /// How often somebody was let ask for it before.
        asked_times: u32,
    },
    /// Another one asks. Come again later.
    Held {
        /// How long that lease still runs unless it is given back.
        left: Duration,
    },
    /// The service has accepted, within patience: there is nothing to do now.
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
    /// The package was not heard as packed yet. The receipt is kept for it, as that of round 0.
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
