//! Nothing overlaps and nothing leaves the page, whatever the receipt says.

use events::{Hundredths, Item, Number, ReceiptSettled, Text};
use proptest::prelude::*;

use super::{Mark, Page};
use crate::render::lay_out;
use crate::template::Template;

/// Places are rounded to a hundredth of a point.
const TOLERANCE: f32 = 0.02;

fn sample() -> ReceiptSettled {
    events::decode(include_bytes!("../../../../tests/samples/receipt-standard.json")).expect("the sample")
}

fn pages(template: &str, receipt: &ReceiptSettled) -> Vec<Page> {
    pages_by(Template::builtin(template).expect("a template that comes with the crate"), receipt)
}

fn pages_by(template: &Template, receipt: &ReceiptSettled) -> Vec<Page> {
    lay_out(template, None, None, receipt).expect("pages").pages
}

fn problems(pages: &[Page], margin: f32) -> Vec<String> {
    let mut problems = Vec::new();
    for page in pages {
        for mark in &page.marks {
            let area = mark.area();
            let fits = area.x >= margin - TOLERANCE
                && area.x + area.width <= page.width - margin + TOLERANCE
                && area.y >= 0.0
                && area.y + area.height <= page.height;
            if !fits {
                problems.push(format!("outside: {mark:?}"));
            }
        }
        let mut texts: Vec<&Mark> =
            page.marks.iter().filter(|mark| matches!(mark, Mark::Text { .. })).collect();
        texts.sort_by(|a, b| a.area().y.total_cmp(&b.area().y));
        for (i, upper) in texts.iter().enumerate() {
            let a = upper.area();
            let below = texts[i + 1..].iter().take_while(|lower| lower.area().y < a.y + a.height - TOLERANCE);
            for lower in below {
                let b = lower.area();
                if a.x < b.x + b.width - TOLERANCE && b.x < a.x + a.width - TOLERANCE {
                    problems.push(format!("overlap: {upper:?} and {lower:?}"));
                }
            }
        }
    }
    problems
}

fn item(name: &str, amount: i64) -> Item {
    let mut item = sample().order_receipt.items.remove(0);
    item.name = Text::new(name).expect("a name");
    item.quantity = Hundredths::new(amount);
    (item.unit_price, item.total, item.discount_amount) = (item.quantity, item.quantity, item.quantity);
    item.vat_amount = item.quantity;
    item
}

#[test]
fn repeats_header_and_numbers_pages() {
    let mut receipt = sample();
    receipt.order_receipt.items = (0..1000).map(|i| item(&format!("Festemateriell nr. {i}"), 100)).collect();
    let pages = pages("a4", &receipt);
    assert!(pages.len() > 30, "{}", pages.len());
    let texts = |page: &Page| -> Vec<String> {
        let text = |mark: &Mark| if let Mark::Text { text, .. } = mark { Some(text.clone()) } else { None };
        page.marks.iter().filter_map(text).collect()
    };
    for (i, page) in pages.iter().enumerate() {
        let texts = texts(page);
        let has_lines = texts.iter().any(|text| text.starts_with("Festemateriell"));
        assert_eq!(texts.iter().any(|text| text == "Beskrivelse"), has_lines, "page {i}");
        let number = format!("Side {} av {}", i + 1, pages.len());
        assert!(texts.iter().any(|text| text.ends_with(&number)), "page {i} lacks {number}");
    }
    let with_total = pages.iter().map(texts).find(|texts| texts.iter().any(|text| text == "Totalt NOK"));
    let with_total = with_total.expect("a page with the total");
    assert!(
        with_total.iter().any(|text| text.starts_with("Festemateriell")),
        "a total alone: {with_total:?}"
    );
    assert_eq!(problems(&pages, 51.0), [""; 0]);
}

#[test]
fn roll_is_one_page_up_to_the_pdf_limit() {
    let mut receipt = sample();
    assert_eq!(pages("roll-80mm", &receipt).len(), 1);
    receipt.order_receipt.items = (0..2000).map(|_| item("Spiker", 100)).collect();
    let pages = pages("roll-80mm", &receipt);
    assert!(pages.len() > 1 && pages.iter().all(|page| page.height <= 14_400.0));
    assert_eq!(problems(&pages, 11.3), [""; 0]);
}

#[test]
fn splits_a_row_higher_than_a_page() {
    let mut receipt = sample();
    receipt.order_receipt.items = vec![item(&"lang tekst ".repeat(90), 100)];
    let low = include_str!("../../templates/a4.toml").replace("height = \"297mm\"", "height = \"80mm\"");
    let template = Template::load(&low, "low.toml", &|_| Err(std::io::ErrorKind::NotFound.into()));
    let pages = pages_by(&template.expect("a template"), &receipt);
    assert!(pages.len() > 3, "{}", pages.len());
    assert_eq!(problems(&pages, 51.0), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_overlaps_or_leaves_the_page(
        names in prop::collection::vec("\\PC{1,300}|[a-zæøå]{1,200}|([A-Za-z]{1,14} ){1,30}", 1..30),
        amount in -Hundredths::LIMIT..Hundredths::LIMIT,
        voucher in "[0-9A-Z-]{1,80}",
        person in "\\PC{1,200}",
    ) {
        let mut receipt = sample();
        let order_receipt = &mut receipt.order_receipt;
        order_receipt.items = names.iter().map(|name| item(name, amount)).collect();
        order_receipt.voucher_number = Number::new(voucher).expect("a number");
        order_receipt.order_totals.grand_total = Hundredths::new(amount);
        order_receipt.order_totals.vat = None;
        order_receipt.settlements[0].amount = Hundredths::new(amount);
        let person = Text::new(person);
        order_receipt.order.store.name = person.clone();
        if let Some(customer) = &mut order_receipt.customer {
            customer.display_name = person;
        }
        for (template, margin) in [("a4", 51.0), ("roll-80mm", 11.3)] {
            prop_assert_eq!(problems(&pages(template, &receipt), margin), Vec::<String>::new());
        }
    }
}
