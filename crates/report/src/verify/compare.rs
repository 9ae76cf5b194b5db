//! What can differ between a record and the invoice that Omnium has, and the pure comparison.

use std::fmt;

use events::{Amount, Invoice, ReceiptSettled, Text};
use omnium::FoundInvoice;
use sync_store::{Record, State};

/// What came of comparing one receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compared {
    pub(super) differences: Vec<Difference>,
    pub(super) not_compared: Vec<NotCompared>,
}

/// The invoice of a kept receipt, mapped again; `None` where this version cannot read it. What tenants choose
/// of the mapping is in nothing that is compared.
pub(super) fn mapped(body: &[u8]) -> Option<Invoice> {
    let event: ReceiptSettled = events::decode(body).ok()?;
    event.check().ok()?;
    Some(invoice::map(&event, &invoice::Mapping::default()))
}

/// The file's name: as it was attached, else as it would be.
pub(super) fn file_name(record: &Record, voucher_number: &str) -> String {
    record.file_name.clone().unwrap_or_else(|| format!("{voucher_number}.pdf"))
}

/// All but the file's content.
pub(super) fn compare(
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

/// Omnium has something else than the records say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The record is complete, and Omnium has no such invoice.
    InvoiceMissing,
    /// The invoice comes to something else than its receipt.
    AmountDiffers {
        /// By the receipt that was kept, mapped again.
        ours: Amount,
        /// By Omnium.
        theirs: Amount,
    },
    /// The invoice is in another currency than its receipt.
    CurrencyDiffers {
        /// By the receipt that was kept.
        ours: Text,
        /// By Omnium.
        theirs: String,
    },
    /// The invoice is there without its file.
    FileMissing {
        /// The file's name.
        name: String,
    },
    /// The invoice has its file in its list, and not at the address that is given there.
    FileGone {
        /// The file's name.
        name: String,
    },
    /// The invoice has several files of the name.
    FileTwice {
        /// The file's name.
        name: String,
        /// How many.
        times: usize,
    },
    /// The file in Omnium is not the one that was attached.
    FileDiffers {
        /// The file's name.
        name: String,
    },
    /// Omnium has the invoice, and the record is not complete.
    NotComplete {
        /// The record's state.
        state: State,
        /// Whether Omnium has its file as well.
        has_file: bool,
    },
}

impl Difference {
    /// A short stable name, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvoiceMissing => "invoice_missing",
            Self::AmountDiffers { .. } => "amount_differs",
            Self::CurrencyDiffers { .. } => "currency_differs",
            Self::FileMissing { .. } => "file_missing",
            Self::FileGone { .. } => "file_gone",
            Self::FileTwice { .. } => "file_twice",
            Self::FileDiffers { .. } => "file_differs",
            Self::NotComplete { .. } => "not_complete",
        }
    }

    /// What a person does about it.
    pub fn what_to_do(&self) -> &'static str {
        match self {
            Self::InvoiceMissing => {
                "find out in Omnium who deleted it; Bilag makes no invoice twice, so it is made anew there, with \
                 the PDF of `bilag render --receipt --original`"
            }
            Self::AmountDiffers { .. } | Self::CurrencyDiffers { .. } => {
                "find out in Omnium who changed it; the receipt is what the customer paid"
            }
            Self::FileMissing { .. } | Self::FileGone { .. } => {
                "find out in Omnium who took it away, and attach it again there: `bilag render --receipt --original` makes it"
            }
            Self::FileTwice { .. } => "compare them in Omnium, and take away what is too many",
            Self::FileDiffers { .. } => {
                "find out in Omnium who replaced it; `bilag render --receipt --original` makes the one that was sent, \
                 where the template is the same"
            }
            Self::NotComplete { state: State::Dead, .. } => {
                "redrive its dead letter, which `bilag sync show` names: what is there is not sent twice"
            }
            Self::NotComplete { state: State::Skipped, .. } => {
                "find out who sent it: here it was not wanted, so it was not Bilag"
            }
            Self::NotComplete { .. } => {
                "wait for it, or send it on again with `bilag sync reconcile`; `bilag sync show` says what holds it"
            }
        }
    }
}

/// What is different, in words.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvoiceMissing => f.write_str("complete here, and Omnium has no such invoice"),
            Self::AmountDiffers { ours, theirs } => {
                write!(f, "the receipt comes to {ours}, the invoice in Omnium to {theirs}")
            }
            Self::CurrencyDiffers { ours, theirs } => {
                write!(f, "the receipt is in {ours}, the invoice in Omnium in {}", plain(theirs))
            }
            Self::FileMissing { name } => write!(f, "the invoice in Omnium is without its file {name}"),
            Self::FileGone { name } => {
                write!(f, "the invoice in Omnium lists its file {name}, and there is none at its address")
            }
            Self::FileTwice { name, times } => write!(f, "the invoice in Omnium has {times} files {name}"),
            Self::FileDiffers { name } => write!(f, "{name} in Omnium is not the file that was attached"),
            Self::NotComplete { state, has_file } => {
                let what =
                    if *has_file { "the invoice and its file" } else { "the invoice without its file" };
                write!(f, "{state} here, and Omnium has {what}")
            }
        }
    }
}

/// Text of Omnium, cut to what a currency code needs.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(20).collect()
}

/// Something of a receipt that could not be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotCompared {
    /// This version cannot read the receipt that was kept, so it does not know its amount.
    ReceiptUnreadable,
    /// Omnium did not say what the invoice comes to.
    AmountNotTold,
    /// Omnium did not say in which currency it is.
    CurrencyNotTold,
    /// No fingerprint of the file was written down.
    FingerprintUnknown,
    /// The file's content could not be had from Omnium.
    FileNotToBeHad,
    /// Nobody is known who may ask Omnium for its tenant.
    NoApiUser,
    /// Omnium did not answer for this receipt.
    NoAnswer {
        /// Its error.
        error: String,
    },
}

impl NotCompared {
    /// A short stable name, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::ReceiptUnreadable => "receipt_unreadable",
            Self::AmountNotTold => "amount_not_told",
            Self::CurrencyNotTold => "currency_not_told",
            Self::FingerprintUnknown => "fingerprint_unknown",
            Self::FileNotToBeHad => "file_not_to_be_had",
            Self::NoApiUser => "no_api_user",
            Self::NoAnswer { .. } => "no_answer",
        }
    }
}

/// What could not be compared, in words.
impl fmt::Display for NotCompared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReceiptUnreadable => {
                f.write_str("amount and currency: this version cannot read the kept receipt")
            }
            Self::AmountNotTold => f.write_str("the amount: Omnium does not say it"),
            Self::CurrencyNotTold => f.write_str("the currency: Omnium does not say it"),
            Self::FingerprintUnknown => {
                f.write_str("the file's content: its fingerprint was not written down")
            }
            Self::FileNotToBeHad => f.write_str("the file's content: it could not be had from Omnium"),
            Self::NoApiUser => f.write_str("anything: BILAG_TENANTS gives its tenant no API user"),
            Self::NoAnswer { error } => write!(f, "anything: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
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
    fn reports_each_difference_of_a_complete_record() {
        let body = include_bytes!("../../../../tests/samples/receipt-standard.json");
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
    fn reports_invoices_whose_record_is_not_complete() {
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
