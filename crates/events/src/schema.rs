//! The JSON Schemas of the events, as `schemas/` holds them.

use schemars::{Schema, schema_for};

use crate::{InvoiceReady, InvoiceRendered, ReceiptSettled};

/// Each event's file name in `schemas/` and its schema (JSON Schema 2020-12).
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("receipt.settled.v1.schema.json", schema_for!(ReceiptSettled)),
        ("invoice.ready.v1.schema.json", schema_for!(InvoiceReady)),
        ("invoice.rendered.v1.schema.json", schema_for!(InvoiceRendered)),
    ]
}
