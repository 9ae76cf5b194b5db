//! The events of the chain: their JSON shapes, how they are read, and how a receipt is checked.
//!
//! `schemas/` is generated from these types. Amounts, quantities and percentages are integers with
//! two implied decimals on the way in (Flow), and JSON numbers in the invoice (Omnium).

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod about;
mod amount;
mod check;
pub mod check_digit;
mod content;
mod count;
pub mod currency;
mod date;
mod decode;
mod encoding;
mod envelope;
mod foreign;
mod hundredths;
mod invoice;
mod invoice_ready;
mod invoice_rendered;
mod invoice_request;
mod named;
mod node;
mod openapi;
mod package_event;
mod party;
mod readable;
mod receipt;
mod refusal;
mod refused;
mod schema;
mod settlement;
pub mod store_clock;
mod target;
mod text;
mod timestamp;

pub use about::About;
pub use amount::Amount;
pub use check::{Contradiction, Contradictions};
pub use count::{Count, StatusCode};
pub use date::Date;
pub use decode::{Undecodable, decode_as, foreign, is_enveloped, plain, receipt_uid};
pub use encoding::{EncodingError, MAX_EVENT, decompress, legible};
pub use envelope::is_json;
pub use foreign::Foreign;
pub use hundredths::Hundredths;
pub use invoice::{Address as InvoiceAddress, ExternalId, Invoice, Line, Payment, Property};
pub use invoice_ready::{InvoiceReady, InvoiceReadyType};
pub use invoice_rendered::{EInvoice, EInvoiceSyntax, InvoiceRendered, InvoiceRenderedType, Pdf, PdfBytes};
pub use invoice_request::{InvoiceRequest, InvoiceRequestType, RequestedType};
pub use named::{Named, named};
pub use openapi::openapi;
pub use package_event::{
    PackageEvent, PackageItem, PackageStatus, PackedPackage, WebhookEvent, package_id, package_status,
    raw_package, same_package,
};
pub use party::{Address, ContactPerson, Customer, Issuer, Seller, Store};
pub use readable::{Readable, decode, decode_own, decoded, unknown_members};
pub use receipt::{
    Country, Item, Order, OrderReceipt, OrderTotals, OrderType, Package, PaymentAccount, ReceiptSettled,
    ReceiptSettledType, Tenant, Till, VatRow, file_name,
};
pub use refusal::Fault;
pub use schema::schemas;
pub use settlement::{ExternalSystemMapping, Settlement, SettlementKind};
pub use target::Target;
pub use text::{Number, Text, Uid};
pub use timestamp::Timestamp;
