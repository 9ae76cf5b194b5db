//! The hydrate consumer: consumes Flow's events that name a settled receipt by its ids alone, reads the receipt from
//! Flow's API, and emits it as `receipt.settled.v1`.
//!
//! It keeps nothing: the same ids give the same event again, which the receipt consumer knows as a duplicate.

mod ids;
mod settings;

use std::time::Duration;

use amqp::{Exchange, Failure, Outcome, Outgoing, Reason};
use chrono::{DateTime, Utc};
use consumer::{
    EventHandler, Input, Probe, Refusals, Seen, SettingError, Stage, StageSettings, failure, receipt_subject,
};
use events::ReceiptSettledType;
use flow::{Defaults, Flow, FoundReceipt};
use tenants::TenantSettings;

pub use ids::ReceiptIds;
pub use settings::{FlowConnection, HydrateSettings};

/// Flow shows no settled receipt with these ids.
pub const NOT_IN_FLOW: Reason = Reason::new(
    "receipt_not_in_flow",
    "look the receipt up in Flow; once it is settled there, redrive the dead letter, or run `bilag backfill --from-flow`",
);
/// What Flow answers is no receipt that can be used.
pub const INVALID_FLOW_RECEIPT: Reason = Reason::new(
    "invalid_flow_receipt",
    "compare the paths that the error names with Flow's receipt; publish the whole receipt instead",
);
/// Flow understood the search and does not take it.
pub const FLOW_REJECTED: Reason =
    Reason::new("flow_rejected", "check the ids that the error names, then redrive the dead letter");
/// Flow does not show this tenant's receipts, while it shows others'.
pub const FLOW_FORBIDDEN: Reason = Reason::new(
    "flow_forbidden",
    "give the token of FLOW_API_TOKEN the right to read receipts of this tenant, then redrive the dead letter",
);

/// Names the stage.
const NAME: &str = "hydrate";

impl StageSettings for HydrateSettings {
    fn stage(&self, _: &TenantSettings) -> Stage {
        let (probing, handling) = (self.flow.clone(), self.clone());
        let stage = Stage::new(NAME, "Reads the receipts of Flow's events that hold ids only");
        let stage =
            self.hydrate_keys.iter().fold(stage, |stage, key| stage.bind(Exchange::Bus, key.to_string()));
        stage
            .without_store()
            .emits(&[ReceiptSettledType::NAME])
            .reasons(&[NOT_IN_FLOW, INVALID_FLOW_RECEIPT, FLOW_REJECTED, FLOW_FORBIDDEN])
            .disabled((!self.flow.has_token()).then_some("FLOW_API_TOKEN is not set"))
            .probe(move || probe(&probing))
            .handler(move |_| {
                let (flow, defaults) = (handling.flow.client()?, handling.flow.defaults());
                Ok(Hydrate { flow, defaults, lookback: handling.lookback() })
            })
    }
}

fn probe(settings: &FlowConnection) -> Result<Probe, SettingError> {
    let flow = settings.client()?;
    Ok(Probe::new("Flow", async move { Ok(Seen::options(flow.reach().await?, "FLOW_BASE_URL")) }))
}

/// Reads receipts from Flow.
struct Hydrate {
    flow: Flow,
    defaults: Defaults,
    lookback: Duration,
}

/// Flow shows no settled receipt with these ids.
#[derive(Debug, thiserror::Error)]
#[error("Flow shows no settled receipt with these ids; it may not be visible there yet")]
struct NotVisible;

impl EventHandler for Hydrate {
    type Event = ReceiptIds;

    async fn handle(&self, Input { event, message, .. }: Input<'_, ReceiptIds>) -> Result<Outcome, Failure> {
        let ReceiptIds { tenant, ids } = event;
        let refusals = Refusals { rejected: FLOW_REJECTED, forbidden: FLOW_FORBIDDEN };
        let found =
            self.flow.find(&tenant, &ids, since(message.published_at(), Utc::now(), self.lookback)).await;
        let found = found.map_err(|error| failure("the receipt was not read", refusals, error))?;
        let settled: Vec<_> = found.iter().filter(|receipt| receipt.is_settled()).collect();
        if settled.is_empty() {
            return Err(Failure::Retry { reason: NOT_IN_FLOW, error: NotVisible.into() });
        }
        let events = settled.into_iter().map(|receipt| self.event(&tenant, receipt));
        let events = events.collect::<Result<Vec<_>, _>>()?;
        tracing::debug!(receipts = events.len(), "hydrated");
        Ok(Outcome::Done(events))
    }
}

/// Where the search for a receipt begins: so long before its event was first published, however long the event has
/// waited since. An event that does not say, or says a later time than now, counts as published now.
fn since(published: Option<DateTime<Utc>>, now: DateTime<Utc>, lookback: Duration) -> DateTime<Utc> {
    published.map_or(now, |published| published.min(now)) - lookback
}

impl Hydrate {
    fn event(&self, tenant: &str, found: &FoundReceipt) -> Result<Outgoing, Failure> {
        const KIND: &str = ReceiptSettledType::NAME;
        let receipt = found.event(tenant, &self.defaults);
        let receipt = receipt.map_err(|error| Failure::reject(INVALID_FLOW_RECEIPT, error))?;
        let uid = &receipt.order_receipt.uid;
        let event = Outgoing::json(KIND, KIND.to_owned(), &[KIND, tenant, uid], &receipt)?;
        Ok(event.about(receipt_subject(tenant, uid)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn lookback_counts_from_the_events_own_time() {
        let now: DateTime<Utc> = "2026-11-02T08:00:00Z".parse().expect("a Monday");
        let day = Duration::from_secs(24 * 60 * 60);
        let since = |published| since(published, now, day);
        let friday = now - TimeDelta::days(3);
        assert_eq!(since(Some(friday)), friday - day, "after a weekend's pause");
        assert_eq!(since(Some(now + TimeDelta::days(9))), now - day, "a clock that is ahead");
        assert_eq!(since(None), now - day);
    }
}
