//! Documents with their e-invoices, by the policy of the tenant.

use consumer_render::{Document, DocumentError, DocumentSettings};
use en16931::Policy;
use events::ReceiptSettled;
use lopdf::{Document as Pdf, Object};
use receipt_pdf::{Look, Template};
use tenants::Tenants;

const FILE: &str = r#"
[default.facts]
legal-name = "Fjällräv Handel AB"
legal-id = "556000-1111"
vat-id = "SE556000111101"
street = "Sveavägen 44"
postal-code = "111 34"
city = "Stockholm"
country = "SE"
iban = "NO9386011117947"
payment-days = 30
"#;

fn render(file: &str, en16931: Policy, event: &ReceiptSettled) -> Result<Document, DocumentError> {
    let facts = Tenants::read(file, "tenants.toml".as_ref()).ok();
    let facts = facts.and_then(|tenants| Some(tenants.find("9")?.facts.clone())).unwrap_or_default();
    let template = Template::builtin("a4").expect("a template that comes with the crate");
    DocumentSettings { look: Look { template, language: None, zone: None }, facts, en16931 }.render(event)
}

fn sample(name: &str) -> ReceiptSettled {
    let path = format!("{}/../../tests/samples/receipt-{name}.json", env!("CARGO_MANIFEST_DIR"));
    events::decode(&std::fs::read(path).expect("the sample")).expect("a receipt")
}

/// The embedded e-invoice.
fn embedded(pdf: &[u8]) -> Option<String> {
    let pdf = Pdf::load_mem(pdf).expect("a PDF");
    let file = pdf.objects.values().find(|object| {
        object.as_stream().is_ok_and(|stream| {
            stream.dict.get(b"Type").and_then(Object::as_name).is_ok_and(|name| name == b"EmbeddedFile")
        })
    })?;
    let content = file.as_stream().and_then(lopdf::Stream::get_plain_content).expect("its content");
    Some(String::from_utf8(content).expect("UTF-8"))
}

#[test]
fn business_customers_get_an_e_invoice_where_possible() {
    let document = render(FILE, Policy::WhenPossible, &sample("b2b")).expect("a document");
    assert_eq!(document.missing, []);
    let xml = embedded(&document.pdf).expect("an e-invoice");
    for said in ["<ram:ID>2002</ram:ID>", "18081.00", "SE556000111101"] {
        assert!(xml.contains(said), "{said} is not in {xml}");
    }
    assert_eq!(embedded(&render(FILE, Policy::Off, &sample("b2b")).expect("a document").pdf), None);
    let consumer = render(FILE, Policy::Required, &sample("standard")).expect("a document");
    assert_eq!((embedded(&consumer.pdf), consumer.missing), (None, Vec::new()));
}

#[test]
fn what_is_missing_is_told_or_refused() {
    let document = render("", Policy::WhenPossible, &sample("b2b")).expect("a document");
    assert_eq!(embedded(&document.pdf), None);
    assert!(!document.missing.is_empty());
    let refused = render("", Policy::Required, &sample("b2b")).expect_err("it lacks the seller's facts");
    let message = refused.to_string();
    assert!(message.contains("BILAG_EN16931 requires one") && message.contains("BT-"), "{message}");
}
