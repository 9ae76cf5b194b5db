//! What reports and searches need of a receipt, from the receipt.

use chrono::{NaiveDate, Utc};
use events::store_clock::{self, Zone};
use events::{Address, OrderReceipt, ReceiptSettled};
use futures_util::future::try_join_all;
use sync_store::{Key, Particulars, Period, ReportStore, StoreError, WithoutParticulars};
use tenants::Zones;

/// Receipts filled in at a time: what SQLite takes into one commit.
const BATCH: u32 = 100;

/// The particulars of a receipt. `zone` is the time zone that is set for its tenant.
pub fn particulars(event: &ReceiptSettled, zone: Option<Zone>) -> Particulars {
    let receipt = &event.order_receipt;
    let settled = receipt.settled_at.moment();
    Particulars {
        order_type: Some(receipt.order.kind.as_str().to_owned()),
        settled_at: Some(settled.with_timezone(&Utc)),
        settled_on: settled_on(event, zone),
        customer: customer(receipt),
    }
}

/// The day that a receipt counts on: that of its settlement by the store's clock, as its document has it.
pub fn settled_on(event: &ReceiptSettled, zone: Option<Zone>) -> NaiveDate {
    store_clock::day(event.order_receipt.settled_at.moment(), zone, event.tenant.country.code.as_deref())
}

/// Counts receipts that are stored on the days that these time zones give them, where that is another one than
/// before. Tells how many have been moved so far; may be left off and begun again. Of pruned receipts nothing is
/// left to tell their day by: they stay.
///
/// # Errors
/// The store's.
pub async fn recount(
    store: &dyn ReportStore,
    zones: &Zones,
    mut so_far: impl FnMut(u64),
) -> Result<u64, StoreError> {
    // All days that a timestamp of RFC 3339 can have.
    let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
    let all = Period { from: day(0, 1, 1), to: day(9999, 12, 31) };
    let mut moved = 0;
    let mut after: Option<(NaiveDate, Key)> = None;
    loop {
        let last = after.as_ref().map(|(day, key)| (*day, key));
        let receipts = store.settled_receipts(all, None, last, BATCH).await?;
        let Some(last) = receipts.last() else { return Ok(moved) };
        after = Some((last.day, last.key.clone()));
        for receipt in &receipts {
            let Ok(event) = events::decode::<ReceiptSettled>(&receipt.body) else { continue };
            let day = settled_on(&event, zones.of(&receipt.key.tenant_uid));
            if day != receipt.day {
                store.count_on(&receipt.key, day).await?;
                moved += 1;
            }
        }
        so_far(moved);
    }
}

/// Gives receipts that were written without particulars theirs, from their bodies. Tells how many have
/// been filled in so far; may be left off and begun again at any time, by several at once.
///
/// # Errors
/// The store's.
pub async fn fill(
    store: &dyn ReportStore,
    zones: &Zones,
    mut filled: impl FnMut(u64),
) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        let receipts = store.without_particulars(BATCH).await?;
        if receipts.is_empty() {
            return Ok(count);
        }
        count += receipts.len() as u64;
        let kept = receipts.iter().map(|receipt| async move {
            store.keep_particulars(&receipt.key, &of_the_body(receipt, zones)).await
        });
        try_join_all(kept).await?;
        filled(count);
    }
}

/// A body that this version cannot read has the day it was received on, and is found by its numbers alone.
fn of_the_body(receipt: &WithoutParticulars, zones: &Zones) -> Particulars {
    match events::decode::<ReceiptSettled>(&receipt.body) {
        Ok(event) => particulars(&event, zones.of(&receipt.key.tenant_uid)),
        Err(_) => Particulars {
            order_type: None,
            settled_at: None,
            settled_on: receipt.heard_at.date_naive(),
            customer: String::new(),
        },
    }
}

/// A line for each thing that people look a customer up by, in lower case; a telephone also without
/// spaces.
fn customer(receipt: &OrderReceipt) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut add = |text: Option<&str>| {
        let line = text.unwrap_or_default().trim().to_lowercase();
        if !line.is_empty() && !lines.contains(&line) {
            lines.push(line);
        }
    };
    if let Some(customer) = &receipt.customer {
        add(customer.display_name.as_deref());
        add(customer.uid.as_deref());
        add(customer.loyalty_id.as_deref());
    }
    if let Some(person) = &receipt.contact_person {
        add(person.display_name.as_deref());
        add(person.email.as_deref());
        add(person.mobile.as_deref());
        add(closed_up(person.mobile.as_deref()).as_deref());
    }
    for address in [&receipt.invoice_address, &receipt.order.address].into_iter().flatten() {
        add(address.display_name.as_deref());
        add(Some(&full_name(address)));
        add(address.company_name.as_deref());
        add(address.vat_number.as_deref());
        add(address.email.as_deref());
        add(address.mobile.as_deref());
        add(closed_up(address.mobile.as_deref()).as_deref());
    }
    lines.join("\n")
}

fn full_name(address: &Address) -> String {
    let names = [&address.firstname, &address.lastname].into_iter().flatten();
    names.map(|name| &**name).collect::<Vec<_>>().join(" ")
}

fn closed_up(telephone: Option<&str>) -> Option<String> {
    Some(telephone?.split_whitespace().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(change: impl FnOnce(&mut serde_json::Value)) -> ReceiptSettled {
        let sample = include_str!("../../../tests/samples/receipt-standard.json");
        let mut event = serde_json::from_str(sample).expect("JSON");
        change(&mut event);
        serde_json::from_value(event).expect("a receipt")
    }

    #[test]
    fn takes_the_local_day_and_the_utc_time() {
        for (settled_at, day, utc) in [
            ("2026-11-02T23:59:59+01:00", "2026-11-02", "2026-11-02T22:59:59+00:00"),
            ("2026-11-02T00:30:00+01:00", "2026-11-02", "2026-11-01T23:30:00+00:00"),
            ("2026-11-02T23:30:00-05:00", "2026-11-02", "2026-11-03T04:30:00+00:00"),
        ] {
            let event = receipt(|event| event["orderReceipt"]["settledAt"] = settled_at.into());
            let particulars = particulars(&event, None);
            assert_eq!(particulars.settled_on.to_string(), day);
            assert_eq!(particulars.settled_at.map(|time| time.to_rfc3339()).as_deref(), Some(utc));
        }
    }

    #[test]
    fn collects_what_customers_are_searched_by_in_lower_case() {
        let event = receipt(|event| {
            let receipt = &mut event["orderReceipt"];
            receipt["customer"] = serde_json::json!({ "uid": "C-7", "displayName": "Åse BJØRNØY" });
            receipt["contactPerson"] =
                serde_json::json!({ "mobile": "+47 900 11 222", "email": "Aa@B.example" });
            receipt["invoiceAddress"] = serde_json::json!({
                "displayName": "Åse Bjørnøy", "firstname": "Åse", "lastname": "Bjørnøy", "companyName": "Fjord AS",
            });
            receipt["order"]["address"] = serde_json::Value::Null;
        });
        let expected = "åse bjørnøy\nc-7\naa@b.example\n+47 900 11 222\n+4790011222\nfjord as";
        assert_eq!(particulars(&event, None).customer, expected);
    }
}
