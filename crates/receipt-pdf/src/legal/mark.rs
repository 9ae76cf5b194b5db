//! A receipt whose every value is one that nothing else on a page has, so that what is printed can be told.

use std::collections::BTreeMap;

use events::{Address, Date, Hundredths, Number, ReceiptSettled, Text, Timestamp};

/// The same receipt with other values: what is empty, zero or negative stays so, and what is equal stays equal where
/// templates compare it.
pub(super) fn marked(event: &ReceiptSettled) -> ReceiptSettled {
    let mut event = event.clone();
    let mut marker = Marker::default();
    marker.text(&mut event.tenant.name);
    let receipt = &mut event.order_receipt;
    marker.number(&mut receipt.voucher_number);
    marker.optional(&mut receipt.referenced_voucher_number);
    receipt.created_at = moved(&receipt.created_at, "2031-11-17T13:47:00");
    receipt.settled_at = moved(&receipt.settled_at, "2033-10-19T14:53:00");
    receipt.delivery_date = receipt.delivery_date.and(Date::parse("2033-10-23"));
    receipt.due_date = receipt.due_date.and(Date::parse("2035-12-21"));
    if let Some(till) = &mut receipt.till {
        marker.optional(&mut till.number);
        marker.optional(&mut till.control_unit);
    }
    if let Some(issuer) = &mut receipt.issuer {
        for text in [
            &mut issuer.legal_name,
            &mut issuer.legal_id,
            &mut issuer.vat_id,
            &mut issuer.tax_office,
            &mut issuer.register_note,
        ] {
            marker.text(text);
        }
        marker.address(&mut issuer.address);
    }
    let store = &mut receipt.order.store;
    marker.text(&mut store.name);
    marker.text(&mut store.organization_number);
    marker.address(&mut store.address);
    marker.address(&mut receipt.order.address);
    marker.address(&mut receipt.invoice_address);
    if let Some(customer) = &mut receipt.customer {
        marker.text(&mut customer.display_name);
    }
    for item in &mut receipt.items {
        marker.required(&mut item.name);
        marker.text(&mut item.exemption_reason);
        for amount in [
            &mut item.quantity,
            &mut item.unit_price,
            &mut item.discount_amount,
            &mut item.total,
            &mut item.vat_amount,
        ] {
            marker.amount(amount);
        }
        marker.rate(&mut item.vat_rate);
    }
    marker.amount(&mut receipt.order_totals.vat_total);
    for row in receipt.order_totals.vat.iter_mut().flatten() {
        marker.rate(&mut row.rate);
        marker.amount(&mut row.net);
        marker.amount(&mut row.vat);
    }
    for settlement in &mut receipt.settlements {
        marker.required(&mut settlement.name);
    }
    event
}

#[derive(Default)]
struct Marker {
    count: u64,
    texts: BTreeMap<Text, Text>,
    rates: BTreeMap<Hundredths, Hundredths>,
}

impl Marker {
    /// Eight digits that were not there before.
    fn next(&mut self) -> i64 {
        self.count += 1;
        70_000_000 + (self.count * 137_717 % 9_999_991) as i64
    }

    /// Digits alone where the text is: a template may compute with it.
    fn of(&mut self, text: &str) -> String {
        let next = self.next();
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if is_number { next.to_string() } else { format!("Q{next}") }
    }

    fn required(&mut self, text: &mut Text) {
        if let Some(known) = self.texts.get(text) {
            *text = known.clone();
        } else if let Some(new) = Text::new(self.of(text)) {
            self.texts.insert(std::mem::replace(text, new.clone()), new);
        }
    }

    fn text(&mut self, text: &mut Option<Text>) {
        if let Some(text) = text {
            self.required(text);
        }
    }

    fn number(&mut self, number: &mut Number) {
        if let Some(new) = Number::new(self.of(number)) {
            *number = new;
        }
    }

    fn optional(&mut self, number: &mut Option<Number>) {
        if let Some(number) = number {
            self.number(number);
        }
    }

    /// What is printed of it, but the country.
    fn address(&mut self, address: &mut Option<Address>) {
        let Some(address) = address else { return };
        for text in [
            &mut address.display_name,
            &mut address.company_name,
            &mut address.vat_number,
            &mut address.address,
            &mut address.city,
        ] {
            self.text(text);
        }
    }

    fn amount(&mut self, amount: &mut Hundredths) {
        *amount = Hundredths::new(self.next() * amount.get().signum());
    }

    fn rate(&mut self, rate: &mut Hundredths) {
        let next = Hundredths::new(1_737 + 111 * self.rates.len() as i64);
        if !rate.is_zero() {
            *rate = *self.rates.entry(*rate).or_insert(next);
        }
    }
}

/// Another time at the same offset.
fn moved(time: &Timestamp, to: &str) -> Timestamp {
    let offset = time.moment().format("%:z");
    Timestamp::parse(&format!("{to}{offset}")).unwrap_or_else(|| time.clone())
}
