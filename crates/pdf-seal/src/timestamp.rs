//! Timestamps of RFC 3161: what is sent to an authority, and what it answers.

use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, AnyRef, Decode, Encode, Reader, SliceReader};
use x509_tsp::{MessageImprint, TimeStampReq, TimeStampResp, TspVersion};

use crate::SealError;
use crate::cms::{sha256, sha256_identifier};

/// The content type of a request to a timestamp authority.
pub const REQUEST_TYPE: &str = "application/timestamp-query";

/// Bytes that are enough for a token with three certificates of RSA with 4096 bits, which has 5,400. It is kept free in the
/// document, where each byte takes two.
pub const TOKEN_ROOM: usize = 8192;

/// The request to stamp a signature, with the authority's certificate in the answer.
pub(crate) fn request(signature: &[u8]) -> Result<Vec<u8>, SealError> {
    let request = TimeStampReq {
        version: TspVersion::V1,
        message_imprint: imprint(signature)?,
        req_policy: None,
        // The imprint of a signature is as good as one: no other request has it.
        nonce: None,
        cert_req: true,
        extensions: None,
    };
    Ok(request.to_der()?)
}

/// The token of an answer, where it is for this signature. Whether the authority is to be trusted is for readers
/// to say.
pub(crate) fn token(answer: &[u8], signature: &[u8]) -> Result<ContentInfo, SealError> {
    let answer = TimeStampResp::from_der(answer).map_err(SealError::TimestampResponse)?;
    let Some(token) = answer.time_stamp_token else {
        let why = answer.status.status_string.iter().flatten().map(|text| text.as_str().to_owned());
        let why = why.chain([format!("status {:?}", answer.status.status)]);
        return Err(SealError::TimestampRefused(why.collect::<Vec<_>>().join("; ")));
    };
    match stamped(&token).map_err(SealError::TimestampResponse)? == imprint(signature)?.hashed_message {
        true => Ok(token),
        false => Err(SealError::OtherTimestamp),
    }
}

/// What a token is for.
fn stamped(token: &ContentInfo) -> der::Result<OctetString> {
    let signed: SignedData = token.content.decode_as()?;
    let info: Option<OctetString> =
        signed.encap_content_info.econtent.map(|content| content.decode_as()).transpose()?;
    let info = info.ok_or(der::ErrorKind::Failed)?;
    let mut reader = SliceReader::new(info.as_bytes())?;
    reader.sequence(|info| {
        let (_version, _policy) = (info.decode::<u8>()?, info.decode::<ObjectIdentifier>()?);
        let imprint: MessageImprint = info.decode()?;
        // Serial number, time and more, of which authorities have forms that x509-tsp does not take.
        while !info.is_finished() {
            info.decode::<AnyRef<'_>>()?;
        }
        Ok(imprint.hashed_message)
    })
}

fn imprint(signature: &[u8]) -> der::Result<MessageImprint> {
    let mut hash_algorithm = sha256_identifier();
    hash_algorithm.parameters = Some(Any::null());
    Ok(MessageImprint { hash_algorithm, hashed_message: OctetString::new(sha256(signature))? })
}
