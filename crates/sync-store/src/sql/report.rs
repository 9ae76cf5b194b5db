//! Reports: days counted, vouchers and receipts page by page, particulars filled in.

use async_trait::async_trait;
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};

use crate::dead::ABOUT_THE_MESSAGE;
use crate::sql::{Database, Row, SqlStore, Statement, Surprise, search};
use crate::{
    BrokenCounts, FoundReceipt, Key, Page, Particulars, Period, ReceiptCount, ReportStore, SettledReceipt,
    SettledVoucher, Sought, StoreError, WithoutParticulars,
};

#[async_trait]
impl<D: Database> ReportStore for SqlStore<D> {
    async fn receipt_counts(
        &self,
        day: NaiveDate,
        target: &str,
        tenant: Option<&str>,
    ) -> Result<Vec<ReceiptCount>, StoreError> {
        let rows = self.0.read(receipt_counts(day, target, tenant)).await?;
        self.each(rows, read_receipt_count)
    }

    async fn broken_counts(
        &self,
        day: NaiveDate,
        target: &str,
        tenant: Option<&str>,
    ) -> Result<BrokenCounts, StoreError> {
        let rows = self.0.read(broken_counts(day, target, tenant)).await?;
        Ok(self.first(rows, read_broken_counts)?.unwrap_or_default())
    }

    async fn settled_vouchers(
        &self,
        period: Period,
        tenant: Option<&str>,
        after: Option<(NaiveDate, &Key)>,
        limit: u32,
    ) -> Result<Vec<SettledVoucher>, StoreError> {
        let rows =
            self.0.read(settled("store_uid, voucher_number", "true", period, tenant, after, limit)).await?;
        self.each(rows, |row| {
            let (day, key) = (row.word("day")?, key(row)?);
            Ok(SettledVoucher { day, key, store_uid: row.text()?, voucher_number: row.text()? })
        })
    }

    async fn settled_receipts(
        &self,
        period: Period,
        tenant: Option<&str>,
        after: Option<(NaiveDate, &Key)>,
        limit: u32,
    ) -> Result<Vec<SettledReceipt>, StoreError> {
        let rows = self
            .0
            .read(settled("voucher_number, body", "pruned_at is null", period, tenant, after, limit))
            .await?;
        self.each(rows, |row| {
            let (day, key) = (row.word("day")?, key(row)?);
            Ok(SettledReceipt { day, key, voucher_number: row.text()?, body: row.bytes()? })
        })
    }

    async fn settled_on(&self, key: &Key) -> Result<Option<NaiveDate>, StoreError> {
        let sql = "select settled_on from receipt where tenant_uid = $1 and receipt_uid = $2";
        let rows = self.0.read(Statement::new(sql).text(&key.tenant_uid).text(&key.receipt_uid)).await?;
        Ok(self.first(rows, |row| row.optional_word("day"))?.flatten())
    }

    async fn search(
        &self,
        text: &str,
        sought: Sought,
        tenant: Option<&str>,
        page: Page,
    ) -> Result<Vec<FoundReceipt>, StoreError> {
        let rows = self.0.read(search::search(text, sought, tenant, page)).await?;
        Ok(search::by_receipt(self.each(rows, crate::sql::find::read_listed)?))
    }

    async fn without_particulars(&self, limit: u32) -> Result<Vec<WithoutParticulars>, StoreError> {
        let sql = "select tenant_uid, receipt_uid, heard_at, body from receipt
             where settled_on is null order by heard_at limit $1";
        let rows = self.0.read(Statement::new(sql).int(limit)).await?;
        self.each(rows, |row| {
            Ok(WithoutParticulars { key: key(row)?, heard_at: row.time()?, body: row.bytes()? })
        })
    }

    async fn count_on(&self, key: &Key, day: NaiveDate) -> Result<(), StoreError> {
        let statement = Statement::new(
            "update receipt set settled_on = $3
             where tenant_uid = $1 and receipt_uid = $2 and settled_on is not null",
        );
        let statement = statement.text(&key.tenant_uid).text(&key.receipt_uid).text(&day.to_string());
        self.0.write(statement).await.map(drop)
    }

    async fn keep_particulars(&self, key: &Key, particulars: &Particulars) -> Result<(), StoreError> {
        let statement = Statement::new(
            "update receipt set order_type = $3, settled_at = $4, settled_on = $5, customer = $6
             where tenant_uid = $1 and receipt_uid = $2 and settled_on is null",
        );
        let statement = statement.text(&key.tenant_uid).text(&key.receipt_uid);
        self.0.write(statement.particulars(Some(particulars))).await.map(drop)
    }
}

impl Statement {
    /// Type, time, day and customer.
    pub(super) fn particulars(self, particulars: Option<&Particulars>) -> Self {
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
        "select heard.tenant_uid, store_uid, order_type, currency, state, count(*),
             cast(sum(amount / {BILLION}) as bigint), cast(sum(amount % {BILLION}) as bigint)
         from (select {columns} from receipt where settled_on = $1
             union all
             select {columns} from receipt where settled_on is null and heard_at >= $2 and heard_at < $3
         ) as heard
             left join external_order_receipt_sync as sync on sync.tenant_uid = heard.tenant_uid
                 and sync.receipt_uid = heard.receipt_uid and sync.target = $4
         where cast($5 as text) is null or heard.tenant_uid = $5
         group by heard.tenant_uid, store_uid, order_type, currency, state"
    ))
    .day(day)
    .text(target)
    .optional_text(tenant)
}

fn read_receipt_count(row: &mut Row) -> Result<ReceiptCount, Surprise> {
    Ok(ReceiptCount {
        tenant_uid: row.text()?,
        store_uid: row.text()?,
        order_type: row.optional_text()?,
        currency: row.text()?,
        state: row.optional_word("state")?,
        count: row.count()?,
        sum: i128::from(row.int()?) * i128::from(BILLION) + i128::from(row.int()?),
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
                         and receipt.receipt_uid = sync.receipt_uid)),
             (select count(*) from dead_letter where place = 'dead' and {no_receipt}),
             (select count(*) from dead_letter where place = 'discarded' and {no_receipt}),
             (select count(*) from dead_letter as letter
                 where place = 'dead' and noted_at >= $2 and noted_at < $3 and stage = 'receipt'
                     and reason in ({about_the_message})
                     and (cast($5 as text) is null or tenant_uid = $5)
                     and exists (select 1 from receipt where receipt.tenant_uid = letter.tenant_uid
                         and receipt.receipt_uid = letter.receipt_uid))
         where cast($1 as text) is not null"
    ))
    .day(day)
    .text(target)
    .optional_text(tenant)
}

fn read_broken_counts(row: &mut Row) -> Result<BrokenCounts, Surprise> {
    Ok(BrokenCounts {
        only_broken: row.count()?,
        unreadable: row.count()?,
        discarded: row.count()?,
        disputed: row.count()?,
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

fn key(row: &mut Row) -> Result<Key, Surprise> {
    Ok(Key { tenant_uid: row.text()?, receipt_uid: row.text()? })
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
