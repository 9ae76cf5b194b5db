//! The invoice in the terms of EN 16931, and how it is made from a receipt.

use chrono::NaiveDate;
use events::check_digit::compact;
use events::currency;
use events::store_clock::{self, Zone};
use events::{OrderType, ReceiptSettled, SettlementKind};
use rust_decimal::Decimal;

use crate::amounts::{self, Adjustment, Amounts, Breakdown, Line, Totals};
use crate::codes::clean;
use crate::missing::Reasons;
use crate::parties::{self, Buyer, Place, Seller};
use crate::{Missing, Problem};

/// An invoice or a credit note that has all that EN 16931 requires.
#[derive(Clone, Debug, PartialEq)]
pub struct Invoice {
    /// BT-3.
    pub(crate) kind: Kind,
    /// BT-1.
    pub(crate) number: String,
    /// BT-2.
    pub(crate) issued_on: NaiveDate,
    /// BT-5.
    pub(crate) currency: Currency,
    /// BT-9.
    pub(crate) due_on: Option<NaiveDate>,
    /// BT-72.
    pub(crate) delivered_on: NaiveDate,
    /// BT-10.
    pub(crate) buyer_reference: Option<String>,
    /// BT-14.
    pub(crate) sales_order: Option<String>,
    /// BT-25.
    pub(crate) preceding: Option<String>,
    /// BG-4.
    pub(crate) seller: Seller,
    /// BG-7.
    pub(crate) buyer: Buyer,
    /// BG-13.
    pub(crate) deliver_to: Option<Place>,
    /// BG-16.
    pub(crate) payment: Option<Payment>,
    /// BG-25.
    pub(crate) lines: Vec<Line>,
    /// BG-20 and BG-21.
    pub(crate) adjustments: Vec<Adjustment>,
    /// BG-23.
    pub(crate) breakdown: Vec<Breakdown>,
    /// BG-22.
    pub(crate) totals: Totals,
}

/// BT-3, by UNTDID 1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 380, of a sale.
    Invoice,
    /// 381, of a return.
    CreditNote,
}

impl Kind {
    /// The code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Invoice => "380",
            Self::CreditNote => "381",
        }
    }
}

/// A currency, and how its amounts are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Currency {
    pub(crate) code: String,
    pub(crate) decimals: u32,
}

impl Currency {
    /// An amount with the currency's decimals.
    pub(crate) fn amount(&self, amount: Decimal) -> String {
        format!("{:.1$}", amount, self.decimals as usize)
    }
}

/// How it was paid, or is to be paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Payment {
    /// BT-81, by UNTDID 4461.
    pub(crate) code: &'static str,
    /// BT-82.
    pub(crate) text: Option<String>,
    /// BT-83.
    pub(crate) reference: Option<String>,
    /// BG-17.
    pub(crate) account: Option<Account>,
}

/// Where it is to be paid to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    /// BT-84; whether it is an IBAN.
    pub(crate) id: (String, bool),
    /// BT-86.
    pub(crate) bic: Option<String>,
}

impl Invoice {
    /// The invoice of a checked receipt ([`ReceiptSettled::check`]). `zone` is the tenant's: a time in UTC
    /// becomes a date by it, as on the page.
    ///
    /// # Errors
    /// All that is missing.
    pub fn of(event: &ReceiptSettled, zone: Option<Zone>) -> Result<Self, Vec<Missing>> {
        let receipt = &event.order_receipt;
        let mut reasons = Reasons::default();
        let kind = match receipt.order.kind {
            OrderType::Sale => Kind::Invoice,
            OrderType::Return => Kind::CreditNote,
            OrderType::Payment => {
                let what = "a receipt of type PAYMENT is no invoice: it pays one";
                reasons.add(Problem::NotAnInvoice, "", what, "nothing to do");
                return Err(reasons.0);
            }
        };
        let country = event.tenant.country.code.as_deref();
        let day = |moment| store_clock::local(moment, zone, country).date_naive();
        let number = clean(&receipt.voucher_number);
        let number = reasons.require(number, "BT-1", "the invoice number", "set orderReceipt.voucherNumber");
        let currency = currency_of(event, &mut reasons);
        let preceding = receipt.referenced_voucher_number.as_deref().and_then(clean);
        if kind == Kind::CreditNote && preceding.is_none() {
            let cure = "set orderReceipt.referencedVoucherNumber to the voucher that goods are returned of";
            reasons.require::<String>(None, "BT-25", "the preceding invoice's number", cure);
        }
        let Amounts { lines, adjustments, breakdown, totals } =
            amounts::of(receipt, currency.decimals, &mut reasons);
        let due_on = receipt.due_date.map(events::Date::day);
        if totals.due > Decimal::ZERO && due_on.is_none() {
            let cure = "set orderReceipt.dueDate, or settlements that come to the grand total";
            reasons.require::<NaiveDate>(None, "BT-9", "the due date of what is not paid", cure);
        }
        let categories: Vec<_> = breakdown.iter().map(|row| row.tax.category).collect();
        let seller = parties::seller(event, &categories, &mut reasons);
        let buyer = parties::buyer(event, &categories, &mut reasons);
        let deliver_to = parties::deliver_to(event, &categories, &mut reasons);
        if !reasons.0.is_empty() {
            return Err(reasons.0);
        }
        Ok(Self {
            kind,
            number,
            issued_on: day(receipt.created_at.moment()),
            due_on,
            delivered_on: match receipt.delivery_date {
                Some(date) => date.day(),
                None => day(receipt.settled_at.moment()),
            },
            buyer_reference: receipt.buyer_reference.as_deref().and_then(clean),
            sales_order: clean(&receipt.order.order_number),
            preceding,
            seller,
            buyer,
            deliver_to,
            payment: payment(event, totals.due),
            currency,
            lines,
            adjustments,
            breakdown,
            totals,
        })
    }

    /// Whether it is an invoice or a credit note.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

fn currency_of(event: &ReceiptSettled, reasons: &mut Reasons) -> Currency {
    let code = &event.tenant.country.currency;
    match currency::decimals(code) {
        // Receipts and EN 16931 have no more than two.
        Some(decimals) => Currency { code: code.to_string(), decimals: decimals.min(2).into() },
        None => {
            let cure = "set tenant.country.currency to a code of ISO 4217, as in NOK";
            reasons.add(Problem::Invalid, "BT-5", "the currency is not a known one", cure);
            Currency { code: code.to_string(), decimals: 2 }
        }
    }
}

/// Credit transfer where something is due and an account is known; else how the largest part was paid.
fn payment(event: &ReceiptSettled, due: Decimal) -> Option<Payment> {
    let receipt = &event.order_receipt;
    let account = receipt.payment_account.as_ref();
    let completed = || receipt.settlements.iter().filter(|s| s.is_completed() && !s.amount.is_zero());
    let by_invoice = completed().find(|s| s.kind() == SettlementKind::Invoice);
    if due > Decimal::ZERO || by_invoice.is_some() {
        let id = account.and_then(|account| {
            let iban = account.iban.as_deref().map(|iban| (compact(iban), true));
            iban.or_else(|| Some((clean(account.account.as_deref()?)?, false)))
        });
        let id = id.filter(|(id, _)| !id.is_empty())?;
        let is_sepa = id.1 && &*event.tenant.country.currency == "EUR";
        return Some(Payment {
            code: if is_sepa { "58" } else { "30" },
            text: by_invoice.and_then(|settlement| clean(&settlement.name)),
            reference: account.and_then(|account| clean(account.reference.as_deref()?)),
            account: Some(Account {
                id,
                bic: account
                    .and_then(|account| Some(compact(account.bic.as_deref()?)))
                    .filter(|b| !b.is_empty()),
            }),
        });
    }
    // Of equal ones the first.
    let largest = completed().rev().max_by_key(|settlement| settlement.amount.get().unsigned_abs())?;
    let code = match largest.kind() {
        SettlementKind::Card => "48",
        SettlementKind::Cash | SettlementKind::Cashback => "10",
        _ => "97",
    };
    Some(Payment { code, text: clean(&largest.name), reference: None, account: None })
}
