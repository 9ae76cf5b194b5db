//! The lease, and the steps of a record from pending to complete.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::sql::find::RECORD;
use crate::sql::{Dialect, Statement};
use crate::{Attach, Key, Lease, Record, State};

/// Grants the lease where the record can be worked on and nobody's lease runs. A dead record comes
/// back to the state it died in.
pub(super) fn lease(dialect: Dialect, key: &Key, target: &str, owner: &str, ttl: Duration) -> Statement {
    let now = dialect.now();
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set
                 lease_owner = $4, lease_until = {now} + $5, updated_at = {now},
                 state = coalesce(state_before_death, state), state_before_death = null,
                 dead_stage = null, dead_reason = null, dead_error = null
             where {THIS} and heard_count > 0 and state not in ('complete', 'skipped')
                 and (lease_until is null or lease_until <= {now})
             returning {RECORD}"
        ),
    )
    .text(owner)
    .duration(ttl)
}

/// Why no lease was granted, from the record as it is now.
pub(super) fn refusal(record: Option<Record>, now: DateTime<Utc>) -> Lease {
    match record {
        Some(record) if record.state == State::Complete => Lease::Complete(record),
        Some(record) if record.heard_count > 0 => match (record.state, record.lease) {
            (State::Skipped, _) => Lease::Skipped,
            // Given back between the question and the look: nothing of it is left.
            (_, lease) => {
                let left = lease.and_then(|lease| (lease.until - now).to_std().ok());
                Lease::Held { left: left.unwrap_or_default() }
            }
        },
        _ => Lease::NoRecord,
    }
}

/// Where the database's clock was set back, a lease lasts from now as long as it did from when it was last
/// written.
pub(super) fn count_anew(dialect: Dialect, table: &str, this: &str) -> String {
    let now = dialect.now();
    format!(
        "update {table} set lease_until = {now} + lease_until - updated_at, updated_at = {now}
         where {this} and updated_at > {now} and lease_until > updated_at
         returning lease_until - updated_at"
    )
}

/// Sets `updated_at` where a lease may run that the statement leaves alone: it keeps the time that
/// [`count_anew`] would grant it. `of` qualifies the columns.
pub(super) fn touched(now: &str, of: &str) -> String {
    format!(
        "lease_until = case when {of}updated_at > {now}
             then {now} + {of}lease_until - {of}updated_at else {of}lease_until end,
         updated_at = {now}"
    )
}

pub(super) fn count_lease_anew(dialect: Dialect, key: &Key, target: &str) -> Statement {
    of(key, target, count_anew(dialect, "external_order_receipt_sync", THIS))
}

pub(super) fn invoice_created(
    dialect: Dialect,
    key: &Key,
    target: &str,
    owner: &str,
    invoice_id: &str,
) -> Statement {
    let now = dialect.now();
    let touched = touched(now, "");
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set
                 state = 'invoice_created', invoice_id = $5, {touched}
             where {THIS} and state in ('pending', 'invoice_created')
                 and lease_owner = $4 and lease_until > {now}
             returning target"
        ),
    )
    .text(owner)
    .text(invoice_id)
}

/// Also from `pending`: the step carries the invoice's id, so that `invoice_created` may be left
/// out where both follow each other at once.
pub(super) fn attaching(dialect: Dialect, key: &Key, target: &str, attach: &Attach<'_>) -> Statement {
    let now = dialect.now();
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set
                 state = 'attaching', invoice_id = $5, file_name = $6, pdf_sha256 = $7,
                 lease_until = {now} + $8, updated_at = {now}
             where {THIS} and state in ('pending', 'invoice_created', 'attaching')
                 and lease_owner = $4 and lease_until > {now}
             returning target"
        ),
    )
    .text(attach.owner)
    .text(attach.invoice_id)
    .text(attach.file_name)
    .text(attach.pdf_sha256)
    .duration(attach.ttl)
}

pub(super) fn not_attached(dialect: Dialect, key: &Key, target: &str, owner: &str) -> Statement {
    let now = dialect.now();
    let touched = touched(now, "");
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set state = 'invoice_created', {touched}
             where {THIS} and state = 'attaching' and lease_owner = $4 and lease_until > {now}
             returning target"
        ),
    )
    .text(owner)
}

/// A record that is complete already keeps its first invoice id and time.
pub(super) fn complete(dialect: Dialect, key: &Key, target: &str, invoice_id: &str) -> Statement {
    let now = dialect.now();
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set
                 state = 'complete', state_before_death = null,
                 invoice_id = case when state = 'complete' then invoice_id else $4 end,
                 lease_owner = null, lease_until = null,
                 dead_stage = null, dead_reason = null, dead_error = null,
                 completed_at = coalesce(completed_at, {now}), updated_at = {now}
             where {THIS}
             returning target"
        ),
    )
    .text(invoice_id)
}

pub(super) fn release(dialect: Dialect, key: &Key, target: &str, owner: &str) -> Statement {
    let now = dialect.now();
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set
                 lease_owner = null, lease_until = null, updated_at = {now}
             where {THIS} and lease_owner = $4"
        ),
    )
    .text(owner)
}

/// Only towards now: a lease that ends sooner, or has run out, stays as it is.
pub(super) fn shorten(dialect: Dialect, key: &Key, target: &str, owner: &str, ttl: Duration) -> Statement {
    let now = dialect.now();
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set lease_until = {now} + $5, updated_at = {now}
             where {THIS} and lease_owner = $4 and lease_until > {now} + $5"
        ),
    )
    .text(owner)
    .duration(ttl)
}

pub(super) fn skip(dialect: Dialect, key: &Key, target: &str, owner: &str) -> Statement {
    let now = dialect.now();
    of(
        key,
        target,
        format!(
            "update external_order_receipt_sync set
                 state = 'skipped', lease_owner = null, lease_until = null, updated_at = {now}
             where {THIS} and state in ('pending', 'attaching') and lease_owner = $4 and lease_until > {now}
             returning target"
        ),
    )
    .text(owner)
}

/// The record that `$1`, `$2` and `$3` name.
pub(super) const THIS: &str = "tenant_uid = $1 and receipt_uid = $2 and target = $3";

/// A statement whose first arguments name a record.
pub(super) fn of(key: &Key, target: &str, sql: String) -> Statement {
    Statement::new(sql).text(&key.tenant_uid).text(&key.receipt_uid).text(target)
}
