//! The statements of the sync records.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::sql::{Database, DecodeError, Dialect, Row, SqlStore, Statement};
use crate::{
    Attach, Key, Lease, Listed, NewReceipt, Opened, Page, Receipt, ReceiptFacts, Record, RecordFilter,
    RecordStore, State, StateCount, Step, StoreError, StoreInfo, Stranded,
};

#[async_trait]
impl<D: Database> RecordStore for SqlStore<D> {
    async fn open(&self, receipt: &NewReceipt<'_>, target: &str, wanted: bool) -> Result<Opened, StoreError> {
        // A second turn is needed only where another process has put the same receipt there
        // between the start of our statement and its end.
        loop {
            let opened = self.write_one(open(self.dialect(), receipt, target, wanted), read_opened).await?;
            if let Some(opened) = opened {
                return Ok(opened);
            }
            match self.receipt(receipt.key).await? {
                Some(kept) if kept.fingerprint != receipt.fingerprint => {
                    return Ok(Opened::Differs { body: kept.body, fingerprint: kept.fingerprint });
                }
                _ => {}
            }
        }
    }

    async fn lease(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<Lease, StoreError> {
        let leased = self.write_one(lease(self.dialect(), key, target, owner, ttl), read_record).await?;
        if let Some(record) = leased {
            return Ok(Lease::Granted(record));
        }
        let refusal = refusal(self.record(key, target).await?, self.now().await?);
        let Lease::Held { left } = refusal else { return Ok(refusal) };
        let anew = of(key, target, count_anew(self.dialect(), "external_order_receipt_sync", THIS));
        let counted = self.write_one(anew, |row| row.get("remaining")).await?;
        Ok(Lease::Held { left: counted.unwrap_or(left) })
    }

    async fn attaching(&self, key: &Key, target: &str, attach: &Attach<'_>) -> Result<Step, StoreError> {
        self.step(attaching(self.dialect(), key, target, attach)).await
    }

    async fn not_attached(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError> {
        self.step(not_attached(self.dialect(), key, target, owner)).await
    }

    async fn complete(&self, key: &Key, target: &str, invoice_id: &str) -> Result<Step, StoreError> {
        self.step(complete(self.dialect(), key, target, invoice_id)).await
    }

    async fn release(&self, key: &Key, target: &str, owner: &str) -> Result<(), StoreError> {
        self.write(release(self.dialect(), key, target, owner)).await
    }

    async fn shorten(&self, key: &Key, target: &str, owner: &str, ttl: Duration) -> Result<(), StoreError> {
        self.write(shorten(self.dialect(), key, target, owner, ttl)).await
    }

    async fn skip(&self, key: &Key, target: &str, owner: &str) -> Result<Step, StoreError> {
        self.step(skip(self.dialect(), key, target, owner, None)).await
    }

    async fn rehearsed(&self, key: &Key, target: &str, owner: &str, would: &str) -> Result<Step, StoreError> {
        self.step(skip(self.dialect(), key, target, owner, Some(would))).await
    }

    async fn rehearsal(&self, key: &Key, target: &str) -> Result<Option<String>, StoreError> {
        // Once it is wanted after all, what a dry run said is void.
        let sql =
            format!("select rehearsed from external_order_receipt_sync where {THIS} and state = 'skipped'");
        let rehearsed = self.find(of(key, target, sql), |row| row.optional("rehearsed")).await?;
        Ok(rehearsed.flatten())
    }

    async fn record(&self, key: &Key, target: &str) -> Result<Option<Record>, StoreError> {
        let sql = format!("select {RECORD} from external_order_receipt_sync where {THIS}");
        self.find(of(key, target, sql), read_record).await
    }

    async fn records(&self, filter: &RecordFilter, page: Page) -> Result<Vec<Listed>, StoreError> {
        self.list(records(filter, page), read_listed).await
    }

    async fn counts(&self) -> Result<Vec<StateCount>, StoreError> {
        let counts = Statement::new(
            "select target, state, count(*) as count, min(updated_at) as oldest from external_order_receipt_sync
             group by target, state order by target, state",
        );
        self.list(counts, read_count).await
    }

    async fn receipt(&self, key: &Key) -> Result<Option<Receipt>, StoreError> {
        self.find(receipt(key), read_receipt).await
    }

    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Stranded>, StoreError> {
        self.list(stranded(self.dialect(), untouched_for, limit), read_stranded).await
    }

    async fn touch(&self, key: &Key, target: &str) -> Result<(), StoreError> {
        let touched = touched(self.dialect().now(), "");
        self.write(of(key, target, format!("update external_order_receipt_sync set {touched} where {THIS}")))
            .await
    }
}

/// The record that `$1`, `$2` and `$3` name.
const THIS: &str = "tenant_uid = $1 and receipt_uid = $2 and target = $3";

/// A statement whose first arguments name a record.
fn of(key: &Key, target: &str, sql: String) -> Statement {
    Statement::new(sql).text(&key.tenant_uid).text(&key.receipt_uid).text(target)
}

/// The columns that [`read_record`] reads.
pub(crate) const RECORD: &str = "tenant_uid, receipt_uid, target, state, invoice_id, file_name, pdf_sha256,
    lease_owner, lease_until, dead_stage, dead_reason, dead_error, heard_count,
    created_at, updated_at, completed_at";

/// The columns that [`read_facts`] reads.
pub(crate) const FACTS: &str = "voucher_number, order_number, store_uid, currency, amount, heard_at";

/// Keeps the receipt where it is new, or where it was pruned and is to be sent after all; and opens its record or
/// meets it again. Returns no row where the kept receipt has another fingerprint.
///
/// `heard_count` is 0 where only broken events of the receipt were received: such a record is opened as new.
fn open(dialect: Dialect, receipt: &NewReceipt<'_>, target: &str, wanted: bool) -> Statement {
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

fn read_opened(row: &Row) -> Result<Opened, DecodeError> {
    let state = row.get("state")?;
    Ok(if row.get::<u32>("heard_count")? == 1 { Opened::New } else { Opened::Again(state) })
}

/// Grants the lease where the record can be worked on and nobody's lease runs. A dead record comes
/// back to the state it died in.
fn lease(dialect: Dialect, key: &Key, target: &str, owner: &str, ttl: Duration) -> Statement {
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
fn refusal(record: Option<Record>, now: DateTime<Utc>) -> Lease {
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
pub(crate) fn count_anew(dialect: Dialect, table: &str, this: &str) -> String {
    let now = dialect.now();
    format!(
        "update {table} set lease_until = {now} + lease_until - updated_at, updated_at = {now}
         where {this} and updated_at > {now} and lease_until > updated_at
         returning lease_until - updated_at as remaining"
    )
}

/// Sets `updated_at` where a lease may run that the statement leaves alone: it keeps the time that
/// [`count_anew`] would grant it. `of` qualifies the columns.
pub(crate) fn touched(now: &str, of: &str) -> String {
    format!(
        "lease_until = case when {of}updated_at > {now}
             then {now} + {of}lease_until - {of}updated_at else {of}lease_until end,
         updated_at = {now}"
    )
}

/// Also from `pending`: the step carries the invoice's id.
fn attaching(dialect: Dialect, key: &Key, target: &str, attach: &Attach<'_>) -> Statement {
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

fn not_attached(dialect: Dialect, key: &Key, target: &str, owner: &str) -> Statement {
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
fn complete(dialect: Dialect, key: &Key, target: &str, invoice_id: &str) -> Statement {
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

fn release(dialect: Dialect, key: &Key, target: &str, owner: &str) -> Statement {
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
fn shorten(dialect: Dialect, key: &Key, target: &str, owner: &str, ttl: Duration) -> Statement {
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

/// Where a dry run skips it, with what it would have sent, only from `pending`: nothing was begun.
fn skip(dialect: Dialect, key: &Key, target: &str, owner: &str, rehearsed: Option<&str>) -> Statement {
    let now = dialect.now();
    let (rehearse, from) = match rehearsed {
        Some(_) => (", rehearsed = $5", "'pending'"),
        None => ("", "'pending', 'attaching'"),
    };
    let sql = format!(
        "update external_order_receipt_sync set
             state = 'skipped', lease_owner = null, lease_until = null, updated_at = {now}{rehearse}
         where {THIS} and state in ({from}) and lease_owner = $4 and lease_until > {now}
         returning target"
    );
    let skip = of(key, target, sql).text(owner);
    if rehearsed.is_some() { skip.optional_text(rehearsed) } else { skip }
}

fn records(filter: &RecordFilter, page: Page) -> Statement {
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

fn receipt(key: &Key) -> Statement {
    Statement::new(format!(
        "select {FACTS}, fingerprint, body, traceparent from receipt
         where tenant_uid = $1 and receipt_uid = $2"
    ))
    .text(&key.tenant_uid)
    .text(&key.receipt_uid)
}

/// What was touched after now was touched before the clock was set back.
fn stranded(dialect: Dialect, untouched_for: Duration, limit: u32) -> Statement {
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

fn read_record(row: &Row) -> Result<Record, DecodeError> {
    Ok(Record {
        key: row.key()?,
        target: row.get("target")?,
        state: row.get("state")?,
        invoice_id: row.optional("invoice_id")?,
        file_name: row.optional("file_name")?,
        pdf_sha256: row.optional("pdf_sha256")?,
        lease: row.optional_lease()?,
        death: row.optional_death()?,
        heard_count: row.get("heard_count")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        completed_at: row.optional("completed_at")?,
    })
}

pub(crate) fn read_listed(row: &Row) -> Result<Listed, DecodeError> {
    let has_receipt = row.optional::<String>("voucher_number")?.is_some();
    let receipt = has_receipt.then(|| read_facts(row)).transpose()?;
    Ok(Listed { record: read_record(row)?, receipt })
}

fn read_facts(row: &Row) -> Result<ReceiptFacts, DecodeError> {
    Ok(ReceiptFacts {
        voucher_number: row.get("voucher_number")?,
        order_number: row.get("order_number")?,
        store_uid: row.get("store_uid")?,
        currency: row.get("currency")?,
        amount: row.get("amount")?,
        heard_at: row.get("heard_at")?,
    })
}

fn read_receipt(row: &Row) -> Result<Receipt, DecodeError> {
    Ok(Receipt {
        facts: read_facts(row)?,
        fingerprint: row.get("fingerprint")?,
        body: row.get("body")?,
        traceparent: row.optional("traceparent")?,
    })
}

fn read_count(row: &Row) -> Result<StateCount, DecodeError> {
    Ok(StateCount {
        target: row.get("target")?,
        state: row.get("state")?,
        count: row.get("count")?,
        oldest: row.get("oldest")?,
    })
}

fn read_stranded(row: &Row) -> Result<Stranded, DecodeError> {
    Ok(Stranded {
        key: row.key()?,
        target: row.get("target")?,
        body: row.get("body")?,
        traceparent: row.optional("traceparent")?,
    })
}
