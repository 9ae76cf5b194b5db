//! What bodies are read as. The readers are compiled here, and not in every crate that reads.

use crate::decode::{decode_as, decoded_as, unknown_members_of};
use crate::{Invoice, InvoiceReady, InvoiceRendered, PackageEvent, ReceiptSettled, Undecodable};

/// Reads one event from its body: JSON in UTF-8. A byte order mark is skipped (RFC 8259 lets a
/// reader do so). A member that appears twice is refused, because nobody can tell which one counts.
///
/// An event in an envelope of CloudEvents 1.0 (structured JSON) is read as if it were carried plain;
/// the paths of what is wrong begin with `data` then, or `data_base64`.
///
/// # Errors
/// What the body is instead, or all that is wrong with its shape.
pub fn decode<E: Readable>(body: &[u8]) -> Result<E, Undecodable> {
    E::decode(body)
}

/// Reads an event that the chain itself has published: as it was written, in one pass over its body. Any other body is
/// read, or refused, as [`decode`] does.
///
/// # Errors
/// As for [`decode`].
pub fn decode_own<E: Readable>(body: &[u8]) -> Result<E, Undecodable> {
    E::decode_own(body)
}

/// The event, where the body is one: for asking which event it is, without a diagnosis.
pub fn decoded<E: Readable>(body: &[u8]) -> Option<E> {
    E::decoded(body)
}

/// The members that an event does not have, as in `orderReceipt.items[].colour`: each once, in their order. `None`
/// where the body is no such event.
pub fn unknown_members<E: Readable>(body: &[u8]) -> Option<Vec<String>> {
    E::unknown_members(body)
}

/// What bodies are read as.
pub trait Readable: Sized {
    /// See [`decode`].
    ///
    /// # Errors
    /// As there.
    fn decode(body: &[u8]) -> Result<Self, Undecodable>;

    /// See [`decode_own`].
    ///
    /// # Errors
    /// As there.
    fn decode_own(body: &[u8]) -> Result<Self, Undecodable>;

    /// See [`decoded`].
    fn decoded(body: &[u8]) -> Option<Self>;

    /// See [`unknown_members`].
    fn unknown_members(body: &[u8]) -> Option<Vec<String>>;
}

macro_rules! readable {
    ($($type:ty),*) => {$(
        impl Readable for $type {
            fn decode(body: &[u8]) -> Result<Self, Undecodable> {
                decode_as(body)
            }

            fn decode_own(body: &[u8]) -> Result<Self, Undecodable> {
                serde_json::from_slice(body).or_else(|_| decode_as(body))
            }

            fn decoded(body: &[u8]) -> Option<Self> {
                decoded_as(body)
            }

            fn unknown_members(body: &[u8]) -> Option<Vec<String>> {
                unknown_members_of::<Self>(body)
            }
        }
    )*};
}

readable!(Invoice, InvoiceReady, InvoiceRendered, PackageEvent, ReceiptSettled);
