//! The samples that the documentation uses.

use events::ReceiptSettled;
use transform::{Made, Source};

use crate::support::with;

const FILTER: &str = include_str!("../../../../tests/samples/transforms/webshop.jq");

fn receipt(order: &str) -> ReceiptSettled {
    let transforms = with("", FILTER);
    let made = transforms.entries()[0].apply(&Source { body: order.as_bytes(), ..Source::default() });
    let Ok(Made::Event(event)) = made else { panic!("{made:?}") };
    let event: ReceiptSettled = events::decode(&event).unwrap_or_else(|error| panic!("{error}"));
    event.check().unwrap_or_else(|error| panic!("{error}"));
    event
}

#[test]
fn orders_of_the_web_shop_become_valid_receipts() {
    let sale = receipt(include_str!("../../../../tests/samples/transforms/orders/sale.json"));
    assert_eq!(&*sale.order_receipt.voucher_number, "1");
    assert_eq!(sale.order_receipt.settled_at.as_str(), "2026-11-02T10:15:42+01:00");
    assert_eq!(sale.order_receipt.order_totals.grand_total.to_string(), "3836.50");
    assert_eq!(sale.occurred_at, sale.order_receipt.settled_at);
    let refund = receipt(include_str!("../../../../tests/samples/transforms/orders/refund.json"));
    assert_eq!(refund.order_receipt.order_totals.grand_total.to_string(), "-259.80");
    let transforms = with("", FILTER);
    let cancelled = include_str!("../../../../tests/samples/transforms/orders/cancelled.json");
    let made = transforms.entries()[0].apply(&Source { body: cancelled.as_bytes(), ..Source::default() });
    assert_eq!(made, Ok(Made::Nothing));
}
