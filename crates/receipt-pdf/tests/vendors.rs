//! The transforms of five vendors' events: each sample becomes a valid receipt, its Omnium invoice, and a PDF that has
//! every amount of it.

mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use events::{Amount, Hundredths, OrderType, ReceiptSettled};
use invoice::Mapping;
use receipt_pdf::{Template, render};
use transform::{Made, Makes, Source, Transforms};

/// A sample, the key that it is published with, and what its receipt comes to: kind, lines, total, VAT, settlements.
struct Sample {
    file: &'static str,
    key: &'static str,
    kind: OrderType,
    lines: &'static [i64],
    total: i64,
    vat: i64,
    paid: &'static [i64],
}

use OrderType::{Return, Sale};

const SAMPLES: [Sample; 11] = [
    sample(
        "shopify/order.json",
        "shop.shopify.orders.paid",
        Sale,
        &[80910, 13365, 16020, 7900],
        118195,
        22525,
        &[118195],
    ),
    sample("shopify/refund.json", "shop.shopify.refunds.create", Return, &[-4455], -4455, -891, &[-4455]),
    sample(
        "woocommerce/order.json",
        "shop.woocommerce.order.updated",
        Sale,
        &[134910, 26730, 9000, 8900, 3900],
        183440,
        36062,
        &[183440],
    ),
    sample("woocommerce/refund.json", "shop.woocommerce.refund", Return, &[-3754], -3754, -751, &[-3754]),
    sample("square/order.json", "till.square.order", Sale, &[8010, 1588], 9598, 1534, &[5000, 4598]),
    sample("square/order-additive.json", "till.square.order", Sale, &[16154, 4961], 21115, 3665, &[21115]),
    sample("square/return.json", "till.square.order", Return, &[-8010], -8010, -1390, &[-8010]),
    sample(
        "lightspeed/sale.json",
        "till.lightspeed.sale.update",
        Sale,
        &[39900, 17820, 24900],
        82620,
        11544,
        &[62620, 20000],
    ),
    sample("lightspeed/return.json", "till.lightspeed.sale.update", Return, &[-8910], -8910, -1782, &[-8910]),
    sample(
        "odoo/order.json",
        "till.odoo.pos.order",
        Sale,
        &[29850, 13750],
        43600,
        7764,
        &[20000, 30000, -6400],
    ),
    sample("odoo/refund.json", "till.odoo.pos.order", Return, &[-14925], -14925, -2985, &[-14925]),
];

const fn sample(
    file: &'static str,
    key: &'static str,
    kind: OrderType,
    lines: &'static [i64],
    total: i64,
    vat: i64,
    paid: &'static [i64],
) -> Sample {
    Sample { file, key, kind, lines, total, vat, paid }
}

#[test]
fn samples_become_receipts_that_add_up_to_the_hundredth() {
    for sample in SAMPLES {
        let event = receipt(&sample);
        let receipt = &event.order_receipt;
        assert_eq!(receipt.order.kind, sample.kind, "{}", sample.file);
        let lines: Vec<i64> = receipt.items.iter().map(|item| item.total.get()).collect();
        assert_eq!(lines, sample.lines, "{}", sample.file);
        assert_eq!(lines.iter().sum::<i64>(), sample.total, "{}", sample.file);
        assert_eq!(receipt.order_totals.grand_total.get(), sample.total, "{}", sample.file);
        let vat: i64 = receipt.items.iter().map(|item| item.vat_amount.get()).sum();
        assert_eq!([receipt.order_totals.vat_total.get(), vat], [sample.vat; 2], "{}", sample.file);
        let paid: Vec<i64> = receipt.settlements.iter().map(|settlement| settlement.amount.get()).collect();
        assert_eq!(paid, sample.paid, "{}", sample.file);
        assert_eq!(paid.iter().sum::<i64>(), sample.total, "{}", sample.file);
        for item in &receipt.items {
            let made = item.quantity.get() * item.unit_price.get() - 100 * item.discount_amount.get();
            // A weight has more decimals than a quantity: half a hundredth of it, at the price of one.
            let slack = if item.quantity.get() % 100 == 0 { 0 } else { item.unit_price.get() / 2 };
            assert!((made - 100 * item.total.get()).abs() <= slack, "{}: {item:?}", sample.file);
        }
    }
}

#[test]
fn samples_become_invoices() {
    for sample in SAMPLES {
        let event = receipt(&sample);
        let invoice = invoice::map(&event, &Mapping::default());
        assert_eq!(invoice.amount, Amount(Hundredths::new(sample.total).to_decimal()), "{}", sample.file);
        let lines: Vec<_> = invoice.line_items.iter().map(|line| line.extended_price).collect();
        let expected: Vec<_> =
            sample.lines.iter().map(|total| Amount(Hundredths::new(*total).to_decimal())).collect();
        assert_eq!(lines, expected, "{}", sample.file);
        // Cash and what is handed back of it are one payment.
        let parts = if sample.paid.contains(&-6400) { 2 } else { sample.paid.len() };
        assert_eq!(invoice.payments.len(), parts, "{}", sample.file);
    }
}

#[test]
fn pdfs_have_every_amount() {
    for sample in SAMPLES {
        let event = receipt(&sample);
        let template = Template::builtin("a4").expect("a template that comes with the crate");
        let rendered = render(template, &event).unwrap_or_else(|error| panic!("{}: {error}", sample.file));
        assert_eq!(rendered.warnings, [], "{}", sample.file);
        let text = support::text(&rendered.pdf).concat();
        let printed = amounts(&text);
        let receipt = &event.order_receipt;
        // A business reads prices without VAT.
        let items = receipt.items.iter().flat_map(|item| {
            if receipt.is_business() {
                vec![item.total - item.vat_amount]
            } else {
                vec![item.unit_price, item.total]
            }
        });
        let settlements = receipt.settlements.iter().map(|settlement| settlement.amount);
        let totals = [receipt.order_totals.grand_total, receipt.order_totals.vat_total];
        for amount in items.chain(settlements).chain(totals) {
            let amount = amount.get().abs();
            assert!(printed.contains(&amount), "{}: {amount} is not in\n{text}", sample.file);
        }
        for item in &receipt.items {
            let first = item.name.split([' ', ',']).next().unwrap_or_default();
            assert!(text.contains(first), "{}: {first} is not in\n{text}", sample.file);
        }
    }
}

/// What the sample becomes, decoded and checked as the consumer does.
fn receipt(sample: &Sample) -> ReceiptSettled {
    let file = folder().join(sample.file);
    let folder = file.parent().expect("a folder");
    let transforms =
        Transforms::open(folder.join("transforms.toml")).unwrap_or_else(|error| panic!("{error}"));
    let body = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let source = Source { key: sample.key, body: &body, ..Default::default() };
    let index = transforms.find(&source, &[Makes::Receipt]);
    let entry = &transforms.entries()[index.unwrap_or_else(|| panic!("no transform for {}", sample.key))];
    let made = entry.apply(&source).unwrap_or_else(|error| panic!("{}: {error}", sample.file));
    let Made::Event(event) = made else { panic!("{}: {made:?}", sample.file) };
    let event: ReceiptSettled =
        events::decode(&event).unwrap_or_else(|error| panic!("{}: {error}", sample.file));
    event.check().unwrap_or_else(|error| panic!("{}: {error}", sample.file));
    event
}

#[test]
fn every_sample_is_tested() {
    let tested: BTreeSet<PathBuf> = SAMPLES.iter().map(|sample| folder().join(sample.file)).collect();
    let folders =
        std::fs::read_dir(folder()).expect("the examples").map(|entry| entry.expect("an entry").path());
    let files =
        folders.filter(|path| path.is_dir()).flat_map(|path| std::fs::read_dir(path).expect("a folder"));
    let files = files.map(|entry| entry.expect("an entry").path());
    let samples: BTreeSet<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    assert_eq!(samples, tested);
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/transforms")
}

/// The numbers of two decimals in a text, in hundredths, however thousands and decimals are written.
fn amounts(text: &str) -> BTreeSet<i64> {
    let signs = |c: char| c.is_ascii_digit() || ".,' \u{a0}\u{202f}’".contains(c);
    let runs = text.lines().flat_map(|line| line.split(move |c| !signs(c)));
    let number = |run: &str| {
        let run = run.trim_matches(|c: char| !c.is_ascii_digit());
        let decimals = run.len().checked_sub(3).and_then(|at| run.get(at..))?;
        decimals.starts_with(['.', ',']).then(|| run.chars().filter(char::is_ascii_digit).collect::<String>())
    };
    runs.filter_map(number).filter_map(|digits| digits.parse().ok()).collect()
}
