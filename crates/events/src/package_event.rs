//! Akinon's webhook event about a package, as far as it is read here.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::decode::{decode_as, decoded_as};
use crate::text::OptionalNumber;
use crate::{Count, Number, StatusCode, Uid, Undecodable, plain};

/// A package that was packed, or packed for refund. Real events carry many more members, which are ignored here and
/// passed on to the invoice service as they came.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct PackageEvent {
    /// What happened.
    pub event: WebhookEvent,
    /// The package.
    pub payload: PackedPackage,
}

/// The head of Akinon's webhook events.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct WebhookEvent {
    /// `package.status.packed`, `package.status.packed_for_refund`, `package.status.transitioned` …
    #[serde(rename = "type")]
    pub kind: Number,
    /// Identifies the event.
    pub uuid: Uid,
}

/// The package in Akinon's words.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct PackedPackage {
    /// Identifies the package within its OMS.
    pub id: u64,
    /// The package's number, as people know it.
    pub number: Number,
    /// The number of the order it is a part of.
    #[serde(default, with = "OptionalNumber", skip_serializing_if = "Option::is_none")]
    pub order_number: Option<Number>,
    /// What is in it.
    pub packageitem_set: Vec<PackageItem>,
}

/// One line of a package.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
pub struct PackageItem {
    /// The article's number.
    pub sku: Number,
    /// How many.
    pub quantity: Count,
}

/// What a package event says has happened, before anything else of it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PackageStatus {
    /// The package is packed: its invoice is wanted.
    Packed,
    /// The package is packed for refund: its credit note is wanted.
    PackedForRefund,
    /// Something else, which needs no invoice.
    Other,
}

/// `PackageStatus` 500 of Akinon's is *Packed*.
const PACKED: u32 = 500;

/// `PackageStatus` 1100 of Akinon's is *Packed for Refund*.
const PACKED_FOR_REFUND: u32 = 1100;

/// Reads what has happened; the package itself may be anything.
///
/// # Errors
/// That cannot be read: all that is wrong with the event as a [`PackageEvent`].
pub fn package_status(body: &[u8]) -> Result<PackageStatus, Undecodable> {
    #[derive(Deserialize)]
    struct Envelope {
        event: Head,
    }
    #[derive(Deserialize)]
    struct Head {
        #[serde(rename = "type")]
        kind: Number,
    }
    #[derive(Deserialize)]
    struct Transition {
        payload: Transitioned,
    }
    #[derive(Deserialize)]
    struct Transitioned {
        state: State,
    }
    #[derive(Deserialize)]
    struct State {
        enum_value: StatusCode,
    }
    Ok(match &*part::<Envelope>(body)?.event.kind {
        "package.status.packed" => PackageStatus::Packed,
        "package.status.packed_for_refund" => PackageStatus::PackedForRefund,
        "package.status.transitioned" => match part::<Transition>(body)?.payload.state.enum_value {
            status if status == StatusCode::new(PACKED) => PackageStatus::Packed,
            status if status == StatusCode::new(PACKED_FOR_REFUND) => PackageStatus::PackedForRefund,
            _ => PackageStatus::Other,
        },
        _ => PackageStatus::Other,
    })
}

/// A part of a package event. Where it cannot be read, its publisher learns of everything at once.
fn part<E: DeserializeOwned>(body: &[u8]) -> Result<E, Undecodable> {
    decoded_as(body).map_or_else(
        || {
            decode_as::<PackageEvent>(body)?;
            decode_as(body)
        },
        Ok,
    )
}

/// The package's id, where it can be read from a body that is otherwise refused: so that a dead
/// dead letter can be found by its package.
pub fn package_id(body: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Envelope {
        payload: HasId,
    }
    #[derive(Deserialize)]
    struct HasId {
        id: u64,
    }
    Some(decoded_as::<Envelope>(body)?.payload.id)
}

/// The package as it was received, to be passed on byte by byte, without an envelope. `None` where the
/// body is no package event.
pub fn raw_package(body: &[u8]) -> Option<Box<RawValue>> {
    #[derive(Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow)]
        payload: &'a RawValue,
    }
    let event = plain(body).ok()?;
    let envelope: Envelope<'_> = serde_json::from_str(event.get()).ok()?;
    Some(envelope.payload.to_owned())
}

/// Whether both events carry the same package, whatever its state: the two events of one packing do.
pub fn same_package(one: &[u8], other: &[u8]) -> bool {
    let package = |body: &[u8]| -> Option<serde_json::Value> {
        let mut package: serde_json::Value = serde_json::from_str(raw_package(body)?.get()).ok()?;
        package.as_object_mut()?.remove("state");
        Some(package)
    };
    package(one).is_some_and(|one| package(other) == Some(one))
}

impl PackedPackage {
    /// Of what is invoiced, as [`content_fingerprint`](Self::content_fingerprint); another one for a credit note, so
    /// that a package that was packed and then refunded has both.
    pub fn fingerprint(&self, status: &PackageStatus) -> String {
        match status {
            PackageStatus::PackedForRefund => format!("refund-{}", self.content_fingerprint()),
            PackageStatus::Packed | PackageStatus::Other => self.content_fingerprint(),
        }
    }

    /// SHA-256 of what the package holds, in lower-case hex: the order's number, and how many of each
    /// article. Nothing else counts: states, dates, labels and ids of rows change while a package is
    /// on its way, and would ask for a second invoice of the same goods.
    pub fn content_fingerprint(&self) -> String {
        let mut counts = std::collections::BTreeMap::<&str, Decimal>::new();
        for item in &self.packageitem_set {
            let count = counts.entry(&item.sku).or_default();
            *count = count.saturating_add(item.quantity.get());
        }
        let counts: Vec<_> = counts.iter().map(|(sku, count)| (sku, count.normalize().to_string())).collect();
        let content = serde_json::to_vec(&(self.order_number.as_deref(), counts))
            .expect("texts and lists always become JSON");
        Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
