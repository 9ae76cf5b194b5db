//! The calls: the search for receipts, and the series of numbers. All paths and parameters are here.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use http_client::{
    Authorization, CallError, ConfigError, Request, Secret, Service, ServiceClient, ServiceConfig,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::FoundReceipt;

const SERVICE: &Service = &Service::new("Flow", "FLOW_BASE_URL", "FLOW_API_TOKEN");

/// Number of the first page. Flow's pages do not say whether they count from 0; what is missing is noticed by
/// `totalCount`.
const FIRST_PAGE: u64 = 1;

/// What Flow's client needs.
#[derive(Clone, Debug)]
pub struct FlowConfig {
    /// Where the API is, its version included.
    pub base_url: String,
    /// A token with the right to read receipts and series of numbers.
    pub token: Secret,
    /// Items per page; at least 1.
    pub page_size: u32,
    /// Requests in flight at once, of this process; at least 1.
    pub max_concurrent: usize,
    /// How long one request may take, its answer included.
    pub timeout: Duration,
}

/// Flow's API. Clones share the rate limiter and the connections: one per process.
#[derive(Clone, Debug)]
pub struct Flow {
    client: ServiceClient,
    page_size: u32,
}

/// Which receipts of a tenant; `None` and empty match all.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Search {
    /// Exactly this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voucher_number: Option<String>,
    /// Of the order with exactly this number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_number: Option<String>,
    /// Of these stores.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub store_uids: Vec<String>,
    /// Settled then or later.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub settled_at_from: Option<DateTime<Utc>>,
    /// Settled then or earlier.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub settled_at_to: Option<DateTime<Utc>>,
}

#[allow(clippy::ref_option, reason = "serde's signature")]
fn rfc3339<S: serde::Serializer>(time: &Option<DateTime<Utc>>, serializer: S) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Millis, true)).serialize(serializer)
}

/// What a webhook says of a receipt. Each is used as far as it is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ids {
    /// The receipt's uid.
    pub receipt: Option<String>,
    /// The order's uid.
    pub order: Option<String>,
    /// The receipt's number.
    pub voucher_number: Option<String>,
    /// The order's number.
    pub order_number: Option<String>,
    /// The store's uid.
    pub store: Option<String>,
}

/// A series of numbers that a tenant's receipts, purchases and so on are given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NumberSeries {
    /// Identifies it within its tenant.
    pub number_series_uid: String,
    /// As people know it.
    #[serde(default)]
    pub name: Option<String>,
    /// What is numbered by it: `PURCHASE` …
    #[serde(rename = "type", default)]
    pub kind: Option<String>,
    /// The first number.
    pub start: u64,
    /// The last number that it may give.
    #[serde(default)]
    pub end: Option<u64>,
    /// The last number that it gave.
    pub current_value: u64,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    #[serde(default)]
    paging: Paging,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paging {
    total_count: Option<u64>,
}

/// What was read of an answer in pages, each item once: what is added while it is read pushes others onto the next
/// page.
struct Reading<T> {
    all: Vec<T>,
    uids: HashSet<String>,
    /// Items as of the first page.
    total: Option<u64>,
}

impl<T> Reading<T> {
    fn new() -> Self {
        Self { all: Vec::new(), uids: HashSet::new(), total: None }
    }

    /// Whether this page is the last one. `None` where pages are not as assumed, because what is missing must not go
    /// unnoticed: there is no `totalCount`, or it is not reached and the page has nothing new.
    fn add(&mut self, page: Vec<T>, total: Option<u64>, uid: impl Fn(&T) -> &str) -> Option<bool> {
        let total = *self.total.get_or_insert(total?);
        let before = self.all.len();
        self.all.extend(page.into_iter().filter(|item| self.uids.insert(uid(item).to_owned())));
        let is_last = self.all.len() as u64 >= total;
        (is_last || self.all.len() > before).then_some(is_last)
    }
}

impl Flow {
    /// A client that has not called yet.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: FlowConfig) -> Result<Self, ConfigError> {
        let FlowConfig { base_url, token, page_size, max_concurrent, timeout } = config;
        let authorization = Some(Authorization::Bearer(token));
        let config = ServiceConfig { url: base_url, authorization, max_concurrent, timeout };
        Ok(Self { client: ServiceClient::new(SERVICE, config)?, page_size })
    }

    /// Whether it can be reached and accepts the token, without reading anything.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn reach(&self) -> Result<u16, CallError> {
        self.client.reach(&[]).await
    }

    /// All receipts of a tenant that match, the latest settled first.
    ///
    /// # Errors
    /// See [`CallError`]; [`CallError::Foreign`] also where pages are missing, repeated, or without `totalCount`.
    pub async fn receipts(&self, tenant: &str, search: &Search) -> Result<Vec<FoundReceipt>, CallError> {
        self.search(tenant, search, |_| false).await
    }

    /// The receipts that a webhook's ids are of, settled since then; none where Flow does not show them yet. By
    /// number, Flow looks them up; by uid alone, the store's receipts are read back until one is of it.
    ///
    /// # Errors
    /// As of [`receipts`](Self::receipts).
    pub async fn find(
        &self,
        tenant: &str,
        ids: &Ids,
        since: DateTime<Utc>,
    ) -> Result<Vec<FoundReceipt>, CallError> {
        let (voucher_number, order_number) = (ids.voucher_number.clone(), ids.order_number.clone());
        let search = match voucher_number.is_some() || order_number.is_some() {
            true => Search { voucher_number, order_number, ..Search::default() },
            false => Search {
                store_uids: ids.store.iter().cloned().collect(),
                settled_at_from: Some(since),
                ..Search::default()
            },
        };
        let is_of = |found: &FoundReceipt| {
            let is =
                |wanted: &Option<String>, uid: &str| wanted.as_deref().is_none_or(|wanted| wanted == uid);
            is(&ids.receipt, &found.uid) && is(&ids.order, &found.order_uid)
        };
        let mut found = self.search(tenant, &search, |page| page.iter().any(is_of)).await?;
        found.retain(is_of);
        Ok(found)
    }

    /// The series of numbers of a tenant.
    ///
    /// # Errors
    /// As of [`receipts`](Self::receipts).
    pub async fn number_series(&self, tenant: &str) -> Result<Vec<NumberSeries>, CallError> {
        let path = ["tenants", tenant, "number-series"];
        let mut reading = Reading::new();
        for number in FIRST_PAGE.. {
            let (number, size) = (number.to_string(), self.page_size.to_string());
            let query = [("pageNumber", &*number), ("pageSize", &*size)];
            let success = self.client.get("/tenants/{uid}/number-series", &path, &query).await?;
            let Page { items, paging } = self.read::<Page<NumberSeries>>(&success.body)?;
            let is_last = reading.add(items, paging.total_count, |series| &series.number_series_uid);
            if is_last.ok_or_else(|| self.client.foreign(200))? {
                break;
            }
        }
        Ok(reading.all)
    }

    /// Reads page after page, until one suffices or the last one.
    async fn search(
        &self,
        tenant: &str,
        search: &Search,
        suffices: impl Fn(&[FoundReceipt]) -> bool,
    ) -> Result<Vec<FoundReceipt>, CallError> {
        let path = ["tenants", tenant, "receipts", "search"];
        let body = serde_json::to_vec(search).expect("texts always become JSON");
        let mut reading = Reading::new();
        for number in FIRST_PAGE.. {
            let (number, size) = (number.to_string(), self.page_size.to_string());
            let query = [
                ("pageNumber", &*number),
                ("pageSize", &*size),
                ("sortBy", "settledAt"),
                ("sortDirection", "DESC"),
            ];
            let request = Request {
                template: "/tenants/{uid}/receipts/search",
                path: &path,
                idempotency_key: None,
                body: body.clone().into(),
                successes: &[200],
            };
            let success = self.client.call_with_query(&query, &request).await?;
            let Page { items, paging } = self.read::<Page<Value>>(&success.body)?;
            let page: Option<Vec<_>> = items.into_iter().map(FoundReceipt::new).collect();
            let page = page.ok_or_else(|| self.client.foreign(200))?;
            let is_enough = suffices(&page);
            let is_last = reading.add(page, paging.total_count, |found| &found.uid);
            if is_last.ok_or_else(|| self.client.foreign(200))? || is_enough {
                break;
            }
        }
        Ok(reading.all)
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, CallError> {
        serde_json::from_slice(body).map_err(|_| self.client.foreign(200))
    }
}
