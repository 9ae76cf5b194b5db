//! The payments: what counts, with all cash as one, and without what comes to nothing.

use events::{Amount, Hundredths, OrderReceipt, Payment, Settlement, SettlementKind};

/// Flow: "only completed settlements are included", pre-payments and what is linked to one are
/// skipped, "cash and cashback settlements are merged".
///
/// The merged cash stands where its first part stood.
pub fn of(receipt: &OrderReceipt) -> Vec<Payment> {
    let counted = || receipt.settlements.iter().filter(|settlement| settlement.is_counted());
    let mut cash = merged_cash(counted().filter(|settlement| is_cash(settlement)));
    counted()
        .filter_map(|settlement| match is_cash(settlement) {
            true => cash.take(),
            false => Some((settlement, settlement.amount)),
        })
        .filter(|(_, amount)| !amount.is_zero())
        .map(|(settlement, amount)| payment(settlement, amount))
        .collect()
}

fn is_cash(settlement: &Settlement) -> bool {
    matches!(settlement.kind(), SettlementKind::Cash | SettlementKind::Cashback)
}

/// The part that lends its code, name, ids and date (the first `CASH`, else the first `CASHBACK`),
/// and the sum of all parts.
fn merged_cash<'a>(
    parts: impl Iterator<Item = &'a Settlement> + Clone,
) -> Option<(&'a Settlement, Hundredths)> {
    let taken = parts.clone().find(|part| part.kind() == SettlementKind::Cash);
    let face = taken.or_else(|| parts.clone().next())?;
    Some((face, parts.map(|part| part.amount).sum()))
}

/// The amount is written without its sign; `Credit` says that the money went to the customer.
fn payment(settlement: &Settlement, amount: Hundredths) -> Payment {
    let paid_date = settlement.settled_at.clone();
    Payment {
        amount: Amount(amount.to_decimal().abs()),
        payment_method_name: settlement.code.clone().into(),
        payment_type: settlement.name.clone(),
        transaction_id: settlement.transaction_id.clone().unwrap_or_else(|| settlement.uid.clone().into()),
        transaction_type: crate::text(if amount < Hundredths::ZERO { "Credit" } else { "Sale" }),
        status: crate::text("Processed"),
        paid_date: paid_date.expect("a checked settlement that is completed has its settledAt"),
    }
}
