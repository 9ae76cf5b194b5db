//! The shape of `OmniumInvoice`, as far as its documents tell: a member that is not in these tables
//! is refused, because its OpenAPI says `additionalProperties: false`.
//!
//! Declared apart from the types that Bilag sends, so that a mistake there shows here.

use serde_json::Value;

use super::invoices::Upsert;

enum Shape {
    Text,
    Number,
    Boolean,
    Object(&'static [(&'static str, Shape)]),
    List(&'static [(&'static str, Shape)]),
}

use Shape::{Boolean, List, Number, Object, Text};

const INVOICE: &[(&str, Shape)] = &[
    ("id", Text),
    ("orderId", Text),
    ("invoiceDate", Text),
    ("invoiceNumber", Text),
    ("amount", Number),
    ("amountExcludingTax", Number),
    ("currency", Text),
    ("deliveryDate", Text),
    ("invoiceDueDate", Text),
    ("customerEmail", Text),
    ("customerId", Text),
    ("customerName", Text),
    ("customerType", Text),
    ("origin", Text),
    ("storeId", Text),
    ("marketId", Text),
    ("url", Text),
    ("isCreditNote", Boolean),
    ("kid", Text),
    ("invoiceType", Text),
    ("amountRoundoff", Number),
    ("invoiceSenderAddress", Object(ADDRESS)),
    ("externalIds", List(EXTERNAL_ID)),
    ("customerAddress", Object(ADDRESS)),
    ("lineItems", List(LINE)),
    ("payments", List(PAYMENT)),
    ("properties", List(PROPERTY)),
    ("assets", List(ASSET)),
];

const EXTERNAL_ID: &[(&str, Shape)] = &[("id", Text), ("providerName", Text)];

const ADDRESS: &[(&str, Shape)] = &[
    ("name", Text),
    ("firstName", Text),
    ("lastName", Text),
    ("line1", Text),
    ("postalCode", Text),
    ("city", Text),
    ("countryCode", Text),
    ("email", Text),
    ("phone", Text),
    ("organization", Text),
    ("organizationalNumber", Text),
];

const LINE: &[(&str, Shape)] = &[
    ("lineItemId", Text),
    ("code", Text),
    ("displayName", Text),
    ("ean", Text),
    ("quantity", Number),
    ("placedPrice", Number),
    ("placedPriceExclTax", Number),
    ("discounted", Number),
    ("extendedPrice", Number),
    ("extendedPriceExclTax", Number),
    ("taxRate", Number),
    ("taxTotal", Number),
    ("properties", List(PROPERTY)),
];

const PAYMENT: &[(&str, Shape)] = &[
    ("amount", Number),
    ("paymentMethodName", Text),
    ("paymentType", Text),
    ("transactionId", Text),
    ("transactionType", Text),
    ("status", Text),
    ("paidDate", Text),
];

const PROPERTY: &[(&str, Shape)] = &[("key", Text), ("value", Text), ("keyGroup", Text)];

const ASSET: &[(&str, Shape)] = &[("assetId", Text), ("fileName", Text), ("url", Text)];

/// Reads the body of an upsert, or says what is wrong with it.
pub(super) fn read(body: &[u8]) -> Result<Upsert, String> {
    let mut invoice: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON".to_owned())?;
    let Value::Object(members) = &mut invoice else { return Err("the body is not an object".to_owned()) };
    members.iter().try_for_each(|(name, value)| check_member(INVOICE, "", name, value))?;
    let has_assets = members.get("assets").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let lines = members.get("lineItems").and_then(Value::as_array);
    if lines.is_some_and(|lines| lines.iter().any(|line| !has_text(line, "lineItemId"))) {
        return Err("lineItemId is required in lineItems".to_owned());
    }
    let mut text = |name| match members.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let id = text("id").ok_or("id is required")?;
    let (number, store_id, currency) = (text("invoiceNumber"), text("storeId"), text("currency"));
    let amount = match members.remove("amount") {
        Some(Value::Number(amount)) => Some(amount),
        _ => None,
    };
    Ok(Upsert { id, number, store_id, amount, currency, has_assets })
}

fn check_member(shapes: &[(&str, Shape)], path: &str, name: &str, value: &Value) -> Result<(), String> {
    let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    let Some((_, shape)) = shapes.iter().find(|(known, _)| *known == name) else {
        return Err(format!("unknown member {path}"));
    };
    match (shape, value) {
        (_, Value::Null)
        | (Text, Value::String(_))
        | (Number, Value::Number(_))
        | (Boolean, Value::Bool(_)) => Ok(()),
        (Object(shapes), value @ Value::Object(_)) => check_object(shapes, &path, value),
        (List(shapes), Value::Array(list)) => {
            list.iter().try_for_each(|item| check_object(shapes, &path, item))
        }
        (Text, _) => Err(format!("{path} is not a string")),
        (Boolean, _) => Err(format!("{path} is not a boolean")),
        (Number, _) => Err(format!("{path} is not a number")),
        (Object(_), _) => Err(format!("{path} is not an object")),
        (List(_), _) => Err(format!("{path} is not an array")),
    }
}

fn check_object(shapes: &[(&str, Shape)], path: &str, value: &Value) -> Result<(), String> {
    let Value::Object(members) = value else { return Err(format!("{path} is not an object")) };
    members.iter().try_for_each(|(name, value)| check_member(shapes, path, name, value))
}

fn has_text(object: &Value, name: &str) -> bool {
    object.get(name).and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}
