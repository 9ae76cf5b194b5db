//! The payload of a Swiss QR code: SIX's implementation guidelines for the QR-bill, version 2.3.

use events::check_digit::{is_creditor_reference, is_iban, mod10_recursive};

/// The side of the code with the white around it, and that white, in millimetres.
pub(crate) const SIDE: f32 = 46.0 + 2.0 * QUIET;
pub(crate) const QUIET: f32 = 5.0;

/// What the code is made from, in this order.
pub(crate) const FIELDS: usize = 17;

/// The most characters of an address's name, street, building number, postal code, town and country.
const ADDRESS: [usize; 6] = [70, 70, 16, 16, 35, 2];

/// The payload of fields with U+001F between them: account, the creditor's address, amount in hundredths,
/// currency, the debtor's address, reference, message. `None` where the standard does not allow one of them.
pub(crate) fn payload(fields: &str) -> Option<String> {
    let fields: Vec<String> =
        fields.split('\u{1f}').map(|field| field.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let [account, creditor @ .., amount, currency, d1, d2, d3, d4, d5, d6, reference, message] =
        fields.as_slice()
    else {
        return None;
    };
    let account = account.replace(' ', "");
    let reference = reference.replace(' ', "");
    let kind = reference_kind(&account, &reference)?;
    let debtor = [d1, d2, d3, d4, d5, d6].map(String::as_str);
    let creditor: [&str; 6] = creditor.iter().map(String::as_str).collect::<Vec<_>>().try_into().ok()?;
    if !matches!(currency.as_str(), "CHF" | "EUR") || message.chars().count() > 140 {
        return None;
    }
    let mut lines = vec!["SPC".to_owned(), "0200".to_owned(), "1".to_owned(), account];
    lines.extend(address(creditor)?);
    // The ultimate creditor is for future use.
    lines.extend([const { String::new() }; 7]);
    lines.push(written(amount)?);
    lines.push(currency.clone());
    match debtor.iter().all(|field| field.is_empty()) {
        true => lines.extend([const { String::new() }; 7]),
        false => lines.extend(address(debtor)?),
    }
    lines.extend([kind.to_owned(), reference, message.clone(), "EPD".to_owned()]);
    Some(lines.join("\n"))
}

/// The kind of a reference that belongs to an account.
fn reference_kind(account: &str, reference: &str) -> Option<&'static str> {
    if !is_account(account) {
        return None;
    }
    let is_qr_iban = (30_000..32_000).contains(&account[4..9].parse::<u32>().ok()?);
    let is_qr_reference = reference.len() == 27
        && reference.is_ascii()
        && mod10_recursive(&reference[..26]).is_some_and(|check| reference.ends_with(check));
    match reference {
        _ if is_qr_iban => is_qr_reference.then_some("QRR"),
        "" => Some("NON"),
        _ => is_creditor_reference(reference).then_some("SCOR"),
    }
}

/// Whether a text is an IBAN of Switzerland or Liechtenstein.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 21 && (text.starts_with("CH") || text.starts_with("LI")) && is_iban(text)
}

/// A structured address, which must have a name, postal code, town and country.
fn address(fields: [&str; 6]) -> Option<Vec<String>> {
    let fits = fields.iter().zip(ADDRESS).all(|(field, most)| field.chars().count() <= most);
    let [name, _, _, postal_code, town, country] = fields;
    let is_complete = ![name, postal_code, town].contains(&"");
    let is_country = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
    (fits && is_complete && is_country)
        .then(|| std::iter::once("S").chain(fields).map(str::to_owned).collect())
}

/// An amount as the standard writes it; nothing is an amount that the payer fills in.
fn written(hundredths: &str) -> Option<String> {
    if hundredths.is_empty() {
        return Some(String::new());
    }
    let hundredths = hundredths.parse::<u64>().ok().filter(|amount| *amount < 100_000_000_000)?;
    Some(format!("{}.{:02}", hundredths / 100, hundredths % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    const QR_IBAN: &str = "CH44 3199 9123 0008 8901 2";
    const IBAN: &str = "CH58 0079 1123 0008 8901 2";
    const QR_REFERENCE: &str = "21 00000 00003 13947 14300 09017";

    fn fields(account: &str, amount: &str, currency: &str, reference: &str) -> String {
        [
            account,
            "Max Muster & Söhne",
            "Musterstrasse",
            "123",
            "8000",
            "Seldwyla",
            "CH",
            amount,
            currency,
            "Simon Muster",
            "Musterstrasse",
            "1",
            "8000",
            "Seldwyla",
            "CH",
            reference,
            "Auftrag 1001",
        ]
        .join("\u{1f}")
    }

    #[test]
    fn writes_a_payload_with_a_qr_reference() {
        let payload = payload(&fields(QR_IBAN, "194975", "CHF", QR_REFERENCE)).expect("a payload");
        let expected = "SPC\n0200\n1\nCH4431999123000889012\nS\nMax Muster & Söhne\nMusterstrasse\n123\n8000\n\
            Seldwyla\nCH\n\n\n\n\n\n\n\n1949.75\nCHF\nS\nSimon Muster\nMusterstrasse\n1\n8000\nSeldwyla\nCH\n\
            QRR\n210000000003139471430009017\nAuftrag 1001\nEPD";
        assert_eq!(payload, expected);
        assert_eq!(payload.lines().count(), 31);
    }

    #[test]
    fn refuses_what_the_standard_does_not_allow() {
        for (account, amount, currency, reference, is_allowed) in [
            (IBAN, "", "EUR", "", true),
            (IBAN, "5", "CHF", "RF18 5390 0754 7034", true),
            (IBAN, "5", "CHF", QR_REFERENCE, false),
            (QR_IBAN, "5", "CHF", "", false),
            (QR_IBAN, "5", "CHF", "RF18 5390 0754 7034", false),
            (QR_IBAN, "5", "CHF", "21 00000 00003 13947 14300 09018", false),
            ("CH58 0079 1123 0008 8901 3", "5", "CHF", "", false),
            ("NO93 8601 1117 947", "5", "CHF", "", false),
            (IBAN, "5", "NOK", "", false),
            (IBAN, "-5", "CHF", "", false),
            (IBAN, "100000000000", "CHF", "", false),
        ] {
            let payload = payload(&fields(account, amount, currency, reference));
            assert_eq!(payload.is_some(), is_allowed, "{account} {amount} {currency} {reference}");
        }
        let long = fields(IBAN, "5", "CHF", "").replace("Auftrag", &"x".repeat(140));
        assert_eq!(payload(&long), None);
        assert_eq!(payload(&fields(IBAN, "5", "CHF", "").replace("Seldwyla", "")), None);
    }

    #[test]
    fn debtor_may_be_left_out() {
        let without = fields(IBAN, "5", "CHF", "").replace("Simon Muster", "");
        let without = without.replacen(
            "Musterstrasse\u{1f}1\u{1f}8000\u{1f}Seldwyla\u{1f}CH",
            "\u{1f}\u{1f}\u{1f}\u{1f}",
            1,
        );
        assert_eq!(without.split('\u{1f}').count(), FIELDS);
        let payload = payload(&without).expect("a payload");
        assert_eq!(payload.lines().count(), 31);
        assert!(payload.contains("CHF\n\n\n\n\n\n\n\nNON\n\nAuftrag 1001\nEPD"), "{payload}");
    }
}
