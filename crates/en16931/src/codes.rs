//! Codes that EN 16931 takes, and identifiers in the form it wants them in.

use events::check_digit::{compact, gs1};
use iso_country::Country;

/// UN/ECE Recommendation 20, revision 17 of 2021, without what it marks as deprecated or deleted, and Recommendation 21,
/// revision 12 of 2021, with an X in front; separated by blanks. As in the code list of EN 16931 (BR-CL-23), `XSX` is in it,
/// though Recommendation 21 marks it as deleted. UNECE publishes the codes free of charge: unece.org/trade/uncefact.
const UNITS: &str = include_str!("units.txt");

/// Whether a unit of quantity is known.
pub(crate) fn is_unit(code: &str) -> bool {
    UNITS.split_ascii_whitespace().any(|unit| unit == code)
}

/// Whether a country is known: ISO 3166-1 alpha-2, in capitals.
pub(crate) fn is_country(code: &str) -> bool {
    code.len() == 2 && code.parse::<Country>().is_ok()
}

/// The text without what XML cannot carry, and blanks put together; `None` where nothing is left.
pub(crate) fn clean(text: &str) -> Option<String> {
    let is_carried = |c: &char| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}');
    let spaced: String =
        text.chars().map(|c| if c.is_whitespace() { ' ' } else { c }).filter(is_carried).collect();
    let words: Vec<_> = spaced.split(' ').filter(|word| !word.is_empty()).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A VAT identifier with its country in front, as BT-31 and BT-48 want it. `country` completes one that is
/// written without, as Norway's `912 345 678 MVA`.
pub(crate) fn vat_id(text: &str, country: Option<&str>) -> Option<String> {
    let id = compact(text);
    let prefix = id.get(..2)?;
    if prefix.bytes().all(|byte| byte.is_ascii_digit()) {
        return norwegian(&format!("{}{id}", vat_prefix(country?)));
    }
    let has_number = id[2..].bytes().filter(u8::is_ascii_digit).count() >= 2 && id.len() <= 18;
    let is_known = is_country(prefix) || matches!(prefix, "EL" | "XI");
    (is_known && has_number).then(|| norwegian(&id)).flatten()
}

/// The same for a number that may be another: it has to begin with the country, or be Norway's with `MVA`.
pub(crate) fn vat_id_by_form(text: &str, country: Option<&str>) -> Option<String> {
    let (id, country) = (compact(text), country?);
    let has_prefix = id.starts_with(vat_prefix(country));
    let is_norwegian = country == "NO" && id.ends_with("MVA");
    if has_prefix || is_norwegian { vat_id(text, Some(country)) } else { None }
}

/// What the VAT identifiers of a country begin with.
fn vat_prefix(country: &str) -> &str {
    if country == "GR" { "EL" } else { country }
}

/// Norway's end with `MVA`, which a typed one may lack.
fn norwegian(id: &str) -> Option<String> {
    match id.strip_prefix("NO") {
        Some(number) if number.len() == 9 => Some(format!("{id}MVA")),
        _ => Some(id.to_owned()),
    }
}

/// A number in a register of companies, and the register's code by ISO 6523 where number and country show it.
pub(crate) fn legal_id(text: &str, country: Option<&str>) -> Option<(String, Option<&'static str>)> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_number_alone = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-' | '.'));
    let register = match (country?, digits.len()) {
        ("NO", 9) => "0192",
        ("SE", 10) => "0007",
        ("DK", 8) => "0184",
        ("FI", 8) => "0212",
        _ => return Some((clean(text)?, None)),
    };
    match is_number_alone {
        true if register == "0212" => Some((format!("{}-{}", &digits[..7], &digits[7..]), Some(register))),
        true => Some((digits, Some(register))),
        false => Some((clean(text)?, None)),
    }
}

/// A number of GS1 that is on articles: 8, 12, 13 or 14 digits with the right check digit.
pub(crate) fn gtin(text: &str) -> Option<String> {
    let id = compact(text);
    if !matches!(id.len(), 8 | 12 | 13 | 14) || !id.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (digits, check) = id.split_at(id.len() - 1);
    gs1(digits).is_some_and(|right| check.starts_with(right)).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn completes_vat_identifiers() {
        for (text, country, expected) in [
            ("NO 912 345 678 MVA", Some("NO"), Some("NO912345678MVA")),
            ("912 345 678 MVA", Some("NO"), Some("NO912345678MVA")),
            ("NO912345678", None, Some("NO912345678MVA")),
            ("12345678", Some("DK"), Some("DK12345678")),
            ("094259216", Some("GR"), Some("EL094259216")),
            ("SE556000111101", Some("SE"), Some("SE556000111101")),
            ("ATU12345678", Some("DE"), Some("ATU12345678")),
            ("12345678", None, None),
            ("Org.nr. 912 345 678", Some("NO"), None),
            ("Foretaksregisteret NO 912 345 678 MVA", Some("NO"), None),
            ("", Some("NO"), None),
        ] {
            assert_eq!(vat_id(text, country).as_deref(), expected, "{text}");
        }
        assert_eq!(vat_id_by_form("556000-1111", Some("SE")), None);
        assert_eq!(vat_id_by_form("912345678", Some("NO")), None);
        assert_eq!(vat_id_by_form("912345678MVA", Some("NO")).as_deref(), Some("NO912345678MVA"));
    }

    #[test]
    fn recognises_registers_of_companies() {
        let of = |text, country| legal_id(text, Some(country)).expect("a text");
        assert_eq!(of("912 345 678", "NO"), ("912345678".to_owned(), Some("0192")));
        assert_eq!(of("556000-1111", "SE"), ("5560001111".to_owned(), Some("0007")));
        assert_eq!(of("1234567-8", "FI"), ("1234567-8".to_owned(), Some("0212")));
        assert_eq!(of("HRB 12345", "DE"), ("HRB 12345".to_owned(), None));
    }

    #[test]
    fn keeps_what_xml_can_carry() {
        assert_eq!(clean(" a\u{1}b\u{ffff}\r\n\tc ").as_deref(), Some("ab c"));
        assert_eq!(clean(" \u{b}\u{0} "), None);
    }

    #[test]
    fn knows_units_and_countries() {
        assert!(["C62", "KGM", "H87", "XBX"].into_iter().all(is_unit));
        assert!(["", " ", "PCS", "kg", "c62"].into_iter().all(|code| !is_unit(code)));
        assert!(
            is_country("NO")
                && !is_country("no")
                && !is_country("NOR")
                && !is_country("ZZ")
                && !is_country("")
        );
    }

    #[test]
    fn refuses_wrong_check_digits() {
        assert_eq!(gtin("7044610873466").as_deref(), Some("7044610873466"));
        assert_eq!(gtin("7044610873467"), None);
        assert_eq!(gtin("123"), None);
    }
}
