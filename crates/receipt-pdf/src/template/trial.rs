//! A trial print of a new template: what only shows once its texts meet a receipt.

use events::{OrderType, ReceiptSettled};

use super::{Mistake, Template};
use crate::render::{RenderError, render};

/// Prints invented receipts of every type, full and bare, and tells which texts failed.
pub(super) fn run(template: &Template) -> Vec<Mistake> {
    let mistakes = examples().into_iter().filter_map(|receipt| match render(template, &receipt) {
        Ok(_) => None,
        Err(RenderError::Text { line, source }) => {
            let message = format!(
                "the text is not right: {}",
                source.detail().map_or_else(|| source.kind().to_string(), str::to_owned)
            );
            Some(Mistake { line, message })
        }
        Err(error) => Some(Mistake { line: 1, message: error.to_string() }),
    });
    mistakes.collect()
}

fn examples() -> Vec<ReceiptSettled> {
    let Ok(full) = events::decode::<ReceiptSettled>(include_bytes!("../../templates/example.json")) else {
        return Vec::new();
    };
    let mut returned = full.clone();
    returned.order_receipt.order.kind = OrderType::Return;
    let mut bare = full.clone();
    let receipt = &mut bare.order_receipt;
    receipt.order.kind = OrderType::Payment;
    receipt.order.address = None;
    receipt.order.store.address = None;
    receipt.items.clear();
    (receipt.seller, receipt.customer, receipt.contact_person, receipt.invoice_address) =
        (None, None, None, None);
    vec![full, returned, bare]
}
