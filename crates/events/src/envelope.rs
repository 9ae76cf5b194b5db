//! CloudEvents 1.0 in structured JSON: an envelope that is seen through wherever an event is read.
//!
//! Source: the CloudEvents specification 1.0.2, and its JSON event format. An object with `specversion`
//! and `data` (or `data_base64`) at its top is an envelope, whatever content type it came with. The
//! event is its data, exactly as it would be carried plain; of the envelope itself only what says how
//! to read the data counts.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::decode::value_of;
use crate::refusal::Refusal;

/// The version that is read.
const VERSION: &str = "1.0";

/// The event inside a body.
pub(crate) struct Content<'a> {
    /// The envelope's member that holds it; `None` where it is carried plain.
    pub member: Option<&'static str>,
    /// The event.
    pub value: Cow<'a, RawValue>,
}

impl Content<'_> {
    /// A refusal as it is seen from outside the envelope.
    pub(crate) fn outside(&self, refusal: Refusal) -> Refusal {
        match self.member {
            Some(member) => refusal.within(format!(".{member}")),
            None => refusal,
        }
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    specversion: Option<&'a RawValue>,
    #[serde(borrow)]
    datacontenttype: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    data_base64: Option<&'a RawValue>,
}

/// Null is a value here: an envelope around nothing is refused as such.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    Deserialize::deserialize(deserializer).map(Some)
}

/// Takes the event out of its envelope, where it has one.
pub(crate) fn open(body: &RawValue) -> Result<Content<'_>, Refusal> {
    let plain = Content { member: None, value: Cow::Borrowed(body) };
    // Nearly every event is carried plain, and is not looked at twice.
    if !body.get().starts_with('{') || !body.get().contains("\"specversion\"") {
        return Ok(plain);
    }
    let envelope: Envelope<'_> = serde_json::from_str(body.get())
        .map_err(|_| Refusal::new("each member of the CloudEvents envelope once, not twice"))?;
    let (Some(version), false) =
        (envelope.specversion, envelope.data.is_none() && envelope.data_base64.is_none())
    else {
        return Ok(plain);
    };
    if text(version).as_deref() != Some(VERSION) {
        return Err(Refusal::new(format!("the text {VERSION}")).within(".specversion".to_owned()));
    }
    let of_json = |kind: &RawValue| text(kind).is_some_and(|kind| is_json(&kind));
    if envelope.datacontenttype.is_some_and(|kind| !of_json(kind)) {
        let expected = "a content type of JSON, as in application/json";
        return Err(Refusal::new(expected).within(".datacontenttype".to_owned()));
    }
    match (envelope.data, envelope.data_base64) {
        (Some(_), Some(_)) => {
            Err(Refusal::new("no data_base64 beside data").within(".data_base64".to_owned()))
        }
        (Some(data), None) => Ok(Content { member: Some("data"), value: Cow::Borrowed(data) }),
        (None, Some(encoded)) => {
            let event = from_base64(encoded)
                .ok_or_else(|| Refusal::new("JSON in UTF-8, in base64").within(".data_base64".to_owned()))?;
            Ok(Content { member: Some("data_base64"), value: Cow::Owned(event) })
        }
        (None, None) => Ok(plain),
    }
}

/// Whether a body is an envelope of CloudEvents around an event.
pub fn is_enveloped(body: &[u8]) -> bool {
    let content = |body| Some(open(value_of(body).ok()?).ok()?.member.is_some());
    content(body).unwrap_or(false)
}

/// Whether a content type is one of JSON (RFC 6839 has the suffix).
pub fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.contains('/') && essence.ends_with("+json"))
}

fn text(value: &RawValue) -> Option<String> {
    serde_json::from_str(value.get()).ok()
}

fn from_base64(encoded: &RawValue) -> Option<Box<RawValue>> {
    let bytes = BASE64_STANDARD.decode(text(encoded)?).ok()?;
    let event = String::from_utf8(bytes).ok()?;
    RawValue::from_string(event.strip_prefix('\u{feff}').unwrap_or(&event).to_owned()).ok()
}
