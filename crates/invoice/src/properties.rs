//! The properties of invoice and lines: named facts that Omnium has no member for.

use events::{OrderReceipt, OrderType, Property, Text};

/// The invoice's, in this order. Flow: the loyalty id on "standard invoices only".
pub fn of_invoice(receipt: &OrderReceipt, prefix: &str) -> Vec<Property> {
    let loyalty_id = match receipt.order.kind {
        OrderType::Sale | OrderType::Return => receipt.customer.as_ref().and_then(|c| c.loyalty_id.clone()),
        OrderType::Payment => None,
    };
    let seller = receipt.seller.as_ref().and_then(|seller| seller.code.clone());
    [
        ("order_number", Some(receipt.order.order_number.clone().into())),
        ("customer.loyalty_id", loyalty_id),
        ("seller.code", seller),
        ("order.type", Some(crate::text(receipt.order.kind.as_str()))),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(property(format!("{prefix}.{name}"), value?, prefix)))
    .collect()
}

/// A standard line's: Flow sets the voucher number twice, once for Voyado.
pub fn of_line(receipt: &OrderReceipt, prefix: &str) -> Vec<Property> {
    let voucher = &receipt.voucher_number;
    vec![
        property(format!("{prefix}.receipt.voucher_number"), voucher.clone().into(), prefix),
        property("voyado.order.id".to_owned(), voucher.clone().into(), prefix),
    ]
}

fn property(key: String, value: Text, prefix: &str) -> Property {
    Property { key: crate::text(key), value, key_group: crate::text(format!("{prefix}.Invoice")) }
}
