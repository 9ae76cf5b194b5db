//! `invoice.rendered.v1`: an invoice with its PDF, for one target.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{Invoice, OrderType, Package, Target, Timestamp, Uid};

/// From the render consumer to the consumer of one target. It carries the PDF itself, so that
/// nothing can be sent without it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceRendered {
    /// The event's own identifier; the same whenever the same receipt is sent on again.
    pub id: String,
    /// Always `invoice.rendered.v1`.
    #[serde(rename = "type")]
    pub kind: InvoiceRenderedType,
    /// When it was emitted.
    pub occurred_at: Timestamp,
    /// Whom it is for.
    pub target: Target,
    /// The tenant's uid: with `invoice.id` it identifies the receipt.
    pub tenant: Uid,
    /// What the receipt documents.
    pub order_type: OrderType,
    /// Exactly what Omnium gets.
    pub invoice: Invoice,
    /// The receipt's document.
    pub pdf: Pdf,
    /// The e-invoice by EN 16931 of the same receipt; for the ERP alone, where it asks for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub e_invoice: Option<EInvoice>,
    /// The Akinon package that the receipt is the invoice of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
}

/// The event's type and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum InvoiceRenderedType {
    /// The first and current version.
    #[serde(rename = "invoice.rendered.v1")]
    V1,
}

impl InvoiceRenderedType {
    /// As on the wire: the message's type, and its routing key or the beginning of it.
    pub const NAME: &'static str = "invoice.rendered.v1";
}

/// An e-invoice by EN 16931.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EInvoice {
    /// What it is written in.
    pub syntax: EInvoiceSyntax,
    /// The XML, in UTF-8 once it is out of the JSON; in CII the bytes of `factur-x.xml` in the PDF.
    #[schemars(extend("contentMediaType" = "application/xml"))]
    pub content: String,
}

/// What e-invoices are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EInvoiceSyntax {
    /// UN/CEFACT Cross Industry Invoice, by Factur-X' profile EN 16931.
    Cii,
    /// OASIS UBL 2.1.
    Ubl,
}

/// A document with the name it is attached under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pdf {
    /// `{voucherNumber}.pdf`.
    pub file_name: String,
    /// SHA-256 of the bytes, in lower-case hex.
    pub sha256: String,
    /// The bytes, in base64.
    pub content: PdfBytes,
}

/// The bytes of a PDF; base64 in JSON.
#[derive(Clone, PartialEq, Eq)]
pub struct PdfBytes(pub Vec<u8>);

impl fmt::Debug for PdfBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PdfBytes({} bytes)", self.0.len())
    }
}

impl Serialize for PdfBytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for PdfBytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = PdfBytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<PdfBytes, E> {
                STANDARD
                    .decode(text)
                    .map(PdfBytes)
                    .map_err(|_| E::invalid_value(de::Unexpected::Other("another text"), &self))
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for PdfBytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PdfBytes".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "contentEncoding": "base64", "contentMediaType": "application/pdf" })
    }
}
