//! The payments a receipt shows: what was completed, with pre-payments told apart.

use events::{Hundredths, OrderReceipt, Settlement, SettlementKind};
use minijinja::Value;

use super::{Group, none};
use crate::labels::label;
use crate::language::Language;

pub(super) const PAYMENT: [&str; 4] = ["name", "note", "amount", "transactionId"];

pub(super) fn payments(receipt: &OrderReceipt, language: Language) -> Value {
    shown(receipt)
        .into_iter()
        .map(|settlement| {
            Group::value(
                &PAYMENT,
                [
                    super::group::string(&settlement.name),
                    note(settlement).and_then(|key| label(key, language)).map_or_else(none, Value::from),
                    Value::from(settlement.amount.get()),
                    super::group::text(&settlement.transaction_id),
                ],
            )
        })
        .collect()
}

fn note(settlement: &Settlement) -> Option<&'static str> {
    match settlement.kind() {
        SettlementKind::PrePayment => Some("prePaid"),
        _ if settlement.pre_payment_uid.is_some() => Some("prePaid"),
        SettlementKind::Invoice => Some("invoiced"),
        _ => None,
    }
}

/// Completed settlements of some amount. A movement linked to a pre-payment is how that one was
/// paid at the time: where the pre-payments alone make up what the counted payments leave open,
/// showing it too would count the money twice.
fn shown(receipt: &OrderReceipt) -> Vec<&Settlement> {
    let completed = receipt.settlements.iter().filter(|s| s.is_completed() && !s.amount.is_zero());
    let (linked, own): (Vec<_>, Vec<_>) =
        completed.partition(|s| s.pre_payment_uid.is_some() && s.kind() != SettlementKind::PrePayment);
    let sum: Hundredths = own.iter().map(|s| s.amount).sum();
    let is_told_by_pre_payments =
        own.iter().any(|s| s.kind() == SettlementKind::PrePayment) && sum == receipt.order_totals.grand_total;
    if is_told_by_pre_payments { own } else { own.into_iter().chain(linked).collect() }
}
