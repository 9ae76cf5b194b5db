//! The receipt's own members: its tenant, identity, times, order and totals.

use super::entry::{Entry, Writer};
use super::members::{self, Evidence, Found};
use super::model::Total;
use super::names::{name, vat_name};

pub(super) struct Head {
    pub(super) tenant: Entry,
    pub(super) currency: Entry,
    pub(super) receipt: Vec<Entry>,
    pub(super) order: Vec<Entry>,
    pub(super) store: Entry,
}

impl Writer<'_> {
    pub(super) fn head(&self) -> Head {
        let event = self.event();
        let voucher = members::voucher(event);
        let uid = members::uid(event).or_else(|| {
            let found = voucher.clone()?;
            Some(Found {
                evidence: Evidence::Assumed("the voucher's number, for want of an id".to_owned()),
                ..found
            })
        });
        let voucher = voucher.or_else(|| {
            let found = uid.clone()?;
            Some(Found { evidence: Evidence::Assumed("the id, for want of a number".to_owned()), ..found })
        });
        let identify = |target, key, found: &Option<Found>, why: &str| match found {
            Some(found) => Self::found(target, key, event, found),
            None => Entry::missing(target, key, why),
        };
        let mut receipt = vec![
            identify("orderReceipt.uid", "uid", &uid, "what identifies the receipt"),
            identify(
                "orderReceipt.voucherNumber",
                "voucherNumber",
                &voucher,
                "the number that customers know",
            ),
        ];
        match members::times(event) {
            Some((created, settled)) => receipt.extend([
                Self::time("orderReceipt.createdAt", "createdAt", event, &created),
                Self::time("orderReceipt.settledAt", "settledAt", event, &settled),
            ]),
            None => receipt.extend([
                Entry::missing(
                    "orderReceipt.createdAt",
                    "createdAt",
                    "no member of all samples is a date with a time",
                ),
                Entry::missing(
                    "orderReceipt.settledAt",
                    "settledAt",
                    "no member of all samples is a date with a time",
                ),
            ]),
        }
        let order = members::order(event).or_else(|| {
            let found = voucher.clone()?;
            Some(Found { evidence: Evidence::Assumed("the same as the receipt's".to_owned()), ..found })
        });
        let (kind, kind_evidence) = self.kind();
        let order = vec![
            identify("orderReceipt.order.uid", "uid", &order, "what identifies the order"),
            identify("orderReceipt.order.orderNumber", "orderNumber", &order, "the order's number"),
            Entry::new("orderReceipt.order.type", "type", kind, &kind_evidence),
            Entry::new(
                "orderReceipt.order.origin",
                "origin",
                "\"POS\"",
                &Evidence::Assumed("set POS, WEB or your own".to_owned()),
            ),
        ];
        let currency = match members::currency(event) {
            Some(found) => {
                let text = Self::text(event, found.column);
                let capital = event.columns[found.column]
                    .texts()
                    .all(|text| text.chars().all(|c| c.is_ascii_uppercase()));
                let text = if capital { text } else { format!("({text} | ascii_upcase)") };
                Entry::new("tenant.country.currency", "currency", text, &found.evidence)
            }
            None => Entry::missing("tenant.country.currency", "currency", "the currency, as in \"NOK\""),
        };
        let store = match members::store(event) {
            Some(found) => Self::found("orderReceipt.order.store.uid", "uid", event, &found),
            None => {
                let why = Evidence::Assumed("no store in the event: set yours".to_owned());
                Entry::new("orderReceipt.order.store.uid", "uid", "\"1\"", &why)
            }
        };
        let tenant = "($message.tenant // \"1\")";
        let why = Evidence::Assumed("the retailer: set its id".to_owned());
        Head { tenant: Entry::new("tenant.uid", "uid", tenant, &why), currency, receipt, order, store }
    }

    /// A return is what comes to less than nothing.
    pub(super) fn kind(&self) -> (String, Evidence) {
        let total = self.samples.total(self.lines).unwrap_or_default();
        let jq = match self.lines.total {
            Total::One(i) => {
                format!("(if {} < 0 then \"RETURN\" else \"SALE\" end)", self.event().columns[i].number())
            }
            Total::NetAndVat(i, _) => {
                format!("(if {} < 0 then \"RETURN\" else \"SALE\" end)", self.event().columns[i].number())
            }
            Total::Missing => "\"SALE\"".to_owned(),
        };
        let returns = total.iter().any(|total| total.is_sign_negative());
        let why = if returns {
            "a return comes to less than nothing"
        } else {
            "no sample is a return: see how yours look"
        };
        (jq, if returns { Evidence::Form(why.to_owned()) } else { Evidence::Assumed(why.to_owned()) })
    }

    pub(super) fn totals(&self) -> Vec<Entry> {
        let (event, lines) = (self.event(), self.lines);
        let mut parts = vec![self.table().each()];
        parts.extend(lines.extras.iter().map(|(i, _)| self.samples.tables[*i].each()));
        let paid = self.samples.payments(lines).is_some_and(|paid| paid.adds_up);
        let with = if paid { ", and of the settlements" } else { "" };
        let rest = lines.rest.map(|i| event.columns[i].path.to_string());
        let evidence = if let (true, Some(rest)) = (lines.adds_up, &rest) {
            Evidence::AddsUp(format!("the sum of {} and {rest}{with}", parts.join(" and ")))
        } else if let (false, Some(rest)) = (lines.adds_up, &rest) {
            let why = "the lines come to it but for";
            Evidence::Assumed(format!(
                "by name only: {why} {rest}, which is on no line: spread it over the lines, or add one"
            ))
        } else if lines.adds_up {
            Evidence::AddsUp(format!("the sum of {}{with}", parts.join(" and ")))
        } else {
            Evidence::Assumed("by name only, and the lines do not come to it".to_owned())
        };
        let (target, key) = ("orderReceipt.orderTotals.grandTotal", "grandTotal");
        let grand = match lines.total {
            Total::One(i) => Entry::new(target, key, self.member(event, i), &evidence),
            Total::NetAndVat(i, j) => {
                let both = format!("{} + {}", event.columns[i].number(), event.columns[j].number());
                Entry::new(target, key, self.money(&both), &evidence)
            }
            Total::Missing => {
                let sum = format!(
                    "([{} | {}] | add)",
                    self.table().each(),
                    self.amount(self.table(), &lines.amounts.gross)
                );
                let why =
                    if lines.adds_up { "the lines' sum, which is what was paid" } else { "the lines' sum" };
                Entry::new(target, key, sum, &Evidence::Assumed(format!("no total in the event: {why}")))
            }
        };
        let (target, key) = ("orderReceipt.orderTotals.vatTotal", "vatTotal");
        let by_name = || {
            let named = event
                .numbers()
                .map(|(i, column, _)| (vat_name(&name(column)), i))
                .filter(|(score, _)| *score > 0);
            named.max_by_key(|(score, i)| (*score, usize::MAX - i)).map(|(_, i)| i)
        };
        let vat = match (lines.vat, by_name()) {
            (Some(i), _) => {
                let why = Evidence::AddsUp("the VAT of the lines comes to it".to_owned());
                Entry::new(target, key, self.member(event, i), &why)
            }
            (None, Some(i)) => Entry::new(target, key, self.member(event, i), &Evidence::Name),
            (None, None) => match self.vat_of(self.table(), &lines.amounts) {
                Some(vat) => {
                    let sum = format!("([{} | {vat}] | add)", self.table().each());
                    Entry::new(
                        target,
                        key,
                        sum,
                        &Evidence::Assumed("no VAT total in the event: the lines' sum".to_owned()),
                    )
                }
                None => Entry::missing(target, key, "the VAT in the total"),
            },
        };
        vec![grand, vat]
    }
}
