//! The JSON Schemas of the events, as `schemas/` holds them.
//!
//! They say all that a receipt must be but its arithmetic, which JSON Schema cannot say:
//! [`ReceiptSettled::check`] does.

use schemars::generate::SchemaSettings;
use schemars::transform::RestrictFormats;
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use crate::{InvoiceReady, InvoiceRendered, InvoiceRequest, PackageEvent, ReceiptSettled};

/// Each event's file name in `schemas/` and its schema (JSON Schema 2020-12).
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("receipt.settled.v1.schema.json", of::<ReceiptSettled>("receipt.settled.v1")),
        ("invoice.ready.v1.schema.json", of::<InvoiceReady>("invoice.ready.v1")),
        ("invoice.rendered.v1.schema.json", of::<InvoiceRendered>("invoice.rendered.v1")),
        ("invoice.request.v1.schema.json", of::<InvoiceRequest<'_>>("invoice.request.v1")),
        ("package.status.packed.schema.json", of::<PackageEvent>("package.status.packed")),
    ]
}

/// Name and identifier belong to the file: a receipt inside another event has neither. The identifier is the file's
/// name, so that references between the files lead to files. Rust's own formats (`uint64`) are no standard's.
fn of<E: JsonSchema>(event: &str) -> Schema {
    let settings = SchemaSettings::draft2020_12().with_transform(RestrictFormats::default());
    let mut schema = settings.into_generator().into_root_schema_for::<E>();
    schema.insert("$id".to_owned(), format!("{event}.schema.json").into());
    schema.insert("title".to_owned(), event.into());
    schema
}

/// What an order receipt needs because of its order's type.
pub(crate) fn order_receipt_rules(schema: &mut Schema) {
    let is =
        |kind: &str| json!({ "properties": { "order": { "properties": { "type": { "const": kind } } } } });
    let not_positive = json!({ "maximum": 0 });
    add_rules(
        schema,
        json!([
            {
                "if": is("PAYMENT"),
                "then": {
                    "required": ["settlementTotal", "referencedVoucherNumber"],
                    "properties": {
                        "settlementTotal": { "type": "integer" },
                        "referencedVoucherNumber": { "type": "string", "minLength": 1 }
                    }
                },
                "else": { "properties": { "items": { "minItems": 1 } } }
            },
            {
                "if": is("RETURN"),
                "then": { "properties": { "items": { "items": { "properties": {
                    "quantity": not_positive,
                    "discountAmount": not_positive,
                    "total": not_positive
                } } } } }
            }
        ]),
    );
}

/// What a settlement needs because of its state.
pub(crate) fn settlement_rules(schema: &mut Schema) {
    add_rules(
        schema,
        json!([{
            "if": { "properties": { "state": { "const": "COMPLETED" } } },
            "then": { "required": ["settledAt"], "properties": { "settledAt": { "type": "string" } } }
        }]),
    );
}

/// What an item's numbers keep to.
pub(crate) fn item_rules(schema: &mut Schema) {
    add_rules(schema, json!([{ "properties": { "vatRate": { "minimum": 0, "maximum": 10_000 } } }]));
}

fn add_rules(schema: &mut Schema, rules: Value) {
    schema.insert("allOf".to_owned(), rules);
}
