//! Currencies by ISO 4217: which there are, and their decimals.

use iso_currency::Currency;

/// The decimals of a currency's amounts: 2 for `NOK`, 0 for `JPY`, 3 for `KWD`. `None` where ISO 4217 has no such
/// currency, or none with a least unit, as gold.
pub fn decimals(code: &str) -> Option<u16> {
    Currency::from_code(code)?.exponent()
}

/// The least unit of a currency in hundredths, as far as receipts can say it: 100 for `JPY`, 1 for `NOK` and `KWD`.
pub(crate) fn least_unit(code: &str) -> u64 {
    decimals(code).map_or(1, |decimals| 10_u64.pow(2_u16.saturating_sub(decimals).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_currencies_of_iso_4217() {
        for (code, expected, unit) in [
            ("NOK", Some(2), 1),
            ("SEK", Some(2), 1),
            ("DKK", Some(2), 1),
            ("EUR", Some(2), 1),
            ("TRY", Some(2), 1),
            ("ISK", Some(0), 100),
            ("JPY", Some(0), 100),
            ("KWD", Some(3), 1),
            ("nok", None, 1),
            ("kr", None, 1),
            ("XXY", None, 1),
            ("XAU", None, 1),
            ("", None, 1),
        ] {
            assert_eq!((decimals(code), least_unit(code)), (expected, unit), "{code}");
        }
    }
}
