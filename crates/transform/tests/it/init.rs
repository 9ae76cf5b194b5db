//! Transforms proposed from samples: what is found in the vendors' events and in shapes of other languages, how sure it is,
//! and that what is proposed runs on its samples.

use std::path::{Path, PathBuf};

use transform::init::{Certainty, NoProposal, Proposal, Sample, propose};
use transform::{Made, Source};

use crate::support::read;

/// Samples of one kind of event, the members that must be found, and what their receipts must come to.
struct Shape {
    samples: &'static [&'static str],
    /// The target, the member that its jq is made of, and whether amounts or the values' form prove it.
    found: &'static [(&'static str, &'static str, Certainty)],
    /// What is not found.
    missing: &'static [&'static str],
    receipts: &'static [Receipt],
}

/// Of each line: quantity, unit price, total, VAT rate, VAT.
struct Receipt {
    items: &'static [[i64; 5]],
    total: i64,
    vat: i64,
    paid: &'static [i64],
}

use Certainty::{AddsUp, Check, Form};

const TOTAL: &str = "orderReceipt.orderTotals.grandTotal";
const VAT: &str = "orderReceipt.orderTotals.vatTotal";
const UID: &str = "orderReceipt.uid";
const VOUCHER: &str = "orderReceipt.voucherNumber";
const CREATED: &str = "orderReceipt.createdAt";
const SETTLED: &str = "orderReceipt.settledAt";
const CURRENCY: &str = "tenant.country.currency";
const STORE: &str = "orderReceipt.order.store.uid";
const SKU: &str = "orderReceipt.items.sku";
const NAME: &str = "orderReceipt.items.name";
const PAID: &str = "orderReceipt.settlements.amount";
const MEANS: &str = "orderReceipt.settlements.code";
const UNITS: &str = "amounts";

const SHOPIFY: Shape = Shape {
    samples: &["shopify/order.json"],
    found: &[
        (TOTAL, ".total_price", AddsUp),
        (VAT, ".total_tax", AddsUp),
        (UID, ".id", Check),
        (VOUCHER, ".order_number", Check),
        (CREATED, ".created_at", Form),
        (SETTLED, ".processed_at", Form),
        (CURRENCY, ".currency", Form),
        (SKU, ".sku", Check),
        (NAME, ".name", Check),
        (MEANS, ".payment_gateway_names[0]", Check),
        ("orderReceipt.items.vatRate", "$rate", AddsUp),
        ("orderReceipt.items.discountAmount", "$total", Check),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[
            [100, 89900, 80910, 2500, 16182],
            [300, 4950, 13365, 2500, 2673],
            [200, 8900, 16020, 1500, 2090],
            [100, 7900, 7900, 2500, 1580],
        ],
        total: 118195,
        vat: 22525,
        paid: &[118195],
    }],
};

const WOOCOMMERCE: Shape = Shape {
    samples: &["woocommerce/order.json"],
    found: &[
        (TOTAL, ".total", AddsUp),
        (VAT, ".total_tax", AddsUp),
        (VOUCHER, ".number", Check),
        (CREATED, ".date_created_gmt", Form),
        (SETTLED, ".date_paid_gmt", Form),
        (CURRENCY, ".currency", Form),
        (NAME, ".name", Check),
        (MEANS, ".payment_method_title", Check),
    ],
    missing: &[],
    // The price is after the discount; the list price stands nowhere.
    receipts: &[Receipt {
        items: &[
            [100, 134910, 134910, 2500, 26982],
            [300, 8910, 26730, 2500, 5346],
            [400, 2250, 9000, 1500, 1174],
            [100, 3900, 3900, 2500, 780],
            [100, 8900, 8900, 2500, 1780],
        ],
        total: 183440,
        vat: 36062,
        paid: &[183440],
    }],
};

const SQUARE: Shape = Shape {
    samples: &["square/order.json"],
    found: &[
        (UNITS, "12.5", AddsUp),
        (TOTAL, ".order.total_money.amount", AddsUp),
        (VAT, ".order.total_tax_money.amount", AddsUp),
        (UID, ".order.id", Check),
        (CREATED, ".order.created_at", Form),
        (SETTLED, ".order.closed_at", Form),
        (CURRENCY, ".order.total_money.currency", Form),
        (STORE, ".order.location_id", Check),
        (SKU, ".catalog_object_id", Check),
        (PAID, ".amount_money.amount", AddsUp),
        (MEANS, ".type", Check),
        ("orderReceipt.items.unitPrice", "$unit", AddsUp),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[[100, 8900, 8010, 2100, 1390], [74, 2400, 1588, 1000, 144]],
        total: 9598,
        vat: 1534,
        paid: &[5000, 4598],
    }],
};

const LIGHTSPEED: Shape = Shape {
    samples: &["lightspeed/sale.json", "lightspeed/return.json"],
    found: &[
        (TOTAL, ".total_price + .total_tax", AddsUp),
        (VAT, ".total_tax", AddsUp),
        (UID, ".id", Check),
        (VOUCHER, ".invoice_number", Check),
        (SETTLED, ".sale_date", Check),
        (SKU, ".product_id", Check),
        (PAID, ".amount", AddsUp),
        (MEANS, ".name", Check),
        ("orderReceipt.order.type", "RETURN", Form),
    ],
    missing: &[CURRENCY],
    receipts: &[
        Receipt {
            items: &[
                [100, 39900, 39900, 2500, 7980],
                [200, 8910, 17820, 2500, 3564],
                [100, 24900, 24900, 0, 0],
            ],
            total: 82620,
            vat: 11544,
            paid: &[62620, 20000],
        },
        Receipt { items: &[[-100, 8910, -8910, 2500, -1782]], total: -8910, vat: -1782, paid: &[-8910] },
    ],
};

const ODOO: Shape = Shape {
    samples: &["odoo/order.json", "odoo/refund.json"],
    found: &[
        (TOTAL, ".amount_total", AddsUp),
        (VAT, ".amount_tax", AddsUp),
        (UID, ".uuid", Check),
        (CREATED, ".date_order", Check),
        (CURRENCY, ".currency_id[1]", Form),
        (NAME, ".full_product_name", Check),
        (PAID, ".amount", AddsUp),
        (MEANS, ".payment_method_id[1]", Check),
        ("orderReceipt.items.discountAmount", "$total", Check),
        ("orderReceipt.items.unitPrice", "$unit", AddsUp),
    ],
    missing: &[],
    receipts: &[
        Receipt {
            items: &[[200, 19900, 29850, 2500, 5970], [125, 11000, 13750, 1500, 1794]],
            total: 43600,
            vat: 7764,
            paid: &[20000, 30000, -6400],
        },
        Receipt { items: &[[-100, 19900, -14925, 2500, -2985]], total: -14925, vat: -2985, paid: &[-14925] },
    ],
};

/// Norwegian, in øre, with change.
const BUTIKKDATA: Shape = Shape {
    samples: &["butikkdata.json"],
    found: &[
        (UNITS, "12.5", AddsUp),
        (TOTAL, ".sum", AddsUp),
        (VAT, ".mva", AddsUp),
        (UID, ".guid", Check),
        (VOUCHER, ".bilagsnummer", Check),
        (CREATED, ".tidspunkt", Check),
        (CURRENCY, ".valuta", Form),
        (STORE, ".butikk.nummer", Check),
        (SKU, ".varenummer", Check),
        (NAME, ".varetekst", Check),
        (MEANS, ".betalingsmiddel", Check),
        (PAID, ".belop", AddsUp),
        (PAID, ".vekslepenger", AddsUp),
        ("orderReceipt.items.vatRate", "$rate", AddsUp),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[
            [100, 39900, 35910, 2500, 7182],
            [400, 8990, 35960, 2500, 7192],
            [200, 3990, 7980, 1500, 1041],
        ],
        total: 79850,
        vat: 15415,
        paid: &[80000, -150],
    }],
};

/// Swedish, prices without VAT, with a return.
const KASSASYSTEM: Shape = Shape {
    samples: &["kassasystem.json", "kassasystem-retur.json"],
    found: &[
        (TOTAL, ".kvitto.attBetala", AddsUp),
        (VAT, ".kvitto.momsTotalt", AddsUp),
        (UID, ".kvitto.kvittoId", Check),
        (VOUCHER, ".kvitto.kvittonummer", Check),
        (CREATED, ".kvitto.skapad", Form),
        (SETTLED, ".kvitto.avslutad", Form),
        (CURRENCY, ".kvitto.valutakod", Form),
        (STORE, ".kvitto.butiksnummer", Check),
        (SKU, ".artikelnummer", Check),
        (NAME, ".\"benämning\"", Check),
        (MEANS, ".\"betalsätt\"", Check),
        (PAID, ".belopp", AddsUp),
        ("orderReceipt.items.unitPrice", "$unit", AddsUp),
    ],
    missing: &[],
    receipts: &[
        Receipt {
            items: &[[200, 19900, 39800, 2500, 7960], [500, 3990, 19950, 2500, 3990]],
            total: 59750,
            vat: 11950,
            paid: &[40000, 19750],
        },
        Receipt { items: &[[-100, 19900, -19900, 2500, -3980]], total: -19900, vat: -3980, paid: &[-19900] },
    ],
};

/// German, with decimal commas, a rate but no VAT on the lines, and a weight.
const BONJOURNAL: Shape = Shape {
    samples: &["bonjournal.json"],
    found: &[
        (TOTAL, ".Gesamtbetrag", AddsUp),
        (VAT, ".MwStBetrag", AddsUp),
        (VOUCHER, ".Belegnummer", Check),
        (CREATED, ".Zeitpunkt", Check),
        (CURRENCY, ".\"Währung\"", Form),
        (STORE, ".Filiale", Check),
        (SKU, ".Artikelnummer", Check),
        (NAME, ".Bezeichnung", Check),
        (MEANS, ".Zahlart", Check),
        (PAID, ".Betrag", AddsUp),
        ("orderReceipt.items.vatRate", "$rate", AddsUp),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[[200, 1890, 3402, 700, 223], [300, 950, 2850, 1900, 455], [45, 2190, 986, 700, 65]],
        total: 7238,
        vat: 742,
        paid: &[7238],
    }],
};

/// Danish, with one VAT total, and seconds since 1970.
const KASSEBON: Shape = Shape {
    samples: &["kassebon.json"],
    found: &[
        (TOTAL, ".bon.ialt", AddsUp),
        (VAT, ".bon.heraf_moms", Check),
        (VOUCHER, ".bon.bonnr", Check),
        (CREATED, ".bon.tid", Check),
        (SKU, ".vare_nr", Check),
        (NAME, ".tekst", Check),
        (PAID, ".beloeb", AddsUp),
        ("orderReceipt.items.vatRate", "$rate", Check),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[[100, 29995, 29995, 2500, 5999], [300, 4900, 14700, 2500, 2940]],
        total: 44695,
        vat: 8939,
        paid: &[44695],
    }],
};

/// Names that say nothing: only the sums do.
const TERSE: Shape = Shape {
    samples: &["terse.json"],
    found: &[
        (TOTAL, ".g", AddsUp),
        (VAT, ".mt", AddsUp),
        (CURRENCY, ".c", Check),
        (CREATED, ".w", Check),
        (PAID, ".v", AddsUp),
        ("orderReceipt.items.quantity", "$quantity", AddsUp),
        ("orderReceipt.items.unitPrice", "$unit", AddsUp),
    ],
    missing: &[UID, VOUCHER, "orderReceipt.order.uid", "orderReceipt.order.orderNumber", SKU, NAME],
    receipts: &[Receipt {
        items: &[[300, 850, 2550, 2500, 510], [200, 2995, 5990, 2500, 1198]],
        total: 8540,
        vat: 1708,
        paid: &[8540],
    }],
};

/// Money as objects, in MassTransit's envelope.
const MASSTRANSIT: Shape = Shape {
    samples: &["masstransit.json"],
    found: &[
        (TOTAL, ".totals.gross.amount", AddsUp),
        (VAT, ".totals.vat", AddsUp),
        (UID, ".receiptId", Check),
        (VOUCHER, ".receiptNumber", Check),
        (SETTLED, ".completedAt", Form),
        (CURRENCY, ".totals.gross.currency", Form),
        (STORE, ".storeId", Check),
        (SKU, ".productCode", Check),
        (NAME, ".description", Check),
        (MEANS, ".tenderType", Check),
        (PAID, ".amount.amount", AddsUp),
        ("orderReceipt.items.vatRate", "$rate", AddsUp),
        ("orderReceipt.items.discountAmount", "$total", Check),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[[100, 349900, 314910, 2500, 62982], [200, 12990, 25980, 2500, 5196]],
        total: 340890,
        vat: 68178,
        paid: &[50000, 290890],
    }],
};

/// Quantities and rates with two implied decimals, as Flow writes them.
const HUNDREDTHS: Shape = Shape {
    samples: &["hundredths.json"],
    found: &[
        (UNITS, "12.5", AddsUp),
        (TOTAL, ".receipt.totalInclVat", AddsUp),
        (VAT, ".receipt.totalVat", AddsUp),
        (UID, ".receipt.uid", Check),
        (VOUCHER, ".receipt.number", Check),
        (CREATED, ".receipt.openedAt", Form),
        (SETTLED, ".receipt.closedAt", Form),
        (PAID, ".amount", AddsUp),
        ("orderReceipt.items.vatRate", "$rate", AddsUp),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[[200, 19900, 37800, 2500, 7560], [100, 24950, 24950, 2500, 4990]],
        total: 62750,
        vat: 12550,
        paid: &[62750],
    }],
};

/// What is paid in cash is rounded, and change is given.
const CASH_ROUNDING: Shape = Shape {
    samples: &["cash-rounding.json"],
    found: &[
        (TOTAL, ".to_pay", AddsUp),
        (VAT, ".vat", AddsUp),
        (VOUCHER, ".receipt", Check),
        (PAID, ".paid", AddsUp),
        (PAID, ".change", AddsUp),
    ],
    missing: &[],
    receipts: &[Receipt {
        items: &[[73, 2990, 2195, 1500, 286], [100, 450, 450, 2500, 90]],
        total: 2600,
        vat: 376,
        paid: &[5000, -2400],
    }],
};

const SHAPES: [&Shape; 13] = [
    &SHOPIFY,
    &WOOCOMMERCE,
    &SQUARE,
    &LIGHTSPEED,
    &ODOO,
    &BUTIKKDATA,
    &KASSASYSTEM,
    &BONJOURNAL,
    &KASSEBON,
    &TERSE,
    &MASSTRANSIT,
    &HUNDREDTHS,
    &CASH_ROUNDING,
];

#[test]
fn finds_members_and_says_how_sure_it_is() {
    for shape in SHAPES {
        let proposal = proposal(shape.samples);
        let told: Vec<String> = proposal.findings.iter().map(|finding| format!("{finding:?}")).collect();
        for (target, part, certainty) in shape.found {
            let found = proposal.findings.iter().any(|finding| {
                let source = finding.source.as_deref().unwrap_or_default();
                finding.target == *target && contains(source, part) && finding.certainty == *certainty
            });
            assert!(
                found,
                "{:?}: {target} of {part}, {certainty:?}, is not in\n{}",
                shape.samples,
                told.join("\n")
            );
        }
        let missing = proposal.findings.iter().filter(|finding| finding.certainty == Certainty::Missing);
        let missing: Vec<&str> = missing.map(|finding| finding.target).collect();
        let mut expected = shape.missing.to_vec();
        expected.sort_by_key(|target| missing.iter().position(|found| found == target));
        assert_eq!(missing, expected, "{:?}", shape.samples);
    }
}

/// Whether the jq has the member, and not one whose name begins so.
fn contains(source: &str, member: &str) -> bool {
    source.match_indices(member).any(|(at, _)| {
        let next = source[at + member.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

#[test]
fn proposals_make_receipts_that_add_up() {
    for shape in SHAPES {
        let proposal = proposal(shape.samples);
        for (name, expected) in shape.samples.iter().zip(shape.receipts) {
            let made = run(&proposal, name);
            let receipt = &made["orderReceipt"];
            let number =
                |value: &serde_json::Value| value.as_i64().unwrap_or_else(|| panic!("{name}: {value}"));
            let members = ["quantity", "unitPrice", "total", "vatRate", "vatAmount"];
            let items: Vec<[i64; 5]> =
                array(&receipt["items"]).map(|item| members.map(|member| number(&item[member]))).collect();
            assert_eq!(items, expected.items, "{name}");
            let totals = &receipt["orderTotals"];
            assert_eq!(
                [number(&totals["grandTotal"]), number(&totals["vatTotal"])],
                [expected.total, expected.vat]
            );
            let paid: Vec<i64> = array(&receipt["settlements"]).map(|paid| number(&paid["amount"])).collect();
            assert_eq!(paid, expected.paid, "{name}");
        }
    }
}

#[test]
fn proposals_pass_the_check_once_what_is_missing_is_written() {
    for shape in SHAPES {
        let mut proposal = proposal(shape.samples);
        for target in shape.missing {
            let key = target.rsplit('.').next().expect("a name");
            let (missing, written) = (
                format!("{key}: null"),
                format!("{key}: \"{}\"", if key == "currency" { "NOK" } else { "1" }),
            );
            assert!(proposal.text.contains(&missing), "{missing} is not in\n{}", proposal.text);
            proposal.text = proposal.text.replacen(&missing, &written, 1);
        }
        for name in shape.samples {
            proposal.try_on(&sample(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn trial_says_what_is_wrong_with_a_sample() {
    let tried = proposal(TERSE.samples).try_on(&sample("terse.json")).expect_err("the proposal has no uid");
    assert!(tried.contains("orderReceipt.uid"), "{tried}");
}

#[test]
fn comments_say_what_is_a_guess_and_what_is_not_found() {
    let text = proposal(LIGHTSPEED.samples).text;
    for line in [
        "    country: { currency: null } # NOT FOUND: the currency, as in \"NOK\"",
        "    voucherNumber: .invoice_number, # CHECK: by name only",
        "      grandTotal: (.total_price + .total_tax | hundredths), # adds up: the sum of .register_sale_products[], and of the settlements",
        "    settledAt: (.sale_date | timestamp(\"UTC\")), # CHECK: the time has no offset: set its zone, as in \"Europe/Oslo\"",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
}

#[test]
fn same_samples_give_the_same_proposal() {
    let first = proposal(ODOO.samples);
    let again = proposal(ODOO.samples);
    assert_eq!(first.text, again.text);
    assert_eq!(first.findings, again.findings);
}

#[test]
fn discount_on_no_line_is_named_and_left_to_a_person() {
    let proposal = proposal(&["discount-on-the-whole.json"]);
    let total = proposal.findings.iter().find(|finding| finding.target == TOTAL).expect("a total");
    assert_eq!(total.certainty, Check);
    assert!(total.source.as_deref().is_some_and(|source| contains(source, ".total_due")), "{total:?}");
    assert!(total.why.contains(".order_discount"), "{total:?}");
}

#[test]
fn whole_numbers_that_nothing_tells_apart_are_to_be_checked() {
    let proposal = proposal(&["whole-kronor.json"]);
    let units = proposal.findings.iter().find(|finding| finding.target == UNITS).expect("units");
    assert_eq!(units.certainty, Check);
    assert!(proposal.text.contains("# Amounts: CHECK: "), "{}", proposal.text);
    assert!(proposal.text.contains("unwrap = [\"batch\"]"), "{}", proposal.text);
}

#[test]
fn samples_without_lines_or_of_several_kinds_are_refused() {
    let error =
        |samples: &[&str]| propose(&samples.iter().map(|name| sample(name)).collect::<Vec<_>>()).map(|_| ());
    assert_eq!(error(&[]), Err(NoProposal::NoSamples));
    let without = error(&["no-lines.json"]).expect_err("no lines").to_string();
    assert!(without.starts_with("no lines: "), "{without}");
    assert!(without.contains("arrays in no-lines.json: .links[]"), "{without}");
    let kinds = error(&["odoo/order.json", "shopify/order.json"]).expect_err("two kinds").to_string();
    assert!(kinds.contains("all of one kind"), "{kinds}");
    let envelopes = error(&["masstransit.json", "terse.json"]).expect_err("two envelopes").to_string();
    assert!(envelopes.contains("another envelope than masstransit.json"), "{envelopes}");
    let text = Sample { name: "text.json".to_owned(), message: serde_json::Value::from(12) };
    assert_eq!(propose(&[text]).map(|_| ()), Err(NoProposal::NotAnObject("text.json".to_owned())));
}

/// What the proposal makes of a sample.
fn run(proposal: &Proposal, name: &str) -> serde_json::Value {
    let transforms =
        read(&proposal.text).unwrap_or_else(|error| panic!("{name}: {error}\n{}", proposal.text));
    let body = std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let made = transforms.entries()[0].apply(&Source { body: &body, ..Source::default() });
    match made.unwrap_or_else(|error| panic!("{name}: {error}\n{}", proposal.text)) {
        Made::Event(event) => serde_json::from_slice(&event).expect("an event is JSON"),
        other => panic!("{name}: {other:?}"),
    }
}

fn array(value: &serde_json::Value) -> impl Iterator<Item = &serde_json::Value> {
    value.as_array().into_iter().flatten()
}

fn proposal(samples: &[&str]) -> Proposal {
    let samples: Vec<Sample> = samples.iter().map(|name| sample(name)).collect();
    propose(&samples).unwrap_or_else(|error| panic!("{error}"))
}

fn sample(name: &str) -> Sample {
    let text = std::fs::read(path(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Sample { name: name.to_owned(), message: serde_json::from_slice(&text).expect("a sample is JSON") }
}

/// A sample of this test, or of a vendor.
fn path(name: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    if name.contains('/') {
        here.join("../../examples/transforms").join(name)
    } else {
        here.join("tests/init").join(name)
    }
}
