//! Lines, VAT breakdown and totals. Receipts are VAT-inclusive and rounded by line, by rate or by piece;
//! EN 16931 computes from net amounts. Nothing is rounded anew here:
//!
//! - a line's net amount is its total less the VAT that the till put in it;
//! - a rate's VAT and taxable amount are those of the receipt's VAT table; where the lines of the rate come to
//!   another net, the difference is a charge or allowance of that rate (BG-21, BG-20), "Rounding";
//! - what the grand total has beyond that is the rounding amount (BT-114), as with cash.
//!
//! On a credit note all signs are turned.

use std::collections::BTreeMap;

use events::{Hundredths, Item, OrderReceipt, OrderType, Settlement, SettlementKind};
use rust_decimal::{Decimal, RoundingStrategy};

use crate::Problem;
use crate::codes::{clean, gtin, is_unit};
use crate::missing::Reasons;

/// All amounts of an invoice.
pub(crate) struct Amounts {
    pub(crate) lines: Vec<Line>,
    pub(crate) adjustments: Vec<Adjustment>,
    pub(crate) breakdown: Vec<Breakdown>,
    pub(crate) totals: Totals,
}

/// BG-25, numbered from 1 (BT-126).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// BT-153.
    pub(crate) name: String,
    /// BT-155.
    pub(crate) sku: Option<String>,
    /// BT-157, of scheme 0160.
    pub(crate) gtin: Option<String>,
    /// BT-129.
    pub(crate) quantity: Decimal,
    /// BT-130.
    pub(crate) unit: String,
    /// BT-146, not negative.
    pub(crate) price: Decimal,
    /// BT-149, where that is not one.
    pub(crate) price_quantity: Option<Decimal>,
    /// BT-136 where positive, BT-141 where negative; net.
    pub(crate) discount: Decimal,
    /// BG-30.
    pub(crate) tax: Tax,
    /// BT-131.
    pub(crate) net: Decimal,
}

/// A VAT category by UNCL 5305, and its rate in percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tax {
    pub(crate) rate: Decimal,
    pub(crate) category: &'static str,
}

/// BG-20 where negative, BG-21 where positive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Adjustment {
    /// BT-99, or BT-92 with its sign turned.
    pub(crate) amount: Decimal,
    pub(crate) tax: Tax,
}

/// BG-23.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breakdown {
    pub(crate) tax: Tax,
    /// BT-116.
    pub(crate) taxable: Decimal,
    /// BT-117.
    pub(crate) vat: Decimal,
    /// BT-120.
    pub(crate) reason: Option<String>,
    /// BT-121.
    pub(crate) reason_code: Option<&'static str>,
}

/// BG-22.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// BT-106.
    pub(crate) lines: Decimal,
    /// BT-107.
    pub(crate) allowances: Decimal,
    /// BT-108.
    pub(crate) charges: Decimal,
    /// BT-109.
    pub(crate) without_vat: Decimal,
    /// BT-110.
    pub(crate) vat: Decimal,
    /// BT-112.
    pub(crate) with_vat: Decimal,
    /// BT-113.
    pub(crate) paid: Decimal,
    /// BT-114.
    pub(crate) rounding: Decimal,
    /// BT-115.
    pub(crate) due: Decimal,
}

/// The lines of one category and rate.
#[derive(Default)]
struct Group {
    net: Decimal,
    vat: Decimal,
    reasons: Vec<String>,
}

/// The amounts of a sale or a return. What cannot be is told, and then the amounts mean nothing.
pub(crate) fn of(receipt: &OrderReceipt, decimals: u32, reasons: &mut Reasons) -> Amounts {
    let is_return = receipt.order.kind == OrderType::Return;
    // Zero is never negative: it would be written with its sign.
    let signed = move |amount: Hundredths| match amount.to_decimal() {
        zero if zero.is_zero() => Decimal::ZERO,
        amount if is_return => -amount,
        amount => amount,
    };
    let mut groups = BTreeMap::<Tax, Group>::new();
    let mut lines = Vec::with_capacity(receipt.items.len());
    for (i, item) in receipt.items.iter().enumerate() {
        let tax = tax(i, item, reasons);
        let group = groups.entry(tax).or_default();
        group.net += signed(item.total) - signed(item.vat_amount);
        group.vat += signed(item.vat_amount);
        let reason = item.exemption_reason.as_deref().filter(|_| !matches!(tax.category, "S" | "Z"));
        let reason = reason.and_then(clean).filter(|reason| !group.reasons.contains(reason));
        group.reasons.extend(reason);
        lines.push(line(i, item, tax, signed, decimals, reasons));
    }
    if groups.len() > 1 && groups.keys().any(|tax| tax.category == "O") {
        let what = "lines that are outside the scope of VAT (taxCategory O) stand beside others";
        let cure = "set another orderReceipt.items[].taxCategory, or issue a receipt of its own for them";
        reasons.add(Problem::Unrepresentable, "BT-118", what, cure);
    }

    let (adjustments, breakdown) = breakdown(receipt, groups, signed, reasons);
    let sum = |amounts: &mut dyn Iterator<Item = Decimal>| amounts.sum::<Decimal>();
    let charges = sum(&mut adjustments.iter().map(|a| a.amount).filter(Decimal::is_sign_positive));
    let allowances = -sum(&mut adjustments.iter().map(|a| a.amount).filter(Decimal::is_sign_negative));
    let net = sum(&mut lines.iter().map(|line| line.net));
    let vat = sum(&mut breakdown.iter().map(|row| row.vat));
    let total = signed(receipt.order_totals.grand_total);
    let without_vat = net - allowances + charges;
    let with_vat = without_vat + vat;
    let paid = match paid(receipt) {
        Some(paid) => signed(paid),
        None => {
            let what =
                "settlements that are linked to a pre-payment, and pre-payments, may be the same money";
            let cure = "send one of them in orderReceipt.settlements";
            reasons.add(Problem::Unrepresentable, "BT-113", what, cure);
            Decimal::ZERO
        }
    };
    let totals = Totals {
        lines: net,
        allowances: positive_zero(allowances),
        charges,
        without_vat,
        vat,
        with_vat,
        paid,
        rounding: total - with_vat,
        due: total - paid,
    };
    check_vat_total(receipt, vat - signed(receipt.order_totals.vat_total), reasons);
    check_rates(&breakdown, reasons);
    check_decimals(&lines, &breakdown, &totals, decimals, reasons);
    Amounts { lines, adjustments, breakdown, totals }
}

fn positive_zero(amount: Decimal) -> Decimal {
    if amount.is_zero() { Decimal::ZERO } else { amount }
}

/// A rate above zero is the standard category. At zero the category has to be told, or a reason for an
/// exemption: `Z` and `E` mean different things to a tax office, and nobody can guess which.
fn tax(i: usize, item: &Item, reasons: &mut Reasons) -> Tax {
    let rate = item.vat_rate.to_decimal().normalize();
    let told = item.tax_category.as_deref().map(str::trim).filter(|category| !category.is_empty());
    let has_reason = item.exemption_reason.as_deref().and_then(clean).is_some();
    let member = format!("orderReceipt.items[{i}].taxCategory");
    let category = match (told, rate.is_zero()) {
        (None | Some("S"), false) => "S",
        (None, true) if has_reason => "E",
        (None, true) => {
            let what = format!("the VAT category of line {}, whose rate is 0 %, is missing", i + 1);
            reasons.add(
                Problem::Absent,
                "BT-151",
                what,
                format!("set {member}, or exemptionReason for an exempt line"),
            );
            "E"
        }
        (Some("Z"), true) => "Z",
        (Some("E"), true) => {
            if !has_reason {
                let what = format!("the reason why line {} is exempt is missing", i + 1);
                reasons.add(
                    Problem::Absent,
                    "BT-120",
                    what,
                    format!("set orderReceipt.items[{i}].exemptionReason"),
                );
            }
            "E"
        }
        (Some("AE"), true) => "AE",
        (Some("K"), true) => "K",
        (Some("G"), true) => "G",
        (Some("O"), true) => "O",
        (Some(_), _) => {
            let what = format!("the VAT category of line {} does not go with its rate, {rate} %", i + 1);
            let cure = format!("set {member} to S above 0 %, and to Z, E, AE, K, G or O at 0 %");
            reasons.add(Problem::Invalid, "BT-151", what, cure);
            "S"
        }
    };
    Tax { rate, category }
}

/// What the law is called where a till names only the category.
fn reason_code(category: &str) -> Option<&'static str> {
    Some(match category {
        "AE" => "VATEX-EU-AE",
        "K" => "VATEX-EU-IC",
        "G" => "VATEX-EU-G",
        "O" => "VATEX-EU-O",
        _ => return None,
    })
}

fn line(
    i: usize,
    item: &Item,
    tax: Tax,
    signed: impl Fn(Hundredths) -> Decimal,
    decimals: u32,
    reasons: &mut Reasons,
) -> Line {
    let name = clean(&item.name);
    let cure = format!("set orderReceipt.items[{i}].name");
    let name = reasons.require(name, "BT-153", &format!("the name of line {}", i + 1), &cure);
    let unit = item.unit_code.as_deref().map_or("C62", str::trim);
    if !is_unit(unit) {
        let what = format!("the unit of line {} is not a code of UN/ECE Recommendation 20", i + 1);
        let cure = format!("set orderReceipt.items[{i}].unitCode, as in KGM");
        reasons.add(Problem::Invalid, "BT-130", what, cure);
    }
    let net = positive_zero(signed(item.total) - signed(item.vat_amount));
    let mut quantity = signed(item.quantity).normalize();
    let factor = Decimal::ONE + tax.rate / Decimal::ONE_HUNDRED;
    let rounded = |amount: Decimal, decimals: u32| {
        amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero)
    };
    let discount = match quantity.is_zero() {
        true => -net,
        false => rounded(signed(item.discount_amount) / factor, decimals),
    };
    // Quantity × price less the discount is the net amount, to the hundredth.
    let before_discount = net + discount;
    let (price, price_quantity) = if quantity.is_zero() {
        (rounded(item.unit_price.to_decimal().abs() / factor, 2), None)
    } else {
        if quantity.is_sign_negative() != before_discount.is_sign_negative() && !before_discount.is_zero() {
            quantity = -quantity;
        }
        let exact = before_discount / quantity;
        let comes_out = |price: &Decimal| rounded(quantity * price - discount, 2) == net;
        match (2..=8).map(|places| rounded(exact, places)).find(comes_out) {
            Some(price) => (price, None),
            None => (before_discount.abs(), Some(quantity.abs())),
        }
    };
    Line {
        name,
        sku: clean(&item.sku),
        gtin: item.ean.as_deref().and_then(gtin),
        quantity,
        unit: unit.to_owned(),
        price: positive_zero(price),
        price_quantity,
        discount: positive_zero(discount),
        tax,
        net,
    }
}

/// By rising rate. The receipt's VAT table says what a rate's VAT is; without one its lines do, and of a single
/// rate the VAT total.
fn breakdown(
    receipt: &OrderReceipt,
    mut groups: BTreeMap<Tax, Group>,
    signed: impl Fn(Hundredths) -> Decimal,
    reasons: &mut Reasons,
) -> (Vec<Adjustment>, Vec<Breakdown>) {
    let mut stated = BTreeMap::new();
    for row in receipt.order_totals.vat.iter().flatten() {
        stated.insert(row.rate.to_decimal().normalize(), (signed(row.net), signed(row.vat)));
    }
    if let (true, [(tax, group)]) = (stated.is_empty(), &*groups.iter().collect::<Vec<_>>())
        && !tax.rate.is_zero()
    {
        let vat = signed(receipt.order_totals.vat_total);
        stated.insert(tax.rate, (group.net + group.vat - vat, vat));
    }
    let mut adjustments = Vec::new();
    for (rate, (net, vat)) in stated {
        let mut of_rate = groups.iter_mut().filter(|(tax, _)| tax.rate == rate);
        let Some((tax, first)) = of_rate.next() else {
            // Nothing was sold at it: the cash rounding, which is the rounding amount here, or nothing at all.
            if !vat.is_zero() {
                let what = format!("the VAT table has VAT at {rate} %, at which there is no line");
                let cure = "leave that row out of orderReceipt.orderTotals.vat";
                reasons.add(Problem::Unrepresentable, "BT-117", what, cure);
            }
            continue;
        };
        let others: Decimal = of_rate.map(|(_, group)| group.net).sum();
        let amount = net - first.net - others;
        (first.net, first.vat) = (first.net + amount, vat);
        if !amount.is_zero() {
            adjustments.push(Adjustment { amount, tax: *tax });
        }
    }
    let rows = groups.into_iter().map(|(tax, group)| Breakdown {
        tax,
        taxable: group.net,
        vat: group.vat,
        reason: (!group.reasons.is_empty()).then(|| group.reasons.join("; ")),
        reason_code: reason_code(tax.category),
    });
    (adjustments, rows.collect())
}

/// What was paid by other means than the invoice, here or before; `None` where that cannot be told. A settlement
/// that is linked to a pre-payment may be how that one was paid at the time.
fn paid(receipt: &OrderReceipt) -> Option<Hundredths> {
    let completed = || receipt.settlements.iter().filter(|settlement| settlement.is_completed());
    let is_linked = |s: &Settlement| s.pre_payment_uid.is_some() && s.kind() != SettlementKind::PrePayment;
    let of = |is_wanted: &dyn Fn(&Settlement) -> bool| -> Hundredths {
        completed().filter(|settlement| is_wanted(settlement)).map(|settlement| settlement.amount).sum()
    };
    let is_invoice = |s: &Settlement| s.kind() == SettlementKind::Invoice;
    let total = receipt.order_totals.grand_total;
    let has_pre_payment = completed().any(|s| s.kind() == SettlementKind::PrePayment);
    let has_linked = completed().any(is_linked);
    if has_linked && has_pre_payment {
        if of(&|s| !is_linked(s)) == total {
            return Some(of(&|s| !is_linked(s) && !is_invoice(s)));
        }
        if of(&|_| true) != total {
            return None;
        }
    }
    Some(of(&|s| !is_invoice(s)))
}

fn check_vat_total(receipt: &OrderReceipt, off: Decimal, reasons: &mut Reasons) {
    if off.is_zero() {
        return;
    }
    let (what, cure) = match receipt.order_totals.vat.as_ref().is_some_and(|rows| !rows.is_empty()) {
        true => {
            ("the VAT table", "send orderReceipt.orderTotals.vat with rows that come to vatTotal exactly")
        }
        false => ("the lines' VAT of several rates", "send orderReceipt.orderTotals.vat, the VAT by rate"),
    };
    let what = format!("{what} and orderTotals.vatTotal are {} apart", off.abs());
    reasons.add(Problem::Unrepresentable, "BT-110", what, cure);
}

/// BR-CO-17 and BR-S-09 let the VAT of a rate be less than 1.00 from rate × taxable amount, and none at less than
/// half a percent.
fn check_rates(breakdown: &[Breakdown], reasons: &mut Reasons) {
    for Breakdown { tax, taxable, vat, .. } in breakdown {
        let exact = taxable.abs() * tax.rate / Decimal::ONE_HUNDRED;
        let expected = exact.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        let cure = "let the till round VAT by line or by rate, not by piece";
        if (vat.abs() - expected).abs() >= Decimal::ONE {
            let rate = tax.rate;
            let what = format!(
                "the VAT at {rate} % is {vat}, and {rate} % of {taxable} is {expected}: EN 16931 allows less than \
                 1.00 between them"
            );
            reasons.add(Problem::Unrepresentable, "BT-117", what, cure);
        } else if tax.rate < Decimal::new(5, 1) && vat.abs() >= Decimal::new(5, 1) {
            let what = format!("there is VAT at {} %, and EN 16931 knows none below 0.5 %", tax.rate);
            reasons.add(Problem::Unrepresentable, "BT-117", what, "nothing to do");
        }
    }
}

/// No amount may have more decimals than its currency.
fn check_decimals(
    lines: &[Line],
    breakdown: &[Breakdown],
    totals: &Totals,
    decimals: u32,
    reasons: &mut Reasons,
) {
    let amounts =
        lines.iter().map(|line| line.net).chain(breakdown.iter().flat_map(|row| [row.taxable, row.vat]));
    let mut amounts = amounts.chain([totals.rounding, totals.paid, totals.due]);
    if let Some(amount) = amounts.find(|amount| amount.normalize().scale() > decimals) {
        let what = format!("the amount {amount} has more decimals than its currency");
        let cure = "send amounts and VAT in whole units of the currency";
        reasons.add(Problem::Unrepresentable, "BT-131", what, cure);
    }
}
