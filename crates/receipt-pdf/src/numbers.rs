//! Hundredths as a language writes them: `3 836,50`, `1,5`, `25 %`.

use events::currency;

use crate::language::Language;

/// An amount with the decimals of its currency (ISO 4217) in groups of three: 383650 is `3 836,50` in Norwegian. What
/// is less than a currency's least unit is shown all the same: nothing is rounded.
pub(crate) fn money(hundredths: i64, code: &str, language: Language) -> String {
    let mut out = whole_part(hundredths, language);
    let rest = hundredths.unsigned_abs() % 100;
    // A receipt in a currency that there is not is refused; a template may still be tried with one.
    let decimals = currency::decimals(code).unwrap_or(2);
    if decimals > 0 || rest != 0 {
        out.push(language.conventions().decimal);
        push_two_digits(&mut out, rest);
        out.extend((2..decimals).map(|_| '0'));
    }
    out
}

/// As few decimals as the number needs: 100 is `1`, 150 is `1,5`.
pub(crate) fn quantity(hundredths: i64, language: Language) -> String {
    let mut out = whole_part(hundredths, language);
    let decimals = hundredths.unsigned_abs() % 100;
    if decimals != 0 {
        out.push(language.conventions().decimal);
        push_two_digits(&mut out, decimals);
        if decimals.is_multiple_of(10) {
            out.pop();
        }
    }
    out
}

/// A quantity with the language's percent sign: 2500 is `25 %`, in Turkish `%25`.
pub(crate) fn percent(hundredths: i64, language: Language) -> String {
    language.conventions().percent.replace('#', &quantity(hundredths, language))
}

fn whole_part(hundredths: i64, language: Language) -> String {
    let digits = (hundredths.unsigned_abs() / 100).to_string();
    let mut out = String::with_capacity(digits.len() * 2 + 4);
    if hundredths < 0 {
        out.push('-');
    }
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(language.conventions().group);
        }
        out.push(digit);
    }
    out
}

fn push_two_digits(out: &mut String, value: u64) {
    for digit in [value / 10, value % 10] {
        out.extend(char::from_digit(digit as u32, 10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_follows_the_language() {
        let cases = [
            (Language::Nb, 383_650, "3\u{a0}836,50"),
            (Language::Sv, 1_808_100, "18\u{a0}081,00"),
            (Language::Fi, -5, "-0,05"),
            (Language::Da, 383_650, "3.836,50"),
            (Language::Tr, -335_970, "-3.359,70"),
            (Language::En, 10_000_000_000_000, "100,000,000,000.00"),
            (Language::En, 0, "0.00"),
            (Language::En, 99_999, "999.99"),
        ];
        for (language, hundredths, expected) in cases {
            assert_eq!(money(hundredths, "NOK", language), expected);
        }
    }

    #[test]
    fn decimals_follow_the_currency() {
        let cases = [
            ("JPY", 123_400, "1,234"),
            ("ISK", -500, "-5"),
            ("KWD", 1_250, "12.500"),
            // No yen has cents, but what the till says is not hidden.
            ("JPY", 123_456, "1,234.56"),
            ("EUR", 5, "0.05"),
        ];
        for (currency, hundredths, expected) in cases {
            assert_eq!(money(hundredths, currency, Language::En), expected, "{currency}");
        }
    }

    #[test]
    fn quantities_show_only_the_decimals_they_have() {
        let cases =
            [(100, "1"), (150, "1,5"), (125, "1,25"), (-200, "-2"), (5, "0,05"), (100_000, "1\u{a0}000")];
        for (hundredths, expected) in cases {
            assert_eq!(quantity(hundredths, Language::Nb), expected);
        }
    }

    #[test]
    fn percent_sign_follows_the_language() {
        let cases = [(Language::Nb, "25\u{a0}%"), (Language::En, "25%"), (Language::Tr, "%25")];
        for (language, expected) in cases {
            assert_eq!(percent(2500, language), expected);
        }
    }
}
