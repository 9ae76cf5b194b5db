//! The stand-in for Flow Retail's API, as far as receipts are read from it:
//! `POST /flow/v2/tenants/{uid}/receipts/search` and `GET /flow/v2/tenants/{uid}/number-series`, with a bearer token.
//!
//! A search with an unknown member or parameter, or one of another type, is answered 400: Flow's pages list them. Pages
//! count from 1 unless [`Options`] say otherwise. Receipts are added in code ([`Flow::add_receipt`]), or over HTTP: `POST /flow/receipts/{uid}`.

use std::collections::BTreeMap;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use config::Secret;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use crate::{Call, Fault, Rule};

use crate::http::{Caller, check_token};
use crate::recorder::Recorded;
use crate::{About, Service, StandIn};

/// The stand-in for Flow.
pub type Flow = StandIn<Api>;

/// How Flow behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The only token that is accepted. `None`: any that is not empty.
    pub token: Option<Secret>,
    /// How answers are cut into pages.
    pub pages: Pages,
}

/// How answers are cut into pages. Flow's pages leave it open.
#[derive(Clone, Copy, Debug, Default)]
pub enum Pages {
    /// Counted from 1, with `totalCount`.
    #[default]
    FromOne,
    /// Counted from 0.
    FromZero,
    /// With at most so many items, whatever was asked for.
    AtMost(usize),
    /// Without `totalCount`.
    WithoutTotal,
    /// The first page, whichever was asked for.
    AlwaysFirst,
}

/// Flow's part of its stand-in.
pub struct Api {
    options: Options,
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    receipts: BTreeMap<String, Vec<Value>>,
    series: BTreeMap<String, Vec<Value>>,
}

/// What Flow holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Facts {
    /// Receipts by tenant.
    pub receipts: BTreeMap<String, usize>,
}

/// The members of a search that Flow's pages list.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Search {
    store_uids: Vec<String>,
    #[serde(rename = "organizationUids")]
    _organization_uids: Vec<String>,
    #[serde(rename = "customerQuery")]
    _customer_query: String,
    #[serde(rename = "customerUids")]
    _customer_uids: Vec<String>,
    settled_at_from: Option<DateTime<Utc>>,
    settled_at_to: Option<DateTime<Utc>>,
    order_number: String,
    voucher_number: String,
    #[serde(rename = "productSkus")]
    _product_skus: Vec<String>,
    #[serde(rename = "tenantUserUids")]
    _tenant_user_uids: Vec<String>,
    #[serde(rename = "deliveryStates")]
    _delivery_states: Vec<String>,
    #[serde(rename = "query")]
    _query: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Paging {
    #[serde(default = "first")]
    page_number: usize,
    #[serde(default = "hundred")]
    page_size: usize,
    #[serde(default, rename = "sortBy")]
    _sort_by: Option<String>,
    #[serde(default)]
    sort_direction: Option<SortDirection>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
enum SortDirection {
    Asc,
    Desc,
}

fn first() -> usize {
    1
}

fn hundred() -> usize {
    100
}

impl Flow {
    /// Adds a receipt of a tenant, as the search answers it.
    pub fn add_receipt(&self, tenant: &str, receipt: Value) {
        self.service().held.lock().receipts.entry(tenant.to_owned()).or_default().push(receipt);
    }

    /// Adds a series of numbers of a tenant.
    pub fn add_number_series(&self, tenant: &str, series: Value) {
        self.service().held.lock().series.entry(tenant.to_owned()).or_default().push(series);
    }
}

impl Service for Api {
    const PATH: &'static str = "/flow";
    const CONDITIONS: &'static [&'static str] = &["call"];
    type Facts = Facts;

    fn facts(&self) -> Facts {
        let held = self.held.lock();
        Facts { receipts: held.receipts.iter().map(|(tenant, all)| (tenant.clone(), all.len())).collect() }
    }

    fn routes() -> Router<Flow> {
        Router::new()
            .route("/flow/v2/tenants/{uid}/receipts/search", post(search))
            .route("/flow/v2/tenants/{uid}/number-series", get(number_series))
            .route(
                "/flow/receipts/{uid}",
                post(
                    async |State(flow): State<Flow>, Path(uid): Path<String>, Json(receipt): Json<Value>| {
                        flow.add_receipt(&uid, receipt);
                        StatusCode::NO_CONTENT
                    },
                ),
            )
    }
}

type Paged = Result<Query<Paging>, axum::extract::rejection::QueryRejection>;

async fn search(
    State(flow): State<Flow>,
    caller: Caller,
    Path(tenant): Path<String>,
    paging: Paged,
    body: Bytes,
) -> Response {
    let token = caller.authorization("bearer").map(str::to_owned);
    let read = caller.check_json().and_then(|()| {
        let search: Search = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
        Ok((search, paging.map_err(|error| error.to_string())?.0))
    });
    let admit = move |api: &Api, _: &Recorded<'_>| check_token(api.options.token.as_ref(), token.as_deref());
    let execute = move |api: &Api, call: &Recorded<'_>| match read {
        Ok((search, paging)) => {
            let mut found = api.held.lock().receipts.get(&tenant).cloned().unwrap_or_default();
            found.retain(|receipt| search.matches(receipt));
            found.sort_by_key(settled_at);
            if paging.sort_direction == Some(SortDirection::Desc) {
                found.reverse();
            }
            page(&found, &paging, api.options.pages)
        }
        Err(what) => call.malformed(&what),
    };
    flow.answer(caller, Call::SearchReceipts, About::default(), admit, execute).await
}

async fn number_series(
    State(flow): State<Flow>,
    caller: Caller,
    Path(tenant): Path<String>,
    paging: Paged,
) -> Response {
    let token = caller.authorization("bearer").map(str::to_owned);
    let admit = move |api: &Api, _: &Recorded<'_>| check_token(api.options.token.as_ref(), token.as_deref());
    let execute = move |api: &Api, call: &Recorded<'_>| match paging {
        Ok(Query(paging)) => {
            let series = api.held.lock().series.get(&tenant).cloned().unwrap_or_default();
            page(&series, &paging, api.options.pages)
        }
        Err(what) => call.malformed(&what.to_string()),
    };
    flow.answer(caller, Call::NumberSeries, About::default(), admit, execute).await
}

fn settled_at(receipt: &Value) -> Option<DateTime<Utc>> {
    receipt["settledAt"].as_str()?.parse().ok()
}

fn page(all: &[Value], paging: &Paging, pages: Pages) -> Response {
    let Paging { page_number, page_size, .. } = *paging;
    let page_size = if let Pages::AtMost(most) = pages { page_size.min(most) } else { page_size };
    let before = match pages {
        Pages::FromZero => page_number,
        Pages::AlwaysFirst => 0,
        _ => page_number.saturating_sub(1),
    };
    let items: Vec<_> = all.iter().skip(before * page_size).take(page_size).collect();
    let mut paging = json!({ "pageNumber": page_number, "pageSize": page_size });
    if !matches!(pages, Pages::WithoutTotal) {
        paging["totalCount"] = json!(all.len());
    }
    Json(json!({ "items": items, "paging": paging })).into_response()
}

impl Search {
    /// An empty text counts as absent.
    fn matches(&self, receipt: &Value) -> bool {
        let is = |wanted: &str, member: &str| wanted.is_empty() || receipt[member] == wanted;
        let at = settled_at(receipt);
        is(&self.voucher_number, "voucherNumber")
            && is(&self.order_number, "orderNumber")
            && (self.store_uids.is_empty()
                || self.store_uids.iter().any(|store| receipt["storeUid"] == **store))
            && self.settled_at_from.is_none_or(|from| at.is_some_and(|at| at >= from))
            && self.settled_at_to.is_none_or(|to| at.is_some_and(|at| at <= to))
    }
}

impl Api {
    pub(crate) fn new(options: Options) -> Self {
        Self { options, held: Mutex::default() }
    }
}
