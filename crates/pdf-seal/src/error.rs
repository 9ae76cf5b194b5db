//! Why a PDF cannot be sealed.

use chrono::{DateTime, Utc};

/// Why there is no seal. No text of it has a secret.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The key's file has none.
    #[error("no private key in PEM: the file has no section BEGIN PRIVATE KEY")]
    NoKey,
    /// A section of a PEM file that is not PEM.
    #[error("the file is not PEM")]
    Pem(#[source] pem::PemError),
    /// A PEM key that OpenSSL encrypted in its own format.
    #[error(
        "the private key is encrypted in a legacy format; convert it with `openssl pkcs8 -topk8 -v2 aes256`"
    )]
    LegacyEncryption,
    /// An encrypted key.
    #[error("the private key is encrypted, and no password is set")]
    PasswordMissing,
    /// One that does not decrypt, or not to a key.
    #[error("the private key cannot be decrypted: the password is wrong, or the encryption is not PBES2")]
    WrongPassword,
    /// A PKCS#12 file that cannot be opened.
    #[error("the PKCS#12 file cannot be opened: the password is wrong, or the file is not PKCS#12")]
    Pkcs12(#[source] p12_keystore::error::Error),
    /// A PKCS#12 file that has none, or several.
    #[error("the PKCS#12 file has {0} private keys with a certificate; export one")]
    Pkcs12Keys(usize),
    /// A kind of key that cannot sign here.
    #[error("the private key cannot be used ({0}): RSA of 2048 to 4096 bits, or P-256, with its public key")]
    UnsupportedKey(String),
    /// The certificates' file has none.
    #[error("no certificate in PEM: the file has no section BEGIN CERTIFICATE")]
    NoCertificate,
    /// A certificate that is not DER.
    #[error("certificate {0} of the file cannot be read")]
    Certificate(usize, #[source] der::Error),
    /// None of the certificates has the key.
    #[error("the private key belongs to none of the certificates, which are of {0}")]
    OtherKey(String),
    /// A certificate that is issued for other uses.
    #[error(
        "the certificate of {0} is not for signatures: its key usage has neither digitalSignature nor nonRepudiation"
    )]
    KeyUsage(String),
    /// Too early.
    #[error("the certificate of {subject} is valid from {from} on")]
    NotYetValid {
        /// Whose it is.
        subject: String,
        /// When its validity begins.
        from: DateTime<Utc>,
    },
    /// Too late.
    #[error("the certificate of {subject} expired on {until}: renew it")]
    Expired {
        /// Whose it is.
        subject: String,
        /// When its validity ended.
        until: DateTime<Utc>,
    },
    /// A document without what a seal is hung on.
    #[error("the PDF cannot be sealed")]
    Pdf(#[source] lopdf::Error),
    /// A document that cannot be appended to.
    #[error("the PDF cannot be sealed: {0}")]
    UnsupportedPdf(&'static str),
    /// The signature cannot be made or encoded.
    #[error("the signature cannot be encoded")]
    Encoding(#[from] der::Error),
    /// The key refused to sign.
    #[error("the private key does not sign")]
    NotSigned,
    /// The answer of a timestamp authority is not one.
    #[error("the timestamp authority's answer is not a timestamp response")]
    TimestampResponse(#[source] der::Error),
    /// It refused.
    #[error("the timestamp authority refused: {0}")]
    TimestampRefused(String),
    /// It stamped something else.
    #[error("the timestamp authority's token is for something else than the signature")]
    OtherTimestamp,
    /// Its token is larger than the space for it.
    #[error("the timestamp authority's token has {bytes} bytes, and there is room for {room}")]
    TokenTooLarge {
        /// What it has.
        bytes: usize,
        /// What there is for it.
        room: usize,
    },
}
