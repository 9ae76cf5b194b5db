//! Comparing a record with the invoice that Omnium has. Pure.

use events::{Invoice, ReceiptSettled};
use omnium::FoundInvoice;
use sync_store::{Record, State};

use crate::{Difference, NotCompared};

/// What came of comparing one receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Compared {
    pub(crate) differences: Vec<Difference>,
    pub(crate) not_compared: Vec<NotCompared>,
}

/// The invoice of a kept receipt, mapped again; `None` where this version cannot read it. The prefix of
/// properties is in nothing that is compared.
pub(crate) fn mapped(body: &[u8]) -> Option<Invoice> {
    let event: ReceiptSettled = events::decode(body).ok()?;
    event.check().ok()?;
    Some(invoice::map(&event, "flow"))
}

/// The file's name: as it was attached, else as it would be.
pub(crate) fn file_name(record: &Record, voucher_number: &str) -> String {
    record.file_name.clone().unwrap_or_else(|| format!("{voucher_number}.pdf"))
}

/// All but the file's content.
pub(crate) fn compare(
    record: &Record,
    ours: Option<&Invoice>,
    file: &str,
    found: Option<&FoundInvoice>,
) -> Compared {
    let mut compared = Compared::default();
    match (record.state, found) {
        (State::Complete, None) => compared.differences.push(Difference::InvoiceMissing),
        (State::Complete, Some(found)) => {
            amounts(ours, found, &mut compared);
            match found.files(file).count() {
                0 => compared.differences.push(Difference::FileMissing { name: file.to_owned() }),
                1 => {}
                times => compared.differences.push(Difference::FileTwice { name: file.to_owned(), times }),
            }
        }
        (state, Some(found)) => {
            let has_file = found.has_file(file);
            // An invoice that still waits for its file is what these states say.
            let is_as_told = matches!(state, State::InvoiceCreated | State::Attaching) && !has_file;
            if !is_as_told {
                compared.differences.push(Difference::NotComplete { state, has_file });
            }
        }
        (_, None) => {}
    }
    compared
}

fn amounts(ours: Option<&Invoice>, found: &FoundInvoice, compared: &mut Compared) {
    let Some(ours) = ours else { return compared.not_compared.push(NotCompared::ReceiptUnreadable) };
    match found.amount {
        None => compared.not_compared.push(NotCompared::AmountNotTold),
        Some(theirs) if theirs == ours.amount => {}
        Some(theirs) => compared.differences.push(Difference::AmountDiffers { ours: ours.amount, theirs }),
    }
    match &found.currency {
        None => compared.not_compared.push(NotCompared::CurrencyNotTold),
        Some(theirs) if theirs.eq_ignore_ascii_case(&ours.currency) => {}
        Some(theirs) => compared
            .differences
            .push(Difference::CurrencyDiffers { ours: ours.currency.clone(), theirs: theirs.clone() }),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use events::Amount;
    use omnium::Asset;
    use rust_decimal::Decimal;
    use sync_store::Key;

    use super::*;

    fn record(state: State) -> Record {
        Record {
            key: Key::new("31", "r"),
            target: "omnium".to_owned(),
            state,
            invoice_id: Some("r".to_owned()),
            file_name: None,
            pdf_sha256: None,
            lease: None,
            death: None,
            heard_count: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
            completed_at: None,
        }
    }

    fn found(amount: Option<Decimal>, currency: Option<&str>, files: &[&str]) -> FoundInvoice {
        let asset = |name: &&str| Asset { file_name: Some((*name).to_owned()), ..Asset::default() };
        FoundInvoice {
            amount: amount.map(Amount),
            currency: currency.map(str::to_owned),
            assets: files.iter().map(asset).collect(),
        }
    }

    #[test]
    fn each_difference_is_told_and_nothing_else() {
        let body = include_bytes!("../../../tests/samples/receipt-standard.json");
        let ours = mapped(body).expect("the sample is a receipt");
        let Amount(amount) = ours.amount;
        let cent = Decimal::new(1, 2);
        let (file, nok) = ("1001.pdf", Some("NOK"));
        let name = || file.to_owned();
        let differs = |difference| Compared { differences: vec![difference], not_compared: vec![] };
        let whole = found(Some(amount), nok, &[file]);
        let off = Amount(amount + cent);
        let complete = record(State::Complete);
        let table = [
            (&complete, Some(whole.clone()), Compared::default()),
            (
                &complete,
                Some(found(Some(amount.normalize()), Some("nok"), &["x.pdf", file])),
                Compared::default(),
            ),
            (&complete, None, differs(Difference::InvoiceMissing)),
            (
                &complete,
                Some(found(Some(off.0), nok, &[file])),
                differs(Difference::AmountDiffers { ours: ours.amount, theirs: off }),
            ),
            (
                &complete,
                Some(found(Some(amount), Some("SEK"), &[file])),
                differs(Difference::CurrencyDiffers { ours: ours.currency.clone(), theirs: "SEK".into() }),
            ),
            (
                &complete,
                Some(found(Some(amount), nok, &["1002.pdf"])),
                differs(Difference::FileMissing { name: name() }),
            ),
            (
                &complete,
                Some(found(Some(amount), nok, &[file, file])),
                differs(Difference::FileTwice { name: name(), times: 2 }),
            ),
            (
                &complete,
                Some(found(None, None, &[file])),
                Compared {
                    differences: vec![],
                    not_compared: vec![NotCompared::AmountNotTold, NotCompared::CurrencyNotTold],
                },
            ),
        ];
        for (record, there, expected) in table {
            assert_eq!(compare(record, Some(&ours), file, there.as_ref()), expected, "{there:?}");
        }
        let unread = compare(&complete, None, file, Some(&whole));
        assert_eq!(unread.not_compared, [NotCompared::ReceiptUnreadable]);
    }

    #[test]
    fn what_is_not_complete_here_and_there_in_omnium_is_told() {
        let file = "1001.pdf";
        for (state, has_file, is_told) in [
            (State::Pending, false, true),
            (State::Pending, true, true),
            (State::InvoiceCreated, false, false),
            (State::InvoiceCreated, true, true),
            (State::Attaching, false, false),
            (State::Dead, false, true),
            (State::Skipped, true, true),
        ] {
            let there = found(None, None, &[file][..usize::from(has_file)]);
            let compared = compare(&record(state), None, file, Some(&there));
            let expected: &[_] = if is_told { &[Difference::NotComplete { state, has_file }] } else { &[] };
            assert_eq!(compared.differences, expected, "{state}");
            assert_eq!(compare(&record(state), None, file, None), Compared::default(), "{state}");
        }
    }
}
