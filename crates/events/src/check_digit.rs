//! Check digits of payment references, accounts and articles.

/// The check digit by modulus 10, Luhn's (ISO/IEC 7812-1): KID in Norway, OCR in Sweden and Denmark.
/// `None` where the text is not digits alone.
pub fn mod10(digits: &str) -> Option<char> {
    let sum = weighted(digits, |i, digit| match i % 2 {
        0 => digit * 2 / 10 + digit * 2 % 10,
        _ => digit,
    })?;
    char::from_digit((10 - sum % 10) % 10, 10)
}

/// The check digit by modulus 11 with the weights 2 to 7 from the right, as a KID has it: `-` stands for 10.
/// `None` where the text is not digits alone.
pub fn mod11(digits: &str) -> Option<char> {
    let sum = weighted(digits, |i, digit| digit * (i as u32 % 6 + 2))?;
    match (11 - sum % 11) % 11 {
        10 => Some('-'),
        digit => char::from_digit(digit, 10),
    }
}

/// How a KID gets its check digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KidRule {
    /// [`mod10`].
    Mod10,
    /// [`mod11`].
    Mod11,
}

impl KidRule {
    /// As templates and the tenants' file name it: `mod10` or `mod11`.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "mod10" => Some(Self::Mod10),
            "mod11" => Some(Self::Mod11),
            _ => None,
        }
    }
}

/// The most digits that a KID has, the check digit among them.
pub const KID_LONGEST: usize = 25;

/// A Norwegian payment reference: the digits, filled up with leading zeros to one less than `length`, and the check
/// digit. `None` where the text is not digits alone, all zeros, or too long: were anything left out of it, two
/// vouchers could share a reference.
pub fn kid(rule: KidRule, text: &str, length: Option<usize>) -> Option<String> {
    let digits = format!("{text:0>width$}", width = length.map_or(0, |length| length.saturating_sub(1)));
    let fits = digits.len() < length.unwrap_or(KID_LONGEST).min(KID_LONGEST);
    let check = match rule {
        KidRule::Mod10 => mod10(&digits),
        KidRule::Mod11 => mod11(&digits),
    };
    let check = check.filter(|_| fits && digits.bytes().any(|b| b != b'0'))?;
    Some(format!("{digits}{check}"))
}

/// Letters and digits alone, in capitals, as accounts and identifiers are compared: `NO93 8601 1117 947` becomes
/// `NO9386011117947`.
pub fn compact(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

/// The check digit of an article's number (GS1: EAN-8, EAN-13, GTIN-14).
/// `None` where the text is not digits alone.
pub fn gs1(digits: &str) -> Option<char> {
    let sum = weighted(digits, |i, digit| digit * if i % 2 == 0 { 3 } else { 1 })?;
    char::from_digit((10 - sum % 10) % 10, 10)
}

/// The check digit by modulus 10, recursive: the last of the 27 digits of a Swiss QR reference.
/// `None` where the text is not digits alone.
pub fn mod10_recursive(digits: &str) -> Option<char> {
    const CARRY: [usize; 10] = [0, 9, 4, 6, 8, 2, 7, 1, 3, 5];
    let carry = digits
        .chars()
        .try_fold(0, |carry, c| Some(CARRY[(carry + c.to_digit(10)? as usize) % 10]))
        .filter(|_| !digits.is_empty())?;
    char::from_digit((10 - carry as u32) % 10, 10)
}

/// Whether a text without spaces is an IBAN: a country, two check digits, and up to 30 letters and digits.
pub fn is_iban(text: &str) -> bool {
    (15..=34).contains(&text.len()) && text.bytes().take(2).all(|b| b.is_ascii_uppercase()) && has_mod97(text)
}

/// Whether a text without spaces is a creditor reference (ISO 11649): `RF`, two check digits, and up to
/// 21 letters and digits.
pub fn is_creditor_reference(text: &str) -> bool {
    (5..=25).contains(&text.len()) && text.starts_with("RF") && has_mod97(text)
}

/// ISO/IEC 7064, MOD 97-10, with the first four characters put last and letters as 10 to 35.
fn has_mod97(text: &str) -> bool {
    if !text.is_ascii() || !text.bytes().skip(2).take(2).all(|b| b.is_ascii_digit()) {
        return false;
    }
    let (first, rest) = text.split_at(4);
    let rest = rest.chars().chain(first.chars()).try_fold(0, |rest, c| {
        let value = c.to_digit(36).filter(|_| !c.is_ascii_lowercase())?;
        Some((rest * if value < 10 { 10 } else { 100 } + value) % 97)
    });
    rest == Some(1)
}

/// The sum of the digits, each weighted by its place from the right; `None` where there are none, or others.
fn weighted(digits: &str, weigh: impl Fn(usize, u32) -> u32) -> Option<u32> {
    let weighted = |(i, c): (usize, char)| Some(weigh(i, c.to_digit(10)?));
    digits.chars().rev().enumerate().map(weighted).sum::<Option<u32>>().filter(|_| !digits.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers that the makers of each rule publish as examples.
    #[test]
    fn computes_published_examples() {
        for (rule, digits, expected) in [
            (mod10 as fn(&str) -> Option<char>, "12345678", '2'),
            (mod10, "7992739871", '3'),
            (mod11, "12345678", '5'),
            (mod11, "8601111794", '7'),
            (gs1, "629104150021", '3'),
            (gs1, "7351353", '7'),
            (mod10_recursive, "21000000000313947143000901", '7'),
            (mod10_recursive, "00000000000000000000000000", '0'),
        ] {
            assert_eq!(rule(digits), Some(expected), "{digits}");
            assert_eq!(rule(""), None);
            assert_eq!(rule("12a"), None);
        }
        assert_eq!(mod11("1234567890"), Some('3'));
        assert_eq!(mod11("6"), Some('-'));
    }

    #[test]
    fn refuses_references_of_what_is_not_all_digits() {
        let mod10 = |text: &str, length| kid(KidRule::Mod10, text, length);
        assert_eq!(mod10("1001", None).as_deref(), Some("10017"));
        assert_eq!(mod10("1001", Some(10)).as_deref(), Some("0000010017"));
        assert_eq!(kid(KidRule::Mod11, "6", None).as_deref(), Some("6-"));
        for wrong in ["", "A-1", "1-2", " 1", "٣", "000"] {
            assert_eq!(mod10(wrong, None), None, "{wrong}");
        }
        assert_eq!(mod10("12345", Some(5)), None);
        for (digits, longest) in [(KID_LONGEST - 1, Some(KID_LONGEST)), (KID_LONGEST, None)] {
            let kid = kid(KidRule::Mod10, &"1".repeat(digits), None);
            assert_eq!(kid.map(|kid| kid.len()), longest);
        }
    }

    #[test]
    fn verifies_accounts_and_creditor_references() {
        for iban in
            ["CH9300762011623852957", "CH4431999123000889012", "NO9386011117947", "GB82WEST12345698765432"]
        {
            assert!(is_iban(iban), "{iban}");
        }
        for wrong in [
            "CH9300762011623852958",
            "ch9300762011623852957",
            "CH93 0076 2011 6238 5295 7",
            "CH93",
            "ÆØ93007620116",
        ] {
            assert!(!is_iban(wrong), "{wrong}");
        }
        assert!(is_creditor_reference("RF18539007547034"));
        assert!(!is_creditor_reference("RF18539007547035"));
    }
}
