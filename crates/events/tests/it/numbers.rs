//! Amounts: hundredths come in, the same decimals go out and come back.

use events::{Amount, Hundredths};
use proptest::prelude::*;
use rust_decimal::Decimal;

fn amount(text: &str) -> Amount {
    Amount(text.parse().expect("a decimal"))
}

#[test]
fn writes_amounts_with_their_own_digits() {
    for (decimal, json) in [
        ("0", "0"),
        ("-0.00", "0"),
        ("25.00", "25"),
        ("-1.50", "-1.5"),
        ("3836.50", "3836.5"),
        ("0.01", "0.01"),
        ("0.1", "0.1"),
        ("100000000000.00", "100000000000"),
        ("99999999999.99", "99999999999.99"),
        ("-199999999999.99", "-199999999999.99"),
        ("9223372036854775807", "9223372036854775807"),
    ] {
        assert_eq!(serde_json::to_string(&amount(decimal)).expect("an amount"), json);
        let read: Amount = events::decode_as(json.as_bytes()).expect("a number");
        assert_eq!(read, amount(decimal));
    }
}

#[test]
fn refuses_amounts_a_json_number_would_change() {
    for decimal in ["99999999999999999.99", "0.1234567890123456789", "79228162514264337593543950335"] {
        assert!(serde_json::to_string(&amount(decimal)).is_err(), "{decimal}");
    }
}

#[test]
fn reads_hundredths_up_to_the_limit() {
    let read = |text: &str| events::decode_as::<Hundredths>(text.as_bytes());
    assert_eq!(read("10000000000000").map(Hundredths::get), Ok(Hundredths::LIMIT));
    assert_eq!(read("-10000000000000").map(Hundredths::get), Ok(-Hundredths::LIMIT));
    for refused in ["10000000000001", "-10000000000001", "18446744073709551615", "-9223372036854775808"] {
        assert!(read(refused).is_err(), "{refused}");
    }
    for (hundredths, shown) in [(0, "0.00"), (-150, "-1.50"), (5, "0.05"), (250_000, "2500.00")] {
        assert_eq!(Hundredths::new(hundredths).to_string(), shown);
    }
}

#[test]
fn sums_saturate() {
    let (most, least) = (Hundredths::new(i64::MAX), Hundredths::new(i64::MIN));
    assert_eq!([most, most].into_iter().sum::<Hundredths>(), most);
    assert_eq!(least - most, least);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(5_000) })]

    /// Twice the limit: an amount may be the difference of two.
    #[test]
    fn amounts_read_back_as_the_same_decimal(hundredths in -2 * Hundredths::LIMIT..=2 * Hundredths::LIMIT) {
        let amount = Amount(Decimal::new(hundredths, 2));
        let json = serde_json::to_string(&amount).expect("an amount");
        prop_assert_eq!(json.parse::<Decimal>().expect("plain digits"), amount.0);
        prop_assert_eq!(events::decode_as::<Amount>(json.as_bytes()), Ok(amount));
        prop_assert_eq!(serde_json::from_str::<Amount>(&json).expect("a number"), amount);
    }
}
