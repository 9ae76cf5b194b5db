//! What a tenant's facts add to its receipts.

use std::path::Path;

use events::ReceiptSettled;
use tenants::Tenants;

const FILE: &str = r#"
[tenant.9]
en16931 = "required"

[tenant.9.facts]
legal-name = "Fjällräv Handel AB"
legal-id = "556000-1111"
vat-id = "SE556000111101"
street = "Storgatan 1"
city = "Stockholm"
iban = "NO93 8601 1117 947"
account = "8601.11.17947"
payment-days = 30
kid = "mod10"

[tenant.9.facts.store.12]
till = "K-3"
control-unit = "CU-881"
vat-id = "SE556000111199"
"#;

fn receipt() -> ReceiptSettled {
    let bytes = include_bytes!("../../../tests/samples/receipt-b2b.json");
    events::decode(bytes).expect("the sample")
}

fn completed(mut event: ReceiptSettled) -> ReceiptSettled {
    let tenants = Tenants::read(FILE, Path::new("/etc/bilag/tenants.toml")).expect("a valid file");
    let tenant = tenants.find("9").expect("the tenant");
    tenant.facts.complete(&mut event, None);
    event
}

#[test]
fn adds_what_the_receipt_does_not_say() {
    let receipt = completed(receipt()).order_receipt;
    let issuer = receipt.issuer.expect("an issuer");
    assert_eq!(issuer.legal_name.as_deref(), Some("Fjällräv Handel AB"));
    // The store's own before the tenant's.
    assert_eq!(issuer.vat_id.as_deref(), Some("SE556000111199"));
    assert_eq!(issuer.address.expect("an address").city.as_deref(), Some("Stockholm"));
    let till = receipt.till.expect("a till");
    assert_eq!((till.number.as_deref(), till.control_unit.as_deref()), (Some("K-3"), Some("CU-881")));
    let account = receipt.payment_account.expect("an account");
    assert_eq!(account.iban.as_deref(), Some("NO9386011117947"));
    // 2002, and Luhn's digit.
    assert_eq!(account.reference.as_deref(), Some("20024"));
    assert_eq!(receipt.due_date.expect("a due date").to_string(), "2026-12-02");
}

/// Parts of two addresses make none, and the IBAN of one account with the BIC of another pays nobody.
#[test]
fn address_and_account_are_a_stores_or_a_tenants() {
    let file = format!("{FILE}street = \"Hamngatan 3\"\niban = \"SE4550000000058398257466\"\n");
    let file = file.replace("city = \"Stockholm\"", "city = \"Stockholm\"\nbic = \"DNBANOKK\"");
    let tenants = Tenants::read(&file, Path::new("/etc/bilag/tenants.toml")).expect("a valid file");
    let mut event = receipt();
    tenants.find("9").expect("the tenant").facts.complete(&mut event, None);
    let receipt = event.order_receipt;
    let address = receipt.issuer.and_then(|issuer| issuer.address).expect("an address");
    assert_eq!((address.address.as_deref(), address.city), (Some("Hamngatan 3"), None));
    let account = receipt.payment_account.expect("an account");
    assert_eq!(account.iban.as_deref(), Some("SE4550000000058398257466"));
    assert_eq!((account.bic, account.account), (None, None));
}

#[test]
fn makes_a_reference_of_digits_alone() {
    for (voucher, reference) in [("1001", Some("10017")), ("A-1", None), ("B-1", None), ("0", None)] {
        let mut event = receipt();
        event.order_receipt.voucher_number = events::Number::new(voucher).expect("a number");
        let account = completed(event).order_receipt.payment_account.expect("an account");
        assert_eq!(account.reference.as_deref(), reference, "{voucher}");
    }
}

#[test]
fn leaves_what_the_receipt_says() {
    let said = completed(receipt());
    let mut event = said.clone();
    let account = event.order_receipt.payment_account.as_mut().expect("an account");
    account.reference = events::Number::new("42");
    account.iban = None;
    event.order_receipt.due_date = events::Date::parse("2027-01-01");
    assert_eq!(completed(event.clone()), event);
    assert_ne!(event, said);
}

#[test]
fn gives_an_account_to_invoices_alone() {
    let mut event = receipt();
    event.order_receipt.settlements[0].kind_code = events::Number::new("CARD").expect("a kind");
    let receipt = completed(event).order_receipt;
    assert_eq!((receipt.payment_account, receipt.due_date), (None, None));
}

#[test]
fn leaves_the_receipts_of_other_stores_alone() {
    let mut event = receipt();
    event.order_receipt.order.store.uid = events::Uid::new("13").expect("a uid");
    let receipt = completed(event).order_receipt;
    assert_eq!(receipt.till, None);
    assert_eq!(receipt.issuer.expect("an issuer").vat_id.as_deref(), Some("SE556000111101"));
}

#[test]
fn reports_mistakes_by_line() {
    let source = "[tenant.9.facts]\niban = \"NO9386011117948\"\nkid = \"mod9\"\npayment-days = -1\nlegalname = \"x\"\n\
        [tenant.9.facts.store.12]\ncity = \"\"\n";
    let error = Tenants::read(source, Path::new("t.toml")).expect_err("mistakes").to_string();
    for said in [
        "t.toml:2: `iban` of the facts is an IBAN whose check digits are right",
        "t.toml:3: `kid` of the facts is \"mod10\" or \"mod11\"",
        "t.toml:4: `payment-days` of the facts is a whole number from 0 to 365",
        "t.toml:5: unknown key `legalname`",
        "t.toml:7: `city` of store 12 is a text in quotes, not empty",
    ] {
        assert!(error.contains(said), "{said}\n{error}");
    }
}
