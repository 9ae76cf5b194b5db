//! Who the invoice is for: the contact person, else the invoice address, else the order's address.
//!
//! "Else" goes field by field for name and e-mail, and by the whole address for the address, so that
//! no address is ever put together from two.

use events::{Address, InvoiceAddress, OrderReceipt, Text};

/// The customer's e-mail address.
pub fn email(receipt: &OrderReceipt) -> Option<Text> {
    let contact = receipt.contact_person.as_ref().and_then(|contact| contact.email.clone());
    contact.or_else(|| addresses(receipt).find_map(|address| address.email.clone()))
}

/// The customer's name.
pub fn name(receipt: &OrderReceipt) -> Option<Text> {
    let contact = receipt.contact_person.as_ref().and_then(|contact| contact.display_name.clone());
    contact.or_else(|| addresses(receipt).find_map(|address| address.display_name.clone()))
}

/// `B2B` where the customer is an organisation, or either address is one's; else `B2C`.
pub fn kind(receipt: &OrderReceipt) -> Text {
    let is_organisation = receipt.customer.as_ref().and_then(|customer| customer.kind.as_deref())
        == Some("ORGANIZATION")
        || addresses(receipt).any(|a| a.company_name.is_some() || a.vat_number.is_some());
    crate::text(if is_organisation { "B2B" } else { "B2C" })
}

/// The first address that says anything.
pub fn address(receipt: &OrderReceipt) -> Option<InvoiceAddress> {
    addresses(receipt).find(|address| **address != Address::default()).map(|address| InvoiceAddress {
        name: address.display_name.clone(),
        first_name: address.firstname.clone(),
        last_name: address.lastname.clone(),
        line1: address.address.clone(),
        postal_code: address.postal_code.clone(),
        city: address.city.clone(),
        country_code: address.country_code.clone(),
        email: address.email.clone(),
        phone: address.mobile.clone(),
        organization: address.company_name.clone(),
        organizational_number: address.vat_number.clone(),
    })
}

/// The invoice address, then the order's.
fn addresses(receipt: &OrderReceipt) -> impl Iterator<Item = &Address> {
    receipt.invoice_address.iter().chain(&receipt.order.address)
}
