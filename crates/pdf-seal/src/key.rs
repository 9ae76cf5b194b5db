//! The private key: read from PEM or PKCS#12, and signing.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, SECP_256_R_1, SHA_256_WITH_RSA_ENCRYPTION,
};
use der::{Any, Decode, Encode};
use pem::Pem;
use pkcs8::{AlgorithmIdentifierRef, EncryptedPrivateKeyInfo, PrivateKeyInfo};
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::SealError;

/// The longest ECDSA signature over P-256, in bytes.
const ECDSA_MOST: usize = 72;

/// A private key that can sign.
pub(crate) enum Key {
    Rsa(rsa::KeyPair),
    P256(EcdsaKeyPair, SystemRandom),
}

impl Key {
    /// The one key of a PEM file.
    pub(crate) fn from_pem(file: &[u8], password: Option<&str>) -> Result<Self, SealError> {
        let sections = pem::parse_many(file).map_err(SealError::Pem)?;
        let key = sections.iter().find(|section| section.tag().ends_with("PRIVATE KEY"));
        let key = key.ok_or(SealError::NoKey)?;
        if key.headers().get("DEK-Info").is_some() {
            return Err(SealError::LegacyEncryption);
        }
        Self::from_section(key, password)
    }

    fn from_section(section: &Pem, password: Option<&str>) -> Result<Self, SealError> {
        let der = section.contents();
        match section.tag() {
            "PRIVATE KEY" => Self::from_pkcs8(der),
            "ENCRYPTED PRIVATE KEY" => {
                let password = password.ok_or(SealError::PasswordMissing)?;
                let encrypted =
                    EncryptedPrivateKeyInfo::try_from(der).map_err(|_| SealError::WrongPassword)?;
                let key = encrypted.decrypt(password).map_err(|_| SealError::WrongPassword)?;
                Self::from_pkcs8(key.as_bytes())
            }
            "RSA PRIVATE KEY" => rsa::KeyPair::from_der(der).map(Self::Rsa).map_err(unsupported),
            "EC PRIVATE KEY" => {
                let algorithm = AlgorithmIdentifierRef {
                    oid: ID_EC_PUBLIC_KEY,
                    parameters: Some(AnyRef::from(&SECP_256_R_1)),
                };
                Self::from_pkcs8(&PrivateKeyInfo::new(algorithm, der).to_der()?)
            }
            other => Err(SealError::UnsupportedKey(other.to_owned())),
        }
    }

    /// A key in PKCS#8, as it is in PEM and PKCS#12 files.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, SealError> {
        let key = PrivateKeyInfo::from_der(der).map_err(unsupported)?;
        if key.algorithm.oid != ID_EC_PUBLIC_KEY {
            return rsa::KeyPair::from_pkcs8(der).map(Self::Rsa).map_err(unsupported);
        }
        let random = SystemRandom::new();
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der, &random)
            .map(|key| Self::P256(key, random))
            .map_err(unsupported)
    }

    /// As a certificate has it.
    pub(crate) fn public_key(&self) -> &[u8] {
        match self {
            Self::Rsa(key) => key.public().as_ref(),
            Self::P256(key, _) => key.public_key().as_ref(),
        }
    }

    pub(crate) fn algorithm(&self) -> AlgorithmIdentifierOwned {
        let (oid, parameters): (ObjectIdentifier, _) = match self {
            Self::Rsa(_) => (SHA_256_WITH_RSA_ENCRYPTION, Some(Any::null())),
            Self::P256(..) => (ECDSA_WITH_SHA_256, None),
        };
        AlgorithmIdentifierOwned { oid, parameters }
    }

    /// The longest signature, in bytes.
    pub(crate) fn signature_most(&self) -> usize {
        match self {
            Self::Rsa(key) => key.public().modulus_len(),
            Self::P256(..) => ECDSA_MOST,
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SealError> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                // PKCS #1 v1.5 needs no randomness.
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).map(|()| signature)
            }
            Self::P256(key, random) => key.sign(random, message).map(|signature| signature.as_ref().to_vec()),
        }
        .map_err(|_| SealError::NotSigned)
    }
}

fn unsupported(error: impl std::fmt::Display) -> SealError {
    SealError::UnsupportedKey(error.to_string())
}
