//! What a tenant chooses of the mapping: means of payment, words for customers, keys of properties. All else stays.

use std::path::Path;

use events::{ReceiptSettled, Text};
use invoice::{CustomerTypes, Mapping, PropertyName};
use serde_json::{Value, json};

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/samples/receipt-{name}.json"));
    serde_json::from_slice(&std::fs::read(path).expect("a sample")).expect("JSON")
}

fn mapped(event: &Value, mapping: &Mapping) -> Value {
    let event: ReceiptSettled = events::decode(event.to_string().as_bytes()).expect("a receipt");
    event.check().expect("it adds up");
    serde_json::to_value(invoice::map(&event, mapping)).expect("an invoice becomes JSON")
}

fn text(text: &str) -> Text {
    Text::new(text).expect("a text")
}

#[test]
fn payment_method_is_called_by_the_tenant_else_by_the_till_else_by_its_code() {
    let mut event = sample("standard");
    let code = event["orderReceipt"]["settlements"][0]["code"].as_str().expect("a code").to_owned();
    let of_till = |mappings: Value| {
        let mut event = sample("standard");
        event["orderReceipt"]["settlements"][0]["externalSystemMappings"] = mappings;
        event
    };
    let own = Mapping { payment_methods: [(code.clone(), text("Nets"))].into(), ..Mapping::default() };
    let other =
        Mapping { payment_methods: [("other".to_owned(), text("Nets"))].into(), ..Mapping::default() };
    let omnium = json!([
        { "systemCode": "VISMA", "externalId": "1920" },
        { "systemCode": "OMNIUM", "externalId": "Card", "id": 7 },
    ]);
    for (event, mapping, name) in [
        (event.clone(), &Mapping::default(), &*code),
        (event.clone(), &other, &code),
        (event.clone(), &own, "Nets"),
        (of_till(omnium.clone()), &Mapping::default(), "Card"),
        (of_till(omnium.clone()), &other, "Card"),
        (of_till(omnium), &own, "Nets"),
        (of_till(json!([{ "systemCode": "VISMA", "externalId": "1920" }])), &other, &code),
        (of_till(json!([{ "systemCode": "OMNIUM", "externalId": "" }, {}])), &other, &code),
        (of_till(Value::Null), &other, &code),
    ] {
        let mut expected = mapped(&sample("standard"), &Mapping::default());
        expected["payments"][0]["paymentMethodName"] = json!(name);
        assert_eq!(mapped(&event, mapping), expected, "left is mapped");
    }
    event["orderReceipt"]["settlements"][0]["externalSystemMappings"] = json!([{ "systemCode": 7 }]);
    assert!(events::decode::<ReceiptSettled>(event.to_string().as_bytes()).is_err());
}

#[test]
fn customer_type_has_the_tenants_words() {
    let customer_types = CustomerTypes { business: text("Business"), private: text("Private") };
    let mapping = Mapping { customer_types, ..Mapping::default() };
    for (name, word) in [("b2b", "Business"), ("standard", "Private")] {
        let mut expected = mapped(&sample(name), &Mapping::default());
        expected["customerType"] = json!(word);
        assert_eq!(mapped(&sample(name), &mapping), expected, "left is mapped");
    }
}

#[test]
fn property_has_the_tenants_key_without_the_prefix() {
    let property_keys =
        [(PropertyName::OrderNumber, text("till.order")), (PropertyName::VoucherNumber, text("voucher"))];
    let mapping = Mapping { property_keys: property_keys.into(), ..Mapping::default() };
    let plain = mapped(&sample("standard"), &Mapping::default()).to_string();
    let expected = plain
        .replace("\"flow.order_number\"", "\"till.order\"")
        .replace("\"flow.receipt.voucher_number\"", "\"voucher\"");
    assert_ne!(plain, expected);
    assert_eq!(mapped(&sample("standard"), &mapping).to_string(), expected, "left is mapped");
}
