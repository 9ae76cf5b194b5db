//! The search for receipts.

use crate::sql::Statement;
use crate::sql::dead_find::containing;
use crate::sql::find::{FACTS, RECORD};
use crate::{FoundReceipt, Listed, Page, Sought};

/// Each way to find a receipt by an index of its own. The customers are looked through the newest
/// first, until there are enough of them.
pub(super) fn search(text: &str, sought: Sought, tenant: Option<&str>, page: Page) -> Statement {
    let is_theirs = "(cast($3 as text) is null or tenant_uid = $3)";
    let are_sought = match sought {
        Sought::Everywhere => "true",
        Sought::NotInCustomers => "false",
    };
    let record = qualified("sync", RECORD);
    let facts = qualified("receipt", FACTS);
    Statement::new(format!(
        "with exactly as (
             select tenant_uid, receipt_uid, heard_at from receipt
                 where voucher_number = $1 and {is_theirs}
             union all
             select tenant_uid, receipt_uid, heard_at from receipt where order_number = $1 and {is_theirs}
             union all
             select tenant_uid, receipt_uid, created_at from external_order_receipt_sync
                 where receipt_uid = $1 and {is_theirs}
         ), customers as (
             select tenant_uid, receipt_uid, heard_at from receipt
             where {are_sought} and customer > '' and customer like $2 escape '\\' and {is_theirs}
             order by heard_at desc limit $4
         ), found as (
             select tenant_uid, receipt_uid, max(heard_at) as heard_at, min(place) as place
             from (select *, 1 as place from exactly union all select *, 2 from customers) as either
             group by tenant_uid, receipt_uid
             order by 4, 3 desc, 1, 2 limit $5 offset $6
         )
         select {record}, {facts}
         from found
             join external_order_receipt_sync as sync on sync.tenant_uid = found.tenant_uid
                 and sync.receipt_uid = found.receipt_uid
             left join receipt on receipt.tenant_uid = found.tenant_uid
                 and receipt.receipt_uid = found.receipt_uid
         order by found.place, found.heard_at desc, found.tenant_uid, found.receipt_uid, sync.target"
    ))
    .text(text)
    .text(&containing(text))
    .optional_text(tenant)
    .int(i64::from(page.limit) + i64::from(page.offset))
    .int(page.limit)
    .int(page.offset)
}

fn qualified(table: &str, columns: &str) -> String {
    columns.split(',').map(|column| format!("{table}.{}", column.trim())).collect::<Vec<_>>().join(", ")
}

/// The records of each receipt together, in the order they came in.
pub(super) fn by_receipt(records: Vec<Listed>) -> Vec<FoundReceipt> {
    let mut found: Vec<FoundReceipt> = Vec::new();
    for Listed { record, receipt } in records {
        match found.last_mut() {
            Some(last) if last.key == record.key => last.records.push(record),
            _ => found.push(FoundReceipt { key: record.key.clone(), facts: receipt, records: vec![record] }),
        }
    }
    found
}
