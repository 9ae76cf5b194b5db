//! The signature as CMS SignedData (RFC 5652) with the attributes of CAdES (ETSI EN 319 122-1).

use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::oid::db::rfc5911::{
    ID_AA_SIGNING_CERTIFICATE_V_2, ID_CONTENT_TYPE, ID_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA,
};
use der::oid::db::rfc5912::ID_SHA_256;
use der::{Any, Encode, EncodeValue, Sequence, Tagged};
use ring::digest::{SHA256, digest};
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::spki::AlgorithmIdentifierOwned;

/// id-aa-timeStampToken of RFC 3161.
const TIME_STAMP_TOKEN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");

/// SigningCertificateV2 of RFC 5035.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certificates: Vec<EssCertIdV2>,
}

/// ESSCertIDv2 with SHA-256, which is its default.
#[derive(Sequence)]
struct EssCertIdV2 {
    hash: OctetString,
}

pub(crate) fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

pub(crate) fn sha256_identifier() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid: ID_SHA_256, parameters: None }
}

fn attribute(oid: ObjectIdentifier, value: &(impl EncodeValue + Tagged)) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from(vec![Any::encode_from(value)?])? })
}

/// What is signed: PAdES has the signing time in the PDF's own dictionary instead.
pub(crate) fn signed_attributes(document: &[u8], signer: &Certificate) -> der::Result<Attributes> {
    let certificate = EssCertIdV2 { hash: OctetString::new(sha256(&signer.to_der()?))? };
    SetOfVec::try_from(vec![
        attribute(ID_CONTENT_TYPE, &ID_DATA)?,
        attribute(ID_MESSAGE_DIGEST, &OctetString::new(document)?)?,
        attribute(ID_AA_SIGNING_CERTIFICATE_V_2, &SigningCertificateV2 { certificates: vec![certificate] })?,
    ])
}

/// The first certificate is the signer's.
pub(crate) fn signed_data(
    chain: &[Certificate],
    signed_attributes: Attributes,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: Vec<u8>,
) -> der::Result<SignedData> {
    let signer = &chain[0].tbs_certificate;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: signer.issuer.clone(),
            serial_number: signer.serial_number.clone(),
        }),
        digest_alg: sha256_identifier(),
        signed_attrs: Some(signed_attributes),
        signature_algorithm,
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    };
    let certificates = chain.iter().cloned().map(CertificateChoices::Certificate).collect::<Vec<_>>();
    Ok(SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![sha256_identifier()])?,
        encap_content_info: EncapsulatedContentInfo { econtent_type: ID_DATA, econtent: None },
        certificates: Some(CertificateSet::try_from(certificates)?),
        crls: None,
        signer_infos: SignerInfos::try_from(vec![signer])?,
    })
}

/// Adds the token to the signature, whose value it is for.
pub(crate) fn add_timestamp(signed: &mut SignedData, token: &ContentInfo) -> der::Result<()> {
    let token = SetOfVec::try_from(vec![attribute(TIME_STAMP_TOKEN, token)?])?;
    let mut signers = std::mem::take(&mut signed.signer_infos.0).into_vec();
    for signer in &mut signers {
        signer.unsigned_attrs = Some(token.clone());
    }
    signed.signer_infos = SignerInfos::try_from(signers)?;
    Ok(())
}

/// The bytes that a PDF holds.
pub(crate) fn encode(signed: &SignedData) -> der::Result<Vec<u8>> {
    ContentInfo { content_type: ID_SIGNED_DATA, content: Any::encode_from(signed)? }.to_der()
}
