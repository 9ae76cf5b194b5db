//! The body of a dead letter as people read it, whichever event of the chain it is.

use events::{
    Amount, Hundredths, InvoiceReady, InvoiceRendered, PackageEvent, Pdf, ReceiptSettled, Settlement,
};

/// A readable event. Contains personal data: for operators only.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The event's type: `receipt.settled.v1`, `invoice.ready.v1`, `invoice.rendered.v1`,
    /// `package.status`.
    pub event: &'static str,
    /// Names and values, in display order.
    pub facts: Vec<(&'static str, String)>,
    /// Receipt, invoice or package lines.
    pub lines: Vec<DecodedLine>,
    /// Payments: name, amount, state.
    pub settlements: Vec<(String, String, String)>,
    /// Of `invoice.rendered.v1` only.
    pub pdf: Option<Pdf>,
}

/// A line of a receipt, of an invoice or of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecodedLine {
    /// The article's number.
    pub code: String,
    /// The article's name; empty where the event has none.
    pub name: String,
    /// With its decimals.
    pub quantity: String,
    /// Including VAT; empty where the event has none.
    pub total: String,
}

/// Decodes the body; `None` if it is no event of the chain.
pub fn decoded(body: &[u8]) -> Option<Decoded> {
    let body = &*events::legible(body);
    if let Some(event) = events::decoded::<InvoiceRendered>(body) {
        return Some(rendered(event));
    }
    if let Some(event) = events::decoded::<InvoiceReady>(body) {
        let mut decoded = receipt("invoice.ready.v1", &event.receipt);
        let targets: Vec<_> = event.targets.iter().map(|target| target.as_str()).collect();
        decoded.facts.push(("for", targets.join(", ")));
        return Some(decoded);
    }
    if let Some(event) = events::decoded::<ReceiptSettled>(body) {
        return Some(receipt("receipt.settled.v1", &event));
    }
    events::decoded::<PackageEvent>(body).map(|event| package(&event))
}

fn rendered(event: InvoiceRendered) -> Decoded {
    let invoice = &event.invoice;
    let money = |amount: &Amount| format!("{amount} {}", invoice.currency);
    let mut facts = vec![
        ("voucher", invoice.invoice_number.to_string()),
        ("type", event.order_type.as_str().to_owned()),
        ("store", invoice.store_id.to_string()),
        ("created", invoice.invoice_date.to_string()),
        ("settled", invoice.delivery_date.to_string()),
        ("total", money(&invoice.amount)),
        ("without VAT", money(&invoice.amount_excluding_tax)),
    ];
    let customer = [&invoice.customer_name, &invoice.customer_email, &invoice.customer_id];
    let customer: Vec<_> = customer.into_iter().flatten().map(|text| text.to_string()).collect();
    if !customer.is_empty() {
        facts.push(("customer", customer.join(", ")));
    }
    facts.extend(
        event
            .package
            .as_ref()
            .map(|package| ("package", format!("{} (number {})", package.id, package.number))),
    );
    facts.push(("for", event.target.to_string()));
    let lines = invoice.line_items.iter().map(|line| DecodedLine {
        code: line.code.to_string(),
        name: line.display_name.to_string(),
        quantity: line.quantity.to_string(),
        total: line.extended_price.to_string(),
    });
    let settlements = invoice.payments.iter().map(|payment| {
        (payment.payment_type.to_string(), payment.amount.to_string(), payment.transaction_type.to_string())
    });
    Decoded {
        event: "invoice.rendered.v1",
        facts,
        lines: lines.collect(),
        settlements: settlements.collect(),
        pdf: Some(event.pdf.clone()),
    }
}

fn receipt(kind: &'static str, event: &ReceiptSettled) -> Decoded {
    let receipt = &event.order_receipt;
    let money = |amount: Hundredths| format!("{amount} {}", event.tenant.country.currency);
    let store = &receipt.order.store;
    let mut facts = vec![
        ("voucher", receipt.voucher_number.to_string()),
        ("type", receipt.order.kind.as_str().to_owned()),
        ("order", receipt.order.order_number.to_string()),
        (
            "store",
            store
                .name
                .as_ref()
                .map_or_else(|| store.uid.to_string(), |name| format!("{} ({name})", store.uid)),
        ),
        ("created", receipt.created_at.to_string()),
        ("settled", receipt.settled_at.to_string()),
        ("total", money(receipt.amount())),
        ("VAT", money(receipt.order_totals.vat_total)),
    ];
    facts.extend(
        receipt.referenced_voucher_number.as_ref().map(|voucher| ("pays voucher", voucher.to_string())),
    );
    facts.extend(customer(event).map(|customer| ("customer", customer)));
    facts.extend(
        event
            .package
            .as_ref()
            .map(|package| ("package", format!("{} (number {})", package.id, package.number))),
    );
    let lines = receipt.items.iter().map(|item| DecodedLine {
        code: item.sku.to_string(),
        name: item.name.to_string(),
        quantity: item.quantity.to_string(),
        total: item.total.to_string(),
    });
    let paid = |paid: &Settlement| (paid.name.to_string(), paid.amount.to_string(), paid.state.to_string());
    let settlements = receipt.settlements.iter().map(paid).collect();
    Decoded { event: kind, facts, lines: lines.collect(), settlements, pdf: None }
}

fn customer(event: &ReceiptSettled) -> Option<String> {
    let receipt = &event.order_receipt;
    let customer = receipt.customer.as_ref();
    let contact = receipt.contact_person.as_ref();
    let address = receipt.invoice_address.as_ref().or(receipt.order.address.as_ref());
    let known = [
        customer.and_then(|customer| customer.display_name.as_ref()),
        contact.and_then(|contact| contact.display_name.as_ref()),
        address.and_then(|address| address.display_name.as_ref()),
        contact
            .and_then(|contact| contact.email.as_ref())
            .or(address.and_then(|address| address.email.as_ref())),
        customer.and_then(|customer| customer.uid.as_ref()),
    ];
    let mut known: Vec<_> = known.into_iter().flatten().map(|text| text.to_string()).collect();
    known.dedup();
    (!known.is_empty()).then(|| known.join(", "))
}

fn package(event: &PackageEvent) -> Decoded {
    let package = &event.payload;
    let mut facts = vec![
        ("package", format!("{} (number {})", package.id, package.number)),
        ("event", event.event.uuid.to_string()),
    ];
    facts.extend(package.order_number.as_ref().map(|order| ("order", order.to_string())));
    let lines = package.packageitem_set.iter().map(|item| DecodedLine {
        code: item.sku.to_string(),
        name: String::new(),
        quantity: item.quantity.get().to_string(),
        total: String::new(),
    });
    Decoded { event: "package.status", facts, lines: lines.collect(), settlements: Vec::new(), pdf: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECEIPT: &str = include_str!("../../../../tests/samples/receipt-standard.json");
    const PACKAGE: &str = include_str!("../../../../tests/samples/package-packed.json");

    #[test]
    fn decodes_a_receipt_into_named_facts() {
        let decoded = decoded(RECEIPT.as_bytes()).expect("a receipt");
        assert_eq!(decoded.event, "receipt.settled.v1");
        let names: Vec<_> = decoded.facts.iter().map(|(name, _)| *name).collect();
        assert_eq!(names[..8], ["voucher", "type", "order", "store", "created", "settled", "total", "VAT"]);
        assert!(!decoded.lines.is_empty() && !decoded.settlements.is_empty() && decoded.pdf.is_none());
    }

    #[test]
    fn decodes_enveloped_events_like_plain_ones() {
        for event in [RECEIPT, PACKAGE] {
            let envelope = format!("{{\"specversion\":\"1.0\",\"id\":\"1\",\"data\":{event}}}");
            let plain = decoded(event.as_bytes());
            assert!(plain.is_some());
            assert_eq!(decoded(envelope.as_bytes()), plain);
        }
    }

    #[test]
    fn decodes_package_items_and_rejects_other_json() {
        let decoded = super::decoded(PACKAGE.as_bytes()).expect("a package");
        assert_eq!((decoded.event, decoded.facts[0].0), ("package.status", "package"));
        assert!(!decoded.lines.is_empty());
        assert_eq!(super::decoded(b"{\"id\": 17}"), None);
        assert_eq!(super::decoded(b"\xff"), None);
    }
}
