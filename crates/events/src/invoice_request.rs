//! What the invoice service is asked: a contract of Bilag's own.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::package_event::PackedPackage;

/// The body of `POST {INVOICE_SERVICE_URL}`. No document of Akinon's says what an invoice service is
/// asked, so this is Bilag's own.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InvoiceRequest<'a> {
    /// Always `invoice.request.v1`.
    #[serde(rename = "type")]
    pub kind: InvoiceRequestType,
    /// The same as the header `Idempotency-Key`: the same for every repeat of this request, and
    /// another one once the content of the package has changed.
    pub id: &'a str,
    /// Which OMS the package is of.
    pub oms: &'a str,
    /// `RETURN` where the package was packed for refund and a credit note is wanted; absent where an
    /// invoice is.
    #[serde(rename = "orderType", default, skip_serializing_if = "Option::is_none")]
    pub order_type: Option<RequestedType>,
    /// The package, exactly as Akinon's OMS sent it.
    #[schemars(with = "PackedPackage")]
    pub package: &'a RawValue,
}

/// What is asked for, where it is no invoice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum RequestedType {
    /// A credit note.
    #[serde(rename = "RETURN")]
    Return,
}

/// The request's type and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub enum InvoiceRequestType {
    /// The first and current version.
    #[serde(rename = "invoice.request.v1")]
    V1,
}
