//! The sync cycle: what stopped on its way; and who may do what only one may do at a time.

use std::time::Duration;

use crate::sql::steps::{THIS, of, touched};
use crate::sql::{Dialect, Row, Statement, Surprise};
use crate::{Key, Stranded};

/// What was touched after now was touched before the clock was set back.
pub(super) fn stranded(dialect: Dialect, untouched_for: Duration, limit: u32) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "select tenant_uid, receipt_uid, target, body, traceparent
         from external_order_receipt_sync join receipt using (tenant_uid, receipt_uid)
         where state in ('pending', 'invoice_created', 'attaching')
             and (updated_at < {now} - $1 and (lease_until is null or lease_until <= {now})
                 or updated_at > {now} + $1)
         order by updated_at
         limit $2"
    ))
    .duration(untouched_for)
    .int(limit)
}

pub(super) fn touch(dialect: Dialect, key: &Key, target: &str) -> Statement {
    let touched = touched(dialect.now(), "");
    of(key, target, format!("update external_order_receipt_sync set {touched} where {THIS}"))
}

/// One that runs for more than twice as long as a new one would was taken before the clock was set back. A `ttl` of
/// zero gives it back, which its owner alone can do. The table has the name of its first use, which versions that
/// still run know it by.
pub(super) fn lease(dialect: Dialect, name: &str, owner: &str, ttl: Duration) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "insert into reconcile_lease as held (name, owner, until) values ($1, $2, {now} + $3)
         on conflict (name) do update set owner = excluded.owner, until = excluded.until
             where held.owner = excluded.owner or held.until <= {now}
                 or $3 > 0 and held.until > excluded.until + $3
         returning name"
    ))
    .text(name)
    .text(owner)
    .duration(ttl)
}

pub(super) fn holder(dialect: Dialect, name: &str) -> Statement {
    let now = dialect.now();
    Statement::new(format!("select owner, until from reconcile_lease where name = $1 and until > {now}"))
        .text(name)
}

pub(super) fn read_stranded(row: &mut Row) -> Result<Stranded, Surprise> {
    Ok(Stranded {
        key: Key { tenant_uid: row.text()?, receipt_uid: row.text()? },
        target: row.text()?,
        body: row.bytes()?,
        traceparent: row.optional_text()?,
    })
}
