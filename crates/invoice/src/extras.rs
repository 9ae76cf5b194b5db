//! What an invoice says beyond Flow's page.

use events::{
    ExternalId, Hundredths, Invoice, InvoiceAddress, OrderReceipt, OrderType, ReceiptSettled, Text,
};

use crate::{Extra, Mapping, PropertyName, invoice_address, property, text};

/// Adds one, where the receipt says it.
pub(crate) fn add(extra: Extra, event: &ReceiptSettled, mapping: &Mapping, invoice: &mut Invoice) {
    let receipt = &event.order_receipt;
    match extra {
        Extra::IsCreditNote => invoice.is_credit_note = Some(receipt.order.kind == OrderType::Return),
        Extra::Kid => invoice.kid = kid(event),
        Extra::ReferencedVoucherNumber => {
            if let Some(voucher) = &receipt.referenced_voucher_number {
                let key = mapping.key(PropertyName::ReferencedVoucherNumber);
                invoice.properties.push(property(key, voucher.clone().into(), mapping));
            }
        }
        Extra::InvoiceType => invoice.invoice_type = Some(text("Outgoing")),
        Extra::AmountRoundoff => {
            invoice.amount_roundoff = Some(rounded(receipt)).filter(|it| !it.is_zero()).map(Into::into);
        }
        Extra::InvoiceSenderAddress => invoice.invoice_sender_address = sender(receipt),
        Extra::ExternalIds => {
            let package = event.package.as_ref().map(|package| text(package.id.to_string()));
            invoice.external_ids =
                package.into_iter().map(|id| ExternalId { id, provider_name: text("Akinon") }).collect();
        }
    }
}

/// Omnium: "Norwegian customer identification number". The references of other countries are none.
fn kid(event: &ReceiptSettled) -> Option<Text> {
    let country = &event.tenant.country;
    let is_norwegian = match country.code.as_deref() {
        Some(code) => code == "NO",
        None => &*country.currency == "NOK",
    };
    let account = event.order_receipt.payment_account.as_ref().filter(|_| is_norwegian)?;
    account.reference.clone().map(Into::into)
}

/// Omnium: "Amount of round off to nearest integer". A payment has no lines of its own to differ from.
fn rounded(receipt: &OrderReceipt) -> Hundredths {
    match receipt.order.kind {
        OrderType::Sale | OrderType::Return => {
            receipt.order_totals.grand_total - receipt.items.iter().map(|item| item.total).sum::<Hundredths>()
        }
        OrderType::Payment => Hundredths::ZERO,
    }
}

fn sender(receipt: &OrderReceipt) -> Option<InvoiceAddress> {
    let issuer = receipt.issuer.as_ref()?;
    let name = issuer.legal_name.as_ref()?;
    Some(InvoiceAddress {
        name: Some(name.clone()),
        organization: Some(name.clone()),
        organizational_number: issuer.legal_id.clone().or_else(|| issuer.vat_id.clone()),
        ..issuer.address.as_ref().map(invoice_address).unwrap_or_default()
    })
}
