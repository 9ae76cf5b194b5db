//! Electronic seals of PDFs: PAdES baseline signatures (ETSI EN 319 142-1) of level B-B, and of level B-T with a
//! timestamp of RFC 3161.
//!
//! Pure: no I/O and no clock. The request to a timestamp authority is sent by the caller:
//!
//! ```no_run
//! use pdf_seal::{Seal, TOKEN_ROOM};
//!
//! # fn example(key: &[u8], chain: &[u8], pdf: &[u8], post: fn(Vec<u8>) -> Vec<u8>) -> Result<(), pdf_seal::SealError> {
//! let seal = Seal::from_pem(key, chain, None)?;
//! let now = chrono::Utc::now();
//! seal.check(now)?;
//! let sealed = seal.sign(pdf, now, 0)?.into_pdf();
//!
//! let sealed = seal.sign(pdf, now, TOKEN_ROOM)?;
//! let answer = post(sealed.timestamp_request()?);
//! let with_timestamp = sealed.with_timestamp(&answer)?;
//! # Ok(())
//! # }
//! ```
//!
//! The bytes before the seal are the document's own. An RSA key signs the same document at the same time with the
//! same bytes; a P-256 key does not.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod cms;
mod error;
mod key;
mod seal;
mod timestamp;
mod update;

pub use error::SealError;
pub use seal::{Seal, Sealed};
pub use timestamp::{REQUEST_TYPE, TOKEN_ROOM};
