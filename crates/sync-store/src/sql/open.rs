//! Opening a record.

use crate::sql::steps::touched;
use crate::sql::{Dialect, Row, Statement, Surprise};
use crate::{NewReceipt, Opened, State};

/// Keeps the receipt where it is new, or where it was pruned and is to be sent after all; and opens or meets its record. Answers no row where the kept
/// receipt has another fingerprint.
///
/// `heard_count` is 0 where only broken events of the receipt were seen: such a record is opened
/// as if it were new.
pub(super) fn open(dialect: Dialect, receipt: &NewReceipt<'_>, target: &str, wanted: bool) -> Statement {
    let now = dialect.now();
    let touched = touched(now, "sync.");
    let keep = format!(
        "insert into receipt (tenant_uid, receipt_uid, voucher_number, order_number, store_uid, currency,
             amount, fingerprint, body, traceparent, heard_at, order_type, settled_at, settled_on, customer)
         values ($1, $2, $5, $6, $7, $8, $9, $10, $11, $12, {now}, $13, $14, $15, $16)
         on conflict (tenant_uid, receipt_uid) do update set
             order_number = excluded.order_number, body = excluded.body,
             traceparent = excluded.traceparent, customer = excluded.customer, pruned_at = null
         where receipt.pruned_at is not null and receipt.fingerprint = excluded.fingerprint
             and $4 = '{}' and not exists (select 1 from external_order_receipt_sync as done
                 where done.tenant_uid = $1 and done.receipt_uid = $2 and done.target = $3
                     and done.state in ('complete', 'dead'))",
        State::Pending
    );
    let kept = "exists (select 1 from receipt
         where tenant_uid = $1 and receipt_uid = $2 and fingerprint = $10)";
    let meet = format!(
        "on conflict (tenant_uid, receipt_uid, target) do update set
             state = case when sync.heard_count = 0 or sync.state = 'skipped'
                 then excluded.state else sync.state end,
             dead_stage = case when sync.heard_count = 0 then null else sync.dead_stage end,
             dead_reason = case when sync.heard_count = 0 then null else sync.dead_reason end,
             dead_error = case when sync.heard_count = 0 then null else sync.dead_error end,
             heard_count = sync.heard_count + 1,
             {touched}
         returning state, heard_count"
    );
    let record = format!(
        "insert into external_order_receipt_sync as sync
             (tenant_uid, receipt_uid, target, state, heard_count, created_at, updated_at)
         select $1, $2, $3, $4, 1, {now}, {now}"
    );
    let sql = match dialect {
        Dialect::Sqlite => format!("{keep}; {record} where {kept} {meet}"),
        // A statement does not see what its own parts write, hence the first half of the condition.
        Dialect::Postgres => format!(
            "with new as ({keep} returning 1)
             {record} where exists (select 1 from new) or {kept} {meet}"
        ),
    };
    let state = if wanted { State::Pending } else { State::Skipped };
    Statement::new(sql)
        .text(&receipt.key.tenant_uid)
        .text(&receipt.key.receipt_uid)
        .text(target)
        .text(state.as_str())
        .text(receipt.voucher_number)
        .text(receipt.order_number)
        .text(receipt.store_uid)
        .text(receipt.currency)
        .int(receipt.amount)
        .text(receipt.fingerprint)
        .bytes(receipt.body)
        .optional_text(receipt.traceparent)
        .particulars(receipt.particulars)
}

pub(super) fn read(row: &mut Row) -> Result<Opened, Surprise> {
    let state = row.word("state")?;
    Ok(if row.int()? == 1 { Opened::New } else { Opened::Again(state) })
}
