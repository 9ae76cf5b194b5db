//! The e-invoice says what the receipt, its page and the Omnium invoice say, to the hundredth.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use en16931::Invoice;
use events::{OrderType, ReceiptSettled};
use proptest::prelude::*;
use receipt_pdf::Template;
use roxmltree::{Document, Node};
use rust_decimal::Decimal;

use crate::receipts;

/// The first element of a path of names below a node.
fn at<'a, 'b>(node: Node<'a, 'b>, path: &str) -> Option<Node<'a, 'b>> {
    path.split('/').try_fold(node, |node, name| node.children().find(|child| child.has_tag_name_of(name)))
}

trait Named {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl Named for Node<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn amount(node: Node<'_, '_>, path: &str) -> Decimal {
    let text = at(node, path).and_then(|node| node.text());
    text.map_or(Decimal::ZERO, |text| text.parse().unwrap_or_else(|_| panic!("{path} is {text}")))
}

fn all<'a, 'b>(node: Node<'a, 'b>, name: &'static str) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children().filter(move |child| child.has_tag_name_of(name))
}

/// What both syntaxes say.
#[derive(Debug, PartialEq)]
struct Figures {
    /// Quantity, price, its quantity, allowance, charge, net.
    lines: Vec<[Decimal; 6]>,
    /// Taxable amount and VAT by rate.
    rates: BTreeMap<Decimal, (Decimal, Decimal)>,
    /// Lines, without VAT, VAT, with VAT, paid, rounding, due.
    totals: [Decimal; 7],
}

fn of_cii(xml: &str) -> Figures {
    let document = Document::parse(xml).expect("XML");
    let trade = at(document.root_element(), "SupplyChainTradeTransaction").expect("a transaction");
    let settlement = at(trade, "ApplicableHeaderTradeSettlement").expect("a settlement");
    let totals = at(settlement, "SpecifiedTradeSettlementHeaderMonetarySummation").expect("totals");
    let line = |line: Node<'_, '_>| {
        let settlement = at(line, "SpecifiedLineTradeSettlement").expect("a settlement");
        let discount = at(settlement, "SpecifiedTradeAllowanceCharge");
        let is_charge = discount
            .and_then(|node| at(node, "ChargeIndicator/Indicator")?.text())
            .is_some_and(|text| text == "true");
        let discount = discount.map_or(Decimal::ZERO, |node| amount(node, "ActualAmount"));
        let price = "SpecifiedLineTradeAgreement/NetPriceProductTradePrice";
        let basis = amount(line, &format!("{price}/BasisQuantity"));
        [
            amount(line, "SpecifiedLineTradeDelivery/BilledQuantity"),
            amount(line, &format!("{price}/ChargeAmount")),
            if basis.is_zero() { Decimal::ONE } else { basis },
            if is_charge { Decimal::ZERO } else { discount },
            if is_charge { discount } else { Decimal::ZERO },
            amount(settlement, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount"),
        ]
    };
    let mut rates = BTreeMap::<Decimal, (Decimal, Decimal)>::new();
    for row in all(settlement, "ApplicableTradeTax") {
        let (taxable, vat) = rates.entry(amount(row, "RateApplicablePercent")).or_default();
        *taxable += amount(row, "BasisAmount");
        *vat += amount(row, "CalculatedAmount");
    }
    let totals = [
        "LineTotalAmount",
        "TaxBasisTotalAmount",
        "TaxTotalAmount",
        "GrandTotalAmount",
        "TotalPrepaidAmount",
        "RoundingAmount",
        "DuePayableAmount",
    ]
    .map(|name| amount(totals, name));
    Figures { lines: all(trade, "IncludedSupplyChainTradeLineItem").map(line).collect(), rates, totals }
}

fn of_ubl(xml: &str) -> Figures {
    let document = Document::parse(xml).expect("XML");
    let root = document.root_element();
    let totals = at(root, "LegalMonetaryTotal").expect("totals");
    let line = |line: Node<'_, '_>| {
        let discount = at(line, "AllowanceCharge");
        let is_charge =
            discount.and_then(|node| at(node, "ChargeIndicator")?.text()).is_some_and(|text| text == "true");
        let discount = discount.map_or(Decimal::ZERO, |node| amount(node, "Amount"));
        let basis = amount(line, "Price/BaseQuantity");
        [
            amount(line, "InvoicedQuantity") + amount(line, "CreditedQuantity"),
            amount(line, "Price/PriceAmount"),
            if basis.is_zero() { Decimal::ONE } else { basis },
            if is_charge { Decimal::ZERO } else { discount },
            if is_charge { discount } else { Decimal::ZERO },
            amount(line, "LineExtensionAmount"),
        ]
    };
    let mut rates = BTreeMap::<Decimal, (Decimal, Decimal)>::new();
    for row in all(at(root, "TaxTotal").expect("a total"), "TaxSubtotal") {
        let (taxable, vat) = rates.entry(amount(row, "TaxCategory/Percent")).or_default();
        *taxable += amount(row, "TaxableAmount");
        *vat += amount(row, "TaxAmount");
    }
    let lines = all(root, "InvoiceLine").chain(all(root, "CreditNoteLine")).map(line).collect();
    let vat = amount(root, "TaxTotal/TaxAmount");
    let [lines_total, without_vat, with_vat, paid, rounding, due] = [
        "LineExtensionAmount",
        "TaxExclusiveAmount",
        "TaxInclusiveAmount",
        "PrepaidAmount",
        "PayableRoundingAmount",
        "PayableAmount",
    ]
    .map(|name| amount(totals, name));
    Figures { lines, rates, totals: [lines_total, without_vat, vat, with_vat, paid, rounding, due] }
}

/// What the page's VAT table says: net and VAT by rate. The document's title is the one text that is not set in glyphs.
fn of_page(event: &ReceiptSettled) -> BTreeMap<Decimal, (Decimal, Decimal)> {
    static TEMPLATE: LazyLock<Template> = LazyLock::new(|| {
        let source = "title = \"{% for row in vat %}{{ row.rate }} {{ row.net }} {{ row.vat }};{% endfor %}\"\n\
                      [[block]]\ntype = \"rule\"\n";
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        Template::load(source, "vat.toml", &none).expect("a template")
    });
    let pdf = receipt_pdf::render(&TEMPLATE, event).expect("a PDF").pdf;
    let document = lopdf::Document::load_mem(&pdf).expect("a PDF");
    let info = document.trailer.get(b"Info").and_then(lopdf::Object::as_reference).expect("information");
    let title = document.get_dictionary(info).and_then(|info| info.get(b"Title")).expect("a title");
    let title = lopdf::decode_text_string(title).expect("a text");
    let row = |row: &str| {
        let number = |text: &str| Decimal::new(text.parse().expect("hundredths"), 2);
        let [rate, net, vat] = row.split(' ').map(number).collect::<Vec<_>>()[..] else { panic!("{row}") };
        (rate, (net, vat))
    };
    title.split_terminator(';').map(row).collect()
}

/// Compares with the receipt, with its page, and with the Omnium invoice.
pub(crate) fn assert_agreement(event: &ReceiptSettled, invoice: &Invoice) {
    let receipt = &event.order_receipt;
    let omnium = invoice::map(event, &invoice::Mapping::default());
    let figures = of_cii(&invoice.to_cii());
    assert_eq!(figures, of_ubl(&invoice.to_ubl()), "CII and UBL");
    let sign = if receipt.order.kind == OrderType::Return { -Decimal::ONE } else { Decimal::ONE };

    let [lines_total, without_vat, vat, with_vat, paid, rounding, due] = figures.totals;
    assert_eq!(with_vat + rounding, sign * omnium.amount.0, "the grand total");
    assert_eq!(vat, sign * receipt.order_totals.vat_total.to_decimal(), "the VAT total");
    assert_eq!(without_vat + rounding, sign * omnium.amount_excluding_tax.0, "the total without VAT");
    assert_eq!(due, with_vat + rounding - paid, "what is due");

    assert_eq!(figures.lines.len(), omnium.line_items.len());
    for ([quantity, price, basis, allowance, charge, net], line) in
        figures.lines.iter().zip(&omnium.line_items)
    {
        assert_eq!(
            *net,
            sign * line.extended_price_excl_tax.expect("a standard line").0,
            "a line's net amount"
        );
        assert_eq!(quantity.abs(), line.quantity.0.abs(), "a line's quantity");
        let exact = quantity * price / basis - allowance + charge;
        assert_eq!(
            exact.round_dp_with_strategy(2, rust_decimal::RoundingStrategy::MidpointAwayFromZero),
            *net
        );
        assert!(!price.is_sign_negative() && !allowance.is_sign_negative() && !charge.is_sign_negative());
    }
    assert_eq!(figures.lines.iter().map(|line| line[5]).sum::<Decimal>(), lines_total);

    let of_lines: BTreeMap<_, _> =
        receipt.items.iter().map(|item| (item.vat_rate.to_decimal(), ())).collect();
    for row in receipt.order_totals.vat.iter().flatten() {
        let rate = row.rate.to_decimal();
        if of_lines.contains_key(&rate) {
            let expected = (sign * row.net.to_decimal(), sign * row.vat.to_decimal());
            assert_eq!(figures.rates.get(&rate), Some(&expected), "the VAT of {rate} %");
        }
    }
    assert_eq!(figures.rates.len(), of_lines.len(), "the rates");

    let mut page = of_page(event);
    let rows = page.extract_if(.., |rate, _| figures.rates.contains_key(rate));
    let rows: BTreeMap<_, _> = rows.map(|(rate, (net, vat))| (rate, (sign * net, sign * vat))).collect();
    assert_eq!(rows, figures.rates, "the VAT table of the page");
    // A row of its own for the cash rounding, which is no tax subtotal.
    for (rate, (net, vat)) in page {
        assert_eq!((sign * net, vat), (rounding, Decimal::ZERO), "the row of {rate} %");
    }
}

#[test]
fn samples_agree_with_their_invoices() {
    for name in receipts::SAMPLES {
        let event = receipts::event(&receipts::completed(receipts::sample(name)));
        let invoice = Invoice::of(&event, None).unwrap_or_else(|missing| panic!("{name}: {missing:#?}"));
        assert_agreement(&event, &invoice);
    }
}

/// A till that rounds VAT once for all lines, and sends no VAT table.
#[test]
fn single_rate_without_a_table_has_the_vat_total() {
    let mut json = receipts::completed(receipts::sample("standard"));
    let receipt = &mut json["orderReceipt"];
    let mut item = receipt["items"][0].clone();
    for (member, value) in [
        ("quantity", 100),
        ("unitPrice", 999),
        ("discountAmount", 0),
        ("total", 999),
        ("vatRate", 2_500),
        ("vatAmount", 200),
    ] {
        item[member] = value.into();
    }
    receipt["items"] = vec![item; 3].into();
    receipt["orderTotals"] = serde_json::json!({ "grandTotal": 2_997, "vatTotal": 599 });
    receipt["settlements"][0]["amount"] = 2_997.into();
    let event = receipts::event(&json);
    let expected = BTreeMap::from([(Decimal::new(2_500, 2), (Decimal::new(2_398, 2), Decimal::new(599, 2)))]);
    assert_eq!(of_page(&event), expected);
    let invoice = Invoice::of(&event, None).unwrap_or_else(|missing| panic!("{missing:#?}"));
    assert_agreement(&event, &invoice);
}

#[test]
fn pre_payments_count_as_paid() {
    let event = receipts::event(&receipts::completed(receipts::sample("split-payment")));
    let figures = of_cii(&Invoice::of(&event, None).expect("an invoice").to_cii());
    assert_eq!(figures.totals[4..], [Decimal::new(249_900, 2), Decimal::ZERO, Decimal::ZERO]);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn generated_receipts_agree_with_their_invoices(event in receipts::any()) {
        match Invoice::of(&event, None) {
            Ok(invoice) => assert_agreement(&event, &invoice),
            Err(reasons) => for reason in reasons {
                prop_assert!(
                    matches!(reason.term, "BT-110" | "BT-117" | "BT-118" | "BT-131"),
                    "{}", reason
                );
            },
        }
    }

    #[test]
    fn same_receipt_gives_same_bytes(event in receipts::any()) {
        if let (Ok(one), Ok(other)) = (Invoice::of(&event, None), Invoice::of(&event.clone(), None)) {
            prop_assert_eq!(one.to_cii(), other.to_cii());
            prop_assert_eq!(one.to_ubl(), other.to_ubl());
        }
    }
}
