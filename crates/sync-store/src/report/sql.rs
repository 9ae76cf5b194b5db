//! The statements of reports and of the search.

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use crate::dead_letter::ABOUT_THE_MESSAGE;
use crate::record::{FACTS, RECORD, read_listed};
use crate::sql::{Database, DecodeError, Row, SqlStore, Statement, containing};
use crate::{
    BrokenCounts, FoundReceipt, Key, Listed, Page, Particulars, Period, ReceiptCount, ReportStore,
    SearchScope, SettledReceipt, SettledVoucher, StoreError, WithoutParticulars,
};

#[async_trait]
impl<D: Database> ReportStore for SqlStore<D> {
    async fn receipt_counts(
        &self,
        day: NaiveDate,
        target: &str,
        tenant: Option<&str>,
    ) -> Result<Vec<ReceiptCount>, StoreError> {
        self.list(receipt_counts(day, target, tenant), read_receipt_count).await
    }

    async fn broken_counts(
        &self,
        day: NaiveDate,
        target: &str,
        tenant: Option<&str>,
    ) -> Result<BrokenCounts, StoreError> {
        let counts = self.find(broken_counts(day, target, tenant), read_broken_counts).await?;
        Ok(counts.unwrap_or_default())
    }

    async fn settled_vouchers(
        &self,
        period: Period,
        tenant: Option<&str>,
        after: Option<(NaiveDate, &Key)>,
        limit: u32,
    ) -> Result<Vec<SettledVoucher>, StoreError> {
        let vouchers = settled("store_uid, voucher_number", "true", period, tenant, after, limit);
        let vouchers = self.list(vouchers, |row| {
            Ok(SettledVoucher {
                day: row.get("settled_on")?,
                key: row.key()?,
                store_uid: row.get("store_uid")?,
                voucher_number: row.get("voucher_number")?,
            })
        });
        vouchers.await
    }

    async fn settled_receipts(
        &self,
        period: Period,
        tenant: Option<&str>,
        after: Option<(NaiveDate, &Key)>,
        limit: u32,
    ) -> Result<Vec<SettledReceipt>, StoreError> {
        let receipts = settled("voucher_number, body", "pruned_at is null", period, tenant, after, limit);
        let receipts = self.list(receipts, |row| {
            Ok(SettledReceipt {
                day: row.get("settled_on")?,
                key: row.key()?,
                voucher_number: row.get("voucher_number")?,
                body: row.get("body")?,
            })
        });
        receipts.await
    }

    async fn settled_on(&self, key: &Key) -> Result<Option<NaiveDate>, StoreError> {
        let sql = "select settled_on from receipt where tenant_uid = $1 and receipt_uid = $2";
        let statement = Statement::new(sql).text(&key.tenant_uid).text(&key.receipt_uid);
        Ok(self.find(statement, |row| row.optional("settled_on")).await?.flatten())
    }

    async fn search(
        &self,
        text: &str,
        scope: SearchScope,
        tenant: Option<&str>,
        page: Page,
    ) -> Result<Vec<FoundReceipt>, StoreError> {
        Ok(by_receipt(self.list(search(text, scope, tenant, page), read_listed).await?))
    }

    async fn without_particulars(&self, limit: u32) -> Result<Vec<WithoutParticulars>, StoreError> {
        let sql = "select tenant_uid, receipt_uid, heard_at, body from receipt
             where settled_on is null order by heard_at limit $1";
        let receipts = self.list(Statement::new(sql).int(limit), |row| {
            Ok(WithoutParticulars { key: row.key()?, heard_at: row.get("heard_at")?, body: row.get("body")? })
        });
        receipts.await
    }

    async fn count_on(&self, key: &Key, day: NaiveDate) -> Result<(), StoreError> {
        let statement = Statement::new(
            "update receipt set settled_on = $3
             where tenant_uid = $1 and receipt_uid = $2 and settled_on is not null",
        );
        let statement = statement.text(&key.tenant_uid).text(&key.receipt_uid).text(&day.to_string());
        self.write(statement).await
    }

    async fn keep_particulars(&self, key: &Key, particulars: &Particulars) -> Result<(), StoreError> {
        let statement = Statement::new(
            "update receipt set order_type = $3, settled_at = $4, settled_on = $5, customer = $6
             where tenant_uid = $1 and receipt_uid = $2 and settled_on is null",
        );
        let statement = statement.text(&key.tenant_uid).text(&key.receipt_uid);
        self.write(statement.particulars(Some(particulars))).await
    }
}

impl Statement {
    /// Type, time, day and customer.
    pub(crate) fn particulars(self, particulars: Option<&Particulars>) -> Self {
        self.optional_text(particulars.and_then(|particulars| particulars.order_type.as_deref()))
            .time(particulars.and_then(|particulars| particulars.settled_at))
            .optional_text(particulars.map(|particulars| particulars.settled_on.to_string()).as_deref())
            .optional_text(particulars.map(|particulars| cut(&particulars.customer)))
    }
}

/// The start of a text, at most [`Particulars::CUSTOMER_KEPT`] bytes: what an index takes.
fn cut(customer: &str) -> &str {
    &customer[..customer.floor_char_boundary(Particulars::CUSTOMER_KEPT)]
}

/// The sum in two halves: SQLite fails where a sum of integers leaves 64 bits, and PostgreSQL answers
/// another type.
const BILLION: i64 = 1_000_000_000;

fn receipt_counts(day: NaiveDate, target: &str, tenant: Option<&str>) -> Statement {
    let columns = "tenant_uid, receipt_uid, store_uid, order_type, currency, amount";
    Statement::new(format!(
        "select received.tenant_uid, store_uid, order_type, currency, state, count(*) as count,
             cast(sum(amount / {BILLION}) as bigint) as billions, cast(sum(amount % {BILLION}) as bigint) as rest
         from (select {columns} from receipt where settled_on = $1
             union all
             select {columns} from receipt where settled_on is null and heard_at >= $2 and heard_at < $3
         ) as received
             left join external_order_receipt_sync as sync on sync.tenant_uid = received.tenant_uid
                 and sync.receipt_uid = received.receipt_uid and sync.target = $4
         where cast($5 as text) is null or received.tenant_uid = $5
         group by received.tenant_uid, store_uid, order_type, currency, state"
    ))
    .day(day)
    .text(target)
    .optional_text(tenant)
}

fn read_receipt_count(row: &Row) -> Result<ReceiptCount, DecodeError> {
    let (billions, rest) = (row.get::<i64>("billions")?, row.get::<i64>("rest")?);
    Ok(ReceiptCount {
        tenant_uid: row.get("tenant_uid")?,
        store_uid: row.get("store_uid")?,
        order_type: row.optional("order_type")?,
        currency: row.get("currency")?,
        state: row.optional("state")?,
        count: row.get("count")?,
        sum: i128::from(billions) * i128::from(BILLION) + i128::from(rest),
    })
}

fn broken_counts(day: NaiveDate, target: &str, tenant: Option<&str>) -> Statement {
    let about_the_message = ABOUT_THE_MESSAGE.map(|reason| format!("'{reason}'")).join(", ");
    // A dead letter of the stage `packed` is about a package, unless it holds an invoice that was made.
    let no_receipt = "noted_at >= $2 and noted_at < $3 and tenant_uid is null
        and (stage = 'receipt' or stage = 'packed' and reason = 'invalid_answer')";
    Statement::new(format!(
        "select
             (select count(*) from external_order_receipt_sync as sync
                 where created_at >= $2 and created_at < $3 and heard_count = 0 and target = $4
                     and (cast($5 as text) is null or tenant_uid = $5)
                     and not exists (select 1 from receipt where receipt.tenant_uid = sync.tenant_uid
                         and receipt.receipt_uid = sync.receipt_uid)) as only_broken,
             (select count(*) from dead_letter where place = 'dead' and {no_receipt}) as unreadable,
             (select count(*) from dead_letter where place = 'discarded' and {no_receipt}) as discarded,
             (select count(*) from dead_letter as letter
                 where place = 'dead' and noted_at >= $2 and noted_at < $3 and stage = 'receipt'
                     and reason in ({about_the_message})
                     and (cast($5 as text) is null or tenant_uid = $5)
                     and exists (select 1 from receipt where receipt.tenant_uid = letter.tenant_uid
                         and receipt.receipt_uid = letter.receipt_uid)) as disputed
         where cast($1 as text) is not null"
    ))
    .day(day)
    .text(target)
    .optional_text(tenant)
}

fn read_broken_counts(row: &Row) -> Result<BrokenCounts, DecodeError> {
    Ok(BrokenCounts {
        only_broken: row.get("only_broken")?,
        unreadable: row.get("unreadable")?,
        discarded: row.get("discarded")?,
        disputed: row.get("disputed")?,
    })
}

/// The receipts of a period in the order of their index, which an empty uid comes before.
fn settled(
    columns: &str,
    only: &str,
    period: Period,
    tenant: Option<&str>,
    after: Option<(NaiveDate, &Key)>,
    limit: u32,
) -> Statement {
    let (day, tenant_uid, receipt_uid) = match after {
        Some((day, key)) if day >= period.from => (day, &*key.tenant_uid, &*key.receipt_uid),
        _ => (period.from, "", ""),
    };
    Statement::new(format!(
        "select settled_on, tenant_uid, receipt_uid, {columns} from receipt
         where (settled_on, tenant_uid, receipt_uid) > ($1, $2, $3) and settled_on <= $4 and {only}
             and (cast($5 as text) is null or tenant_uid = $5)
         order by settled_on, tenant_uid, receipt_uid
         limit $6"
    ))
    .text(&day.to_string())
    .text(tenant_uid)
    .text(receipt_uid)
    .text(&period.to.to_string())
    .optional_text(tenant)
    .int(limit)
}

impl Statement {
    /// The day, its first moment in UTC, and the next one's.
    fn day(self, day: NaiveDate) -> Self {
        let midnight =
            |day: NaiveDate| DateTime::<Utc>::from_naive_utc_and_offset(day.and_time(NaiveTime::MIN), Utc);
        let next = day.checked_add_days(Days::new(1)).unwrap_or(day);
        self.text(&day.to_string()).time(Some(midnight(day))).time(Some(midnight(next)))
    }
}

/// Voucher, order and uid each use an index of their own. Customers are scanned, the newest first, until there are
/// enough of them.
fn search(text: &str, scope: SearchScope, tenant: Option<&str>, page: Page) -> Statement {
    let is_theirs = "(cast($3 as text) is null or tenant_uid = $3)";
    let customers_searched = match scope {
        SearchScope::Everywhere => "true",
        SearchScope::WithoutCustomers => "false",
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
             where {customers_searched} and customer > '' and customer like $2 escape '\\' and {is_theirs}
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
fn by_receipt(records: Vec<Listed>) -> Vec<FoundReceipt> {
    let mut found: Vec<FoundReceipt> = Vec::new();
    for Listed { record, receipt } in records {
        match found.last_mut() {
            Some(last) if last.key == record.key => last.records.push(record),
            _ => found.push(FoundReceipt { key: record.key.clone(), facts: receipt, records: vec![record] }),
        }
    }
    found
}
