//! Looking up receipts and records.

use crate::sql::steps::{THIS, of};
use crate::sql::{Row, Statement, Surprise};
use crate::{Key, Listed, Page, Receipt, ReceiptFacts, Record, RecordFilter, StateCount};

/// The columns that [`read_record`] reads.
pub(super) const RECORD: &str = "tenant_uid, receipt_uid, target, state, invoice_id, file_name, pdf_sha256,
    lease_owner, lease_until, dead_stage, dead_reason, dead_error, heard_count,
    created_at, updated_at, completed_at";

/// The columns that [`read_facts`] reads.
pub(super) const FACTS: &str = "voucher_number, order_number, store_uid, currency, amount, heard_at";

pub(super) fn record(key: &Key, target: &str) -> Statement {
    of(key, target, format!("select {RECORD} from external_order_receipt_sync where {THIS}"))
}

pub(super) fn records(filter: &RecordFilter, page: Page) -> Statement {
    // A join: for a condition SQLite would look through all records, the latest first.
    let found = if filter.receipt.is_some() {
        "join (select tenant_uid, receipt_uid from external_order_receipt_sync where receipt_uid = $1
             union select tenant_uid, receipt_uid from receipt where voucher_number = $1) as found
         using (tenant_uid, receipt_uid)"
    } else {
        ""
    };
    // The state as a literal: there are indexes of one state only.
    let state = filter.state.map(|state| format!("and state = '{state}'")).unwrap_or_default();
    let statement = Statement::new(format!(
        "select {RECORD}, {FACTS}
         from external_order_receipt_sync {found} left join receipt using (tenant_uid, receipt_uid)
         where true {state}"
    ));
    let statement = match &filter.receipt {
        Some(receipt) => statement.text(receipt),
        None => statement,
    };
    statement
        .matching("target = $", filter.target.as_deref())
        .matching("tenant_uid = $", filter.tenant_uid.as_deref())
        .page("created_at desc, tenant_uid, receipt_uid, target", page)
}

pub(super) fn counts() -> Statement {
    Statement::new(
        "select target, state, count(*), min(updated_at) from external_order_receipt_sync
         group by target, state order by target, state",
    )
}

pub(super) fn receipt(key: &Key) -> Statement {
    Statement::new(format!(
        "select {FACTS}, fingerprint, body, traceparent from receipt
         where tenant_uid = $1 and receipt_uid = $2"
    ))
    .text(&key.tenant_uid)
    .text(&key.receipt_uid)
}

pub(super) fn read_record(row: &mut Row) -> Result<Record, Surprise> {
    Ok(Record {
        key: Key { tenant_uid: row.text()?, receipt_uid: row.text()? },
        target: row.text()?,
        state: row.word("state")?,
        invoice_id: row.optional_text()?,
        file_name: row.optional_text()?,
        pdf_sha256: row.optional_text()?,
        lease: row.optional_lease()?,
        death: row.optional_death()?,
        heard_count: row.count()?,
        created_at: row.time()?,
        updated_at: row.time()?,
        completed_at: row.optional_time()?,
    })
}

pub(super) fn read_listed(row: &mut Row) -> Result<Listed, Surprise> {
    let record = read_record(row)?;
    let receipt = if row.is_null() { None } else { Some(read_facts(row)?) };
    Ok(Listed { record, receipt })
}

fn read_facts(row: &mut Row) -> Result<ReceiptFacts, Surprise> {
    Ok(ReceiptFacts {
        voucher_number: row.text()?,
        order_number: row.text()?,
        store_uid: row.text()?,
        currency: row.text()?,
        amount: row.int()?,
        heard_at: row.time()?,
    })
}

pub(super) fn read_receipt(row: &mut Row) -> Result<Receipt, Surprise> {
    Ok(Receipt {
        facts: read_facts(row)?,
        fingerprint: row.text()?,
        body: row.bytes()?,
        traceparent: row.optional_text()?,
    })
}

pub(super) fn read_count(row: &mut Row) -> Result<StateCount, Surprise> {
    Ok(StateCount {
        target: row.text()?,
        state: row.word("state")?,
        count: row.count()?,
        oldest: row.time()?,
    })
}
