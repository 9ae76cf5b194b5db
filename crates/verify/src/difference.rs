//! What can differ, and what cannot be compared: one variant for each meaning.

use std::fmt;

use events::{Amount, Text};
use sync_store::State;

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
                 the PDF of `bilag render --receipt`"
            }
            Self::AmountDiffers { .. } | Self::CurrencyDiffers { .. } => {
                "find out in Omnium who changed it; the receipt is what the customer paid"
            }
            Self::FileMissing { .. } => {
                "find out in Omnium who took it away, and attach it again there: `bilag render --receipt` makes it"
            }
            Self::FileTwice { .. } => "compare them in Omnium, and take away what is too many",
            Self::FileDiffers { .. } => {
                "find out in Omnium who replaced it; `bilag render --receipt` makes the one that was sent, where \
                 the template is the same"
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

/// What another program answered, for a terminal.
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
