//! What reports and searches need of a receipt, from the receipt.

use chrono::Utc;
use events::{Address, OrderReceipt, ReceiptSettled};
use futures_util::future::try_join_all;
use sync_store::{Particulars, StoreError, SyncStore, WithoutParticulars};

/// How many receipts are filled in at a time: what SQLite takes into one commit.
const BATCH: u32 = 100;

/// The particulars of a receipt. Its day is the store's: that of the time of settlement, offset
/// included, as the receipt states it.
pub fn particulars(event: &ReceiptSettled) -> Particulars {
    let receipt = &event.order_receipt;
    let settled = receipt.settled_at.moment();
    Particulars {
        order_type: Some(receipt.order.kind.as_str().to_owned()),
        settled_at: Some(settled.with_timezone(&Utc)),
        settled_on: settled.date_naive(),
        customer: customer(receipt),
    }
}

/// Gives receipts that were written without particulars theirs, from their bodies. Tells how many have
/// been filled in so far; may be left off and begun again at any time, by several at once.
///
/// # Errors
/// The store's.
pub async fn fill(store: &dyn SyncStore, mut filled: impl FnMut(u64)) -> Result<u64, StoreError> {
    let mut count = 0;
    loop {
        let receipts = store.without_particulars(BATCH).await?;
        if receipts.is_empty() {
            return Ok(count);
        }
        count += receipts.len() as u64;
        let kept = receipts
            .iter()
            .map(|receipt| async move { store.keep_particulars(&receipt.key, &of_the_body(receipt)).await });
        try_join_all(kept).await?;
        filled(count);
    }
}

/// A body that this version cannot read has the day it was heard on, and is found by its numbers alone.
fn of_the_body(receipt: &WithoutParticulars) -> Particulars {
    match events::decode::<ReceiptSettled>(&receipt.body) {
        Ok(event) => particulars(&event),
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
    fn the_day_is_the_stores_and_the_time_is_utc() {
        for (settled_at, day, utc) in [
            ("2026-11-02T23:59:59+01:00", "2026-11-02", "2026-11-02T22:59:59+00:00"),
            ("2026-11-02T00:30:00+01:00", "2026-11-02", "2026-11-01T23:30:00+00:00"),
            ("2026-11-02T23:30:00-05:00", "2026-11-02", "2026-11-03T04:30:00+00:00"),
        ] {
            let event = receipt(|event| event["orderReceipt"]["settledAt"] = settled_at.into());
            let particulars = particulars(&event);
            assert_eq!(particulars.settled_on.to_string(), day);
            assert_eq!(particulars.settled_at.map(|time| time.to_rfc3339()).as_deref(), Some(utc));
        }
    }

    #[test]
    fn a_customer_is_found_by_what_people_know_in_lower_case() {
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
        assert_eq!(particulars(&event).customer, expected);
    }
}
