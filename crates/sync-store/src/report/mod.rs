//! What accountants ask: what was received on a day and what became of it, which vouchers there are, and where one
//! receipt is.

mod sql;

use async_trait::async_trait;
use chrono::{DateTime, NaiveDate, Utc};

use crate::{Key, Page, Particulars, ReceiptFacts, Record, State, StoreError};

/// Reports, and the search for receipts. Reports are queried by day and lists by page, so that no query takes long,
/// however many receipts there are.
#[async_trait]
pub trait ReportStore: Send + Sync {
    /// The receipts of one day, counted and summed by tenant, store, type, currency, and the state of
    /// their record for this target. Those whose particulars are not known yet count on the day (UTC)
    /// they were received on.
    async fn receipt_counts(
        &self,
        day: NaiveDate,
        target: &str,
        tenant: Option<&str>,
    ) -> Result<Vec<ReceiptCount>, StoreError>;

    /// What was received on one day (UTC) and is no receipt of which more is known.
    async fn broken_counts(
        &self,
        day: NaiveDate,
        target: &str,
        tenant: Option<&str>,
    ) -> Result<BrokenCounts, StoreError>;

    /// The vouchers of a period, by day, tenant and receipt uid; those after the one given.
    async fn settled_vouchers(
        &self,
        period: Period,
        tenant: Option<&str>,
        after: Option<(NaiveDate, &Key)>,
        limit: u32,
    ) -> Result<Vec<SettledVoucher>, StoreError>;

    /// The receipts of a period with their bodies, in the same order; those after the one given.
    async fn settled_receipts(
        &self,
        period: Period,
        tenant: Option<&str>,
        after: Option<(NaiveDate, &Key)>,
        limit: u32,
    ) -> Result<Vec<SettledReceipt>, StoreError>;

    /// The day of a receipt, where its particulars are known.
    async fn settled_on(&self, key: &Key) -> Result<Option<NaiveDate>, StoreError>;

    /// Receipts with this voucher number, order number or uid, exactly; then those whose customer has this
    /// text in their name, number, e-mail or telephone, in capitals or not. The latest received come first,
    /// each with all of its records.
    async fn search(
        &self,
        text: &str,
        scope: SearchScope,
        tenant: Option<&str>,
        page: Page,
    ) -> Result<Vec<FoundReceipt>, StoreError>;

    /// Receipts that were written without their particulars, the oldest first: by an earlier version,
    /// before its tables had them or beside this one.
    async fn without_particulars(&self, limit: u32) -> Result<Vec<WithoutParticulars>, StoreError>;

    /// Moves a receipt that has its particulars to another day.
    async fn count_on(&self, key: &Key, day: NaiveDate) -> Result<(), StoreError>;

    /// Stores the particulars of a receipt that had none.
    async fn keep_particulars(&self, key: &Key, particulars: &Particulars) -> Result<(), StoreError>;
}

/// Where [`ReportStore::search`] looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchScope {
    /// In voucher numbers, order numbers, uids and customers.
    Everywhere,
    /// Not in customers: for those who may not read personal data.
    WithoutCustomers,
}

/// Consecutive days, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// First day.
    pub from: NaiveDate,
    /// Last day.
    pub to: NaiveDate,
}

/// The receipts of one group on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptCount {
    /// The retailer.
    pub tenant_uid: String,
    /// The store that issued them.
    pub store_uid: String,
    /// `SALE`, `RETURN`, `PAYMENT`; `None` where it is not known.
    pub order_type: Option<String>,
    /// ISO 4217.
    pub currency: String,
    /// The state of their record; `None` where there is none for the target.
    pub state: Option<State>,
    /// How many.
    pub count: u64,
    /// Their invoices' amounts together, in hundredths: 2500 is 25.00.
    pub sum: i128,
}

/// What was received on one day and is no receipt of which more is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BrokenCounts {
    /// Receipts of which only broken events were received. Their records are dead.
    pub only_broken: u64,
    /// Dead letters from which no receipt could be read.
    pub unreadable: u64,
    /// The same, where a person has discarded them.
    pub discarded: u64,
    /// Dead letters that say something else of a receipt that was received unbroken.
    pub disputed: u64,
}

/// A voucher, and where it was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledVoucher {
    /// The store's day it was settled on.
    pub day: NaiveDate,
    /// The receipt.
    pub key: Key,
    /// The store that issued it.
    pub store_uid: String,
    /// The number customers know it by.
    pub voucher_number: String,
}

/// A receipt with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettledReceipt {
    /// The store's day it was settled on.
    pub day: NaiveDate,
    /// Which one.
    pub key: Key,
    /// The number customers know it by.
    pub voucher_number: String,
    /// The event's bytes as they came.
    pub body: Vec<u8>,
}

/// A receipt that was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundReceipt {
    /// Which one.
    pub key: Key,
    /// What is known of it; `None` where only broken events of it were received.
    pub facts: Option<ReceiptFacts>,
    /// Its records, by target.
    pub records: Vec<Record>,
}

/// A receipt that was written without its particulars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithoutParticulars {
    /// Which one.
    pub key: Key,
    /// When it was received first.
    pub heard_at: DateTime<Utc>,
    /// The event's bytes as they came.
    pub body: Vec<u8>,
}
