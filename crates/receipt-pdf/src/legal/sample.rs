//! Receipts that say everything that the law of a country asks for, to try templates with.

use events::{
    Address, Date, Hundredths, Issuer, Number, OrderType, PaymentAccount, ReceiptSettled, Text, Till,
};

/// What a sample's document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SampleKind {
    /// To a consumer.
    Receipt,
    /// Paid at once by a business.
    BusinessReceipt,
    /// To be paid by a business.
    Invoice,
    /// By a consumer.
    Return,
    /// A return by a business.
    CreditNote,
    /// Money alone.
    Payment,
}

impl SampleKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Receipt, Self::BusinessReceipt, Self::Invoice, Self::Return, Self::CreditNote, Self::Payment];

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Receipt => "receipt",
            Self::BusinessReceipt => "receipt of a business",
            Self::Invoice => "invoice",
            Self::Return => "return",
            Self::CreditNote => "credit note",
            Self::Payment => "payment",
        }
    }
}

/// A copy of a receipt of a country that says everything that its law asks for.
pub fn legal_sample(country: &str, kind: SampleKind) -> Option<ReceiptSettled> {
    let mut event: ReceiptSettled = events::decode(include_bytes!("../../templates/example.json")).ok()?;
    let (currency, vat_id) = match country {
        "NO" => ("NOK", "NO 912 345 678 MVA".to_owned()),
        "SE" => ("SEK", "SE556000111101".to_owned()),
        "DK" => ("DKK", "DK12345678".to_owned()),
        "TR" => ("TRY", "1234567890".to_owned()),
        _ => ("EUR", format!("{country}12345678")),
    };
    let address = |street, city| Address {
        address: Text::new(street),
        postal_code: Text::new("0155"),
        city: Text::new(city),
        country_code: Text::new(country),
        ..Address::default()
    };
    event.tenant.name = Text::new("Bergstrand Handel AS");
    event.tenant.country.code = Number::new(country);
    event.tenant.country.currency = Number::new(currency)?;
    let receipt = &mut event.order_receipt;
    receipt.is_copy = Some(true);
    receipt.order.store.address = Some(address("Butikkgata 44", "Fagernes"));
    receipt.order.store.organization_number = Text::new(&*vat_id);
    receipt.issuer = Some(Issuer {
        legal_name: Text::new("Bergstrand Handel AS"),
        legal_id: Text::new(if country == "TR" { "1234567890" } else { "912 345 678" }),
        vat_id: Text::new(vat_id),
        tax_office: Text::new("Kadıköy"),
        register_note: Text::new("Foretaksregisteret"),
        address: Some(address("Hovedgata 1", "Hamar")),
    });
    receipt.till = Some(Till { number: Number::new("K-3"), control_unit: Number::new("CU-881") });
    receipt.delivery_date = Date::parse("2026-11-04");
    receipt.buyer_reference = Text::new("PO-4711");
    // Two lines of a rate: what its row of the VAT table says, is no line's.
    receipt.items.insert(0, receipt.items.first()?.clone());
    let exempt = receipt.items.last_mut()?;
    (exempt.vat_rate, exempt.vat_amount) = (Hundredths::ZERO, Hundredths::ZERO);
    exempt.exemption_reason = Text::new("Directive 2006/112/EC, article 146");
    receipt.order_totals.vat = None;
    receipt.order_totals.vat_total = receipt.items.iter().map(|item| item.vat_amount).sum();

    if matches!(kind, SampleKind::Receipt | SampleKind::Return | SampleKind::Payment) {
        receipt.order.address = None;
        (receipt.customer, receipt.contact_person, receipt.invoice_address) = (None, None, None);
    } else {
        let invoice = receipt.invoice_address.get_or_insert_default();
        invoice.vat_number = Text::new(if country == "TR" { "9876543210" } else { "987 654 321" });
        let name = Text::new("Fjellbygg AS");
        receipt.customer.as_mut()?.display_name = name;
    }
    if kind == SampleKind::BusinessReceipt {
        // Handed over in the store.
        receipt.order.address = None;
    }
    if kind == SampleKind::Invoice {
        receipt.due_date = Date::parse("2026-12-02");
        receipt.payment_account = Some(PaymentAccount {
            iban: Number::new("NO9386011117947"),
            bic: Number::new("DNBANOKK"),
            account: Number::new("8601.11.17947"),
            reference: Number::new("20024"),
        });
    } else {
        for settlement in &mut receipt.settlements {
            settlement.kind_code = Number::new("CARD")?;
            settlement.name = Text::new("BankAxept")?;
        }
    }
    if matches!(kind, SampleKind::Return | SampleKind::CreditNote) {
        receipt.order.kind = OrderType::Return;
        let amounts = receipt.items.iter_mut().flat_map(|item| {
            [&mut item.quantity, &mut item.discount_amount, &mut item.total, &mut item.vat_amount]
        });
        let amounts = amounts.chain(receipt.settlements.iter_mut().map(|settlement| &mut settlement.amount));
        let totals = &mut receipt.order_totals;
        amounts
            .chain([&mut totals.grand_total, &mut totals.vat_total])
            .for_each(|amount| *amount = Hundredths::new(-amount.get()));
    }
    if kind == SampleKind::Payment {
        receipt.order.kind = OrderType::Payment;
        receipt.settlement_total = Some(receipt.order_totals.grand_total);
        receipt.order_totals.vat_total = Hundredths::ZERO;
        receipt.items.clear();
    }
    if !matches!(kind, SampleKind::Receipt | SampleKind::BusinessReceipt | SampleKind::Invoice) {
        receipt.referenced_voucher_number = Number::new("1998");
    }
    Some(event)
}
