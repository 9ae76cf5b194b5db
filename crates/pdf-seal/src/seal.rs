//! A seal: a key with its certificate, and what it makes of a PDF.

use std::fmt;

use chrono::{DateTime, Utc};
use cms::signed_data::SignedData;
use der::{Decode, Encode};
use p12_keystore::{KeyStore, KeyStoreEntry};
use x509_cert::Certificate;
use x509_cert::ext::pkix::KeyUsage;
use x509_cert::time::Time;

use crate::SealError;
use crate::cms::{add_timestamp, encode, signed_attributes, signed_data};
use crate::key::Key;
use crate::timestamp;
use crate::update::Update;

/// What the attribute of a timestamp has besides the token, in bytes, and what the lengths around it grow by.
const TOKEN_FRAME: usize = 48;

/// A key with its certificate.
pub struct Seal {
    key: Key,
    /// The signer's first.
    chain: Vec<Certificate>,
    /// The longest signature, with all that is around it, in bytes.
    signature_most: usize,
}

impl Seal {
    /// From PEM files: a key (PKCS#8, also encrypted, PKCS#1 or SEC1), and certificates in any order.
    ///
    /// # Errors
    /// The key cannot be read, belongs to none of the certificates, or its certificate is not for signatures.
    pub fn from_pem(key: &[u8], chain: &[u8], password: Option<&str>) -> Result<Self, SealError> {
        let key = Key::from_pem(key, password)?;
        let sections = pem::parse_many(chain).map_err(SealError::Pem)?;
        let certificates = sections.iter().filter(|section| section.tag() == "CERTIFICATE");
        Self::new(key, certificates.map(|section| section.contents()))
    }

    /// From a PKCS#12 file (`.p12`, `.pfx`).
    ///
    /// # Errors
    /// As of [`from_pem`](Self::from_pem), or the file has not one key.
    pub fn from_pkcs12(file: &[u8], password: &str) -> Result<Self, SealError> {
        let store = KeyStore::from_pkcs12(file, password).map_err(SealError::Pkcs12)?;
        let keys = store.entries().filter_map(|(_, entry)| match entry {
            KeyStoreEntry::PrivateKeyChain(key) => Some(key),
            _ => None,
        });
        match keys.collect::<Vec<_>>().as_slice() {
            [key] => Self::new(
                Key::from_pkcs8(key.key())?,
                key.chain().iter().map(|certificate| certificate.as_der()),
            ),
            keys => Err(SealError::Pkcs12Keys(keys.len())),
        }
    }

    fn new<'a>(key: Key, certificates: impl Iterator<Item = &'a [u8]>) -> Result<Self, SealError> {
        let mut chain = Vec::new();
        for (i, der) in certificates.enumerate() {
            chain.push(read_certificate(der).map_err(|error| SealError::Certificate(i + 1, error))?);
        }
        if chain.is_empty() {
            return Err(SealError::NoCertificate);
        }
        let is_signers = |certificate: &Certificate| {
            let info = &certificate.tbs_certificate.subject_public_key_info;
            info.subject_public_key.as_bytes() == Some(key.public_key())
        };
        let Some(signers) = chain.iter().position(is_signers) else {
            let subjects: Vec<_> = chain.iter().map(subject).collect();
            return Err(SealError::OtherKey(subjects.join("; ")));
        };
        let signer = chain.remove(signers);
        if let Some((_, usage)) = signer.tbs_certificate.get::<KeyUsage>()?
            && !usage.digital_signature()
            && !usage.non_repudiation()
        {
            return Err(SealError::KeyUsage(subject(&signer)));
        }
        // Readers that trust a root have it themselves.
        chain.retain(|certificate| certificate.tbs_certificate.subject != certificate.tbs_certificate.issuer);
        chain.insert(0, signer);
        let attributes = signed_attributes(&[0; 32], &chain[0])?;
        let longest = vec![0; key.signature_most()];
        let longest = signed_data(&chain, attributes, key.algorithm(), longest)?;
        Ok(Self { signature_most: encode(&longest)?.len(), key, chain })
    }

    /// Whose seal it is: the certificate's subject, as of RFC 4514.
    pub fn subject(&self) -> String {
        subject(&self.chain[0])
    }

    /// When the certificate expires.
    pub fn expires(&self) -> DateTime<Utc> {
        date_time(self.chain[0].tbs_certificate.validity.not_after)
    }

    /// Whether it may be used at a time.
    ///
    /// # Errors
    /// Its certificate has expired, or is not yet valid.
    pub fn check(&self, when: DateTime<Utc>) -> Result<(), SealError> {
        let from = date_time(self.chain[0].tbs_certificate.validity.not_before);
        let until = self.expires();
        if when > until {
            return Err(SealError::Expired { subject: self.subject(), until });
        }
        if when < from {
            return Err(SealError::NotYetValid { subject: self.subject(), from });
        }
        Ok(())
    }

    /// Seals a PDF at the time that the seal says, to the second. `token_room` is kept free for the token of a
    /// timestamp, in bytes: [`TOKEN_ROOM`](crate::TOKEN_ROOM), or 0 where there is to be none.
    ///
    /// # Errors
    /// The certificate is not valid at that time, or the PDF cannot be read.
    pub fn sign(&self, pdf: &[u8], when: DateTime<Utc>, token_room: usize) -> Result<Sealed, SealError> {
        self.check(when)?;
        let room = self.signature_most + if token_room > 0 { token_room + TOKEN_FRAME } else { 0 };
        let update = Update::new(pdf, when, room)?;
        let attributes = signed_attributes(&update.digest(), &self.chain[0])?;
        let signature = self.key.sign(&attributes.to_der()?)?;
        let signed = signed_data(&self.chain, attributes, self.key.algorithm(), signature.clone())?;
        Ok(Sealed { update, signed, signature, token_room })
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (subject, expires) = (self.subject(), self.expires());
        f.debug_struct("Seal").field("subject", &subject).field("expires", &expires).finish_non_exhaustive()
    }
}

/// A signed PDF, which may be given a timestamp.
pub struct Sealed {
    update: Update,
    signed: SignedData,
    signature: Vec<u8>,
    token_room: usize,
}

impl Sealed {
    /// The PDF, without a timestamp (PAdES B-B).
    ///
    /// # Errors
    /// The signature cannot be encoded.
    pub fn into_pdf(self) -> Result<Vec<u8>, SealError> {
        let signature = encode(&self.signed)?;
        debug_assert!(signature.len() <= self.update.room());
        Ok(self.update.fill(&signature))
    }

    /// The request to a timestamp authority: to be posted as [`REQUEST_TYPE`](crate::REQUEST_TYPE).
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn timestamp_request(&self) -> Result<Vec<u8>, SealError> {
        timestamp::request(&self.signature)
    }

    /// The PDF with the timestamp that the authority answered (PAdES B-T). Who signed the timestamp is not checked:
    /// that is for those who trust it.
    ///
    /// # Errors
    /// The authority refused, stamped something else, or its token is larger than `token_room`.
    pub fn with_timestamp(mut self, answer: &[u8]) -> Result<Vec<u8>, SealError> {
        let token = timestamp::token(answer, &self.signature)?;
        let bytes = token.to_der()?.len();
        if bytes > self.token_room {
            return Err(SealError::TokenTooLarge { bytes, room: self.token_room });
        }
        add_timestamp(&mut self.signed, &token)?;
        self.into_pdf()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealed").field("bytes", &self.update.bytes.len()).finish_non_exhaustive()
    }
}

/// One that is written again with the bytes that it has: others would void its own signature.
fn read_certificate(der: &[u8]) -> der::Result<Certificate> {
    let certificate = Certificate::from_der(der)?;
    match certificate.to_der()? == der {
        true => Ok(certificate),
        false => Err(der::ErrorKind::Noncanonical { tag: der::Tag::Sequence }.into()),
    }
}

fn subject(certificate: &Certificate) -> String {
    certificate.tbs_certificate.subject.to_string()
}

fn date_time(time: Time) -> DateTime<Utc> {
    time.to_system_time().into()
}
