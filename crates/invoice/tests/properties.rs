//! What holds for the invoice of every receipt that passes its check.

mod receipts;

use events::{Amount, Invoice, OrderType, ReceiptSettled};
use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::Value;

/// Negative where the money went to the customer.
fn signed_sum(invoice: &Invoice) -> Decimal {
    let signed = |payment: &events::Payment| match &*payment.transaction_type {
        "Credit" => -payment.amount.0,
        _ => payment.amount.0,
    };
    invoice.payments.iter().map(signed).sum()
}

fn counted(event: &ReceiptSettled) -> Decimal {
    let settlements = event.order_receipt.settlements.iter();
    settlements.filter(|settlement| settlement.is_counted()).map(|s| s.amount.to_decimal()).sum()
}

fn has_null(json: &Value) -> bool {
    match json {
        Value::Null => true,
        Value::Array(elements) => elements.iter().any(has_null),
        Value::Object(members) => members.values().any(has_null),
        _ => false,
    }
}

fn amounts(invoice: &Invoice) -> Vec<Amount> {
    let lines = invoice.line_items.iter().flat_map(|line| {
        let always = [line.quantity, line.placed_price, line.extended_price];
        let taxed = [
            line.placed_price_excl_tax,
            line.discounted,
            line.extended_price_excl_tax,
            line.tax_rate,
            line.tax_total,
        ];
        always.into_iter().chain(taxed.into_iter().flatten())
    });
    let payments = invoice.payments.iter().map(|payment| payment.amount);
    lines.chain(payments).chain([invoice.amount, invoice.amount_excluding_tax]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn invoice_round_trips_through_json(event in receipts::any()) {
        let invoice = invoice::map(&event, &invoice::Mapping::default());
        let json = serde_json::to_string(&invoice).expect("an invoice becomes JSON");
        prop_assert_eq!(events::decode::<Invoice>(json.as_bytes()), Ok(invoice.clone()));
        prop_assert!(!has_null(&serde_json::from_str(&json).expect("JSON")), "a member is null: {}", json);
        for amount in amounts(&invoice) {
            let number = serde_json::to_string(&amount).expect("a number");
            prop_assert_eq!(number.parse::<Decimal>().expect("plain digits"), amount.0);
            prop_assert!(amount.0.normalize().scale() <= 2, "more than hundredths: {}", amount.0);
        }
    }

    #[test]
    fn lines_and_tax_add_up(event in receipts::any()) {
        let invoice = invoice::map(&event, &invoice::Mapping::default());
        let receipt = &event.order_receipt;
        if receipt.order.kind == OrderType::Payment {
            prop_assert_eq!(invoice.line_items.len(), 1);
            prop_assert_eq!(invoice.line_items[0].extended_price, invoice.amount);
            prop_assert_eq!(invoice.amount_excluding_tax, invoice.amount);
            return Ok(());
        }
        prop_assert_eq!(invoice.line_items.len(), receipt.items.len());
        prop_assert_eq!(invoice.amount.0 - invoice.amount_excluding_tax.0, receipt.order_totals.vat_total.to_decimal());
        for line in &invoice.line_items {
            let excluding = line.extended_price_excl_tax.expect("a standard line").0;
            prop_assert_eq!(line.extended_price.0 - excluding, line.tax_total.expect("a standard line").0);
            let price = line.placed_price_excl_tax.expect("a standard line").0;
            prop_assert!(price.abs() <= line.placed_price.0.abs(), "a price grows without its tax");
            let with_tax = price * (Decimal::ONE + line.tax_rate.expect("a standard line").0 / Decimal::ONE_HUNDRED);
            prop_assert!((with_tax - line.placed_price.0).abs() <= Decimal::new(1, 2), "not the price's net");
        }
        let lines: Decimal = invoice.line_items.iter().map(|line| line.extended_price.0).sum();
        prop_assert!((lines - invoice.amount.0).abs() <= Decimal::ONE, "lines {lines}, amount {}", invoice.amount);
    }

    #[test]
    fn payments_equal_the_counted_settlements(event in receipts::any()) {
        let invoice = invoice::map(&event, &invoice::Mapping::default());
        prop_assert_eq!(signed_sum(&invoice), counted(&event));
        if event.order_receipt.order.kind == OrderType::Payment {
            prop_assert_eq!(signed_sum(&invoice), invoice.amount.0);
        }
        for payment in &invoice.payments {
            prop_assert!(payment.amount.0 > Decimal::ZERO);
        }
        let cash = invoice.payments.iter().filter(|payment| payment.payment_method_name.starts_with("Cash"));
        prop_assert!(cash.count() <= 1, "cash is not merged");
    }
}
