//! Content encodings: which are undone, and which need not be.

use std::borrow::Cow;

use flate2::{Decompress, FlushDecompress, Status};

/// The largest event that is read, in bytes, decompressed.
pub const MAX_EVENT: usize = 1024 * 1024;

/// Why a body stays encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodingError {
    /// None that is undone here.
    #[error("the content encoding is not known: publish the event plain, or compressed with gzip or deflate")]
    Unknown,
    /// Not what the content encoding says.
    #[error(
        "the content encoding says {0}, and the body is damaged or something else: compress the event as it says, or leave the content encoding out"
    )]
    Corrupt(&'static str),
    /// Larger than is read.
    #[error("decompressed, the event has more than the {MAX_EVENT} bytes that are read: it cannot be one")]
    TooLarge,
}

/// Names that clients give to a body that is not compressed.
const PLAIN: [&str; 8] = ["", "identity", "utf-8", "utf8", "us-ascii", "7bit", "8bit", "binary"];

/// RFC 1952 and RFC 1950: 32 KiB, the largest there is.
const WINDOW_BITS: u8 = 15;

/// Undoes the content encoding of a body, where it has one. Never takes up more than [`MAX_EVENT`], be
/// the body made to grow beyond all bounds.
///
/// `content_encoding` may name several, as Spring does (`gzip, UTF-8`): one of them may be a compression.
pub fn decompress<'a>(
    body: &'a [u8],
    content_encoding: Option<&str>,
) -> Result<Cow<'a, [u8]>, EncodingError> {
    let names = content_encoding.unwrap_or_default().to_ascii_lowercase();
    let mut compressions = names.split([',', ':']).map(str::trim).filter(|name| !PLAIN.contains(name));
    match (compressions.next(), compressions.next()) {
        (None, _) => Ok(body.into()),
        (Some("gzip" | "x-gzip"), None) => gunzip(body).map(Cow::Owned),
        (Some("deflate"), None) => undeflate(body).map(Cow::Owned),
        _ => Err(EncodingError::Unknown),
    }
}

/// A body as people can read it: decompressed where it begins as what gzip or zlib makes, or is no text and
/// what deflate made of one, whatever its content encoding says.
pub fn legible(body: &[u8]) -> Cow<'_, [u8]> {
    let is_text = |body: &[u8]| std::str::from_utf8(body).is_ok();
    let decompressed = match body {
        body if is_gzip(body) => gunzip(body).ok(),
        body if is_zlib(body) => unzlib(body).ok(),
        body if is_text(body) => None,
        // Without a header, almost any bytes can be the beginning of deflate.
        body => undeflate(body).ok().filter(|body| is_text(body)),
    };
    decompressed.map_or(body.into(), Cow::Owned)
}

pub(crate) fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(b"\x1f\x8b")
}

/// Deflate with the usual window, and a header that its own check allows.
pub(crate) fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..])
}

fn gunzip(body: &[u8]) -> Result<Vec<u8>, EncodingError> {
    inflate(Decompress::new_gzip(WINDOW_BITS), "gzip", body)
}

fn unzlib(body: &[u8]) -> Result<Vec<u8>, EncodingError> {
    inflate(Decompress::new(true), "deflate", body)
}

/// By its standard deflate has zlib's header; some leave it out.
fn undeflate(body: &[u8]) -> Result<Vec<u8>, EncodingError> {
    match unzlib(body) {
        Err(EncodingError::Corrupt(_)) => inflate(Decompress::new(false), "deflate", body),
        done => done,
    }
}

fn inflate(mut stream: Decompress, name: &'static str, body: &[u8]) -> Result<Vec<u8>, EncodingError> {
    let mut plain = Vec::with_capacity(MAX_EVENT + 1);
    let status = stream.decompress_vec(body, &mut plain, FlushDecompress::Finish);
    if plain.len() > MAX_EVENT {
        return Err(EncodingError::TooLarge);
    }
    // What follows the end might be a part of the event.
    if !matches!(status, Ok(Status::StreamEnd)) || stream.total_in() != body.len() as u64 {
        return Err(EncodingError::Corrupt(name));
    }
    plain.shrink_to_fit();
    Ok(plain)
}
