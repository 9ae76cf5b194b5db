//! Who gets an e-invoice.

use en16931::{Policy, decide};

use crate::receipts;

#[test]
fn reads_and_writes_its_names() {
    for (name, policy) in
        [("off", Policy::Off), ("when-possible", Policy::WhenPossible), ("required", Policy::Required)]
    {
        assert_eq!(name.parse(), Ok(policy));
        assert_eq!(policy.to_string(), name);
    }
    let error = "maybe".parse::<Policy>().expect_err("there is none");
    assert_eq!(error.to_string(), "expected off, when-possible or required");
    assert_eq!(Policy::default(), Policy::WhenPossible);
}

#[test]
fn only_business_customers_get_one() {
    let decided = |name, policy| {
        let event = receipts::event(&receipts::completed(receipts::sample(name)));
        decide(policy, &event, None).map(|invoice| invoice.is_some())
    };
    assert_eq!(decided("b2b", Policy::WhenPossible), Ok(true));
    assert_eq!(decided("b2b", Policy::Required), Ok(true));
    assert_eq!(decided("b2b", Policy::Off), Ok(false));
    assert_eq!(decided("return", Policy::Required), Ok(false), "a consumer");
    assert_eq!(decided("payment", Policy::Required), Ok(false), "a payment");
}

#[test]
fn tells_what_is_missing() {
    let event = receipts::event(&receipts::sample("b2b"));
    for policy in [Policy::WhenPossible, Policy::Required] {
        let missing = decide(policy, &event, None).expect_err("the due date is missing");
        assert_eq!(missing.iter().map(|missing| missing.term).collect::<Vec<_>>(), ["BT-9"]);
    }
    assert_eq!(decide(Policy::Off, &event, None), Ok(None));
}
