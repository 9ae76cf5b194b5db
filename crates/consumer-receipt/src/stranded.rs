//! Stranded receipts: their events are published again as they were received.

use std::sync::Arc;
use std::time::Duration;

use amqp::{Outgoing, REQUEUE, queue_name};
use async_trait::async_trait;
use consumer::{Again, Cycle, Touched, receipt_subject, store_scope};
use events::{ReceiptSettled, ReceiptSettledType, Target};
use sync_store::{Key, RecordStore, StageReport, StageStore, StoreError};
use tenants::{Tenant, Tenants};

use crate::NAME;

/// Records that are neither complete, skipped nor dead, and that nobody has touched for long.
pub struct Stranded {
    /// The records.
    pub records: Arc<dyn RecordStore>,
    /// Which stages are paused.
    pub stages: Arc<dyn StageStore>,
    /// The stages that give invoices to a target, each with its target.
    pub targets: Vec<(&'static str, Target)>,
    /// The tenants of the installation, where it has several.
    pub tenants: Option<Tenants>,
}

/// A process that has said nothing for longer does not run.
const HEARD_WITHIN: Duration = Duration::from_secs(30);

/// Where messages wait without being lost: stages, bulkheads and scopes that are paused.
struct Waiting {
    reports: Vec<StageReport>,
    held: Vec<String>,
}

impl Waiting {
    async fn find(store: &dyn StageStore) -> Result<Self, StoreError> {
        let reports = store.reports(HEARD_WITHIN).await?.into_iter().map(|seen| seen.report).collect();
        let held = store.holds().await?.into_iter().map(|hold| hold.stage).collect();
        Ok(Self { reports, held })
    }

    fn is_at(&self, stage: &str, bulkhead: Option<&str>, scope: impl Fn() -> Option<String>) -> bool {
        let is_paused = |report: &StageReport| {
            report.pause.is_some()
                || report.bulkheads.iter().any(|paused| Some(&*paused.bulkhead) == bulkhead)
                || !report.scopes.is_empty()
                    && scope().is_some_and(|scope| report.scopes.iter().any(|held| held.bulkhead == scope))
        };
        self.held.iter().any(|held| held == stage)
            || self.reports.iter().any(|report| report.stage == stage && is_paused(report))
    }
}

#[async_trait]
impl Cycle for Stranded {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Again>, StoreError> {
        let mut receipts: Vec<(Key, Again)> = Vec::new();
        let stranded = self.records.stranded(untouched_for, limit).await?;
        if stranded.is_empty() {
            return Ok(Vec::new());
        }
        let waiting = Waiting::find(self.stages.as_ref()).await?;
        for record in stranded {
            // Its message waits in its stage's queues: another would only be one more.
            if self.waits(&waiting, &record) {
                self.records.touch(&record.key, &record.target).await?;
                continue;
            }
            let touched = Touched::Record(record.key.clone(), record.target.clone());
            // Sent on once, a receipt goes to every target that waits for it.
            match receipts.iter_mut().find(|(key, _)| *key == record.key) {
                Some((_, again)) => again.touched.push(touched),
                None => receipts.push((record.key.clone(), again(record, touched))),
            }
        }
        Ok(receipts.into_iter().map(|(_, again)| again).collect())
    }
}

impl Stranded {
    fn waits(&self, waiting: &Waiting, record: &sync_store::Stranded) -> bool {
        let tenant = self.tenants.as_ref().and_then(|tenants| tenants.find(&record.key.tenant_uid));
        let mut stages = self.targets.iter().filter(|(_, target)| target.as_str() == record.target);
        let scope = || {
            let event = events::decoded::<ReceiptSettled>(&record.body)?;
            Some(store_scope(&record.key.tenant_uid, &event.order_receipt.order.store.uid))
        };
        stages.any(|(stage, _)| waiting.is_at(stage, tenant.map(Tenant::name), scope))
    }
}

/// The receipt as it came, straight to the receipt queue.
fn again(record: sync_store::Stranded, touched: Touched) -> Again {
    let (tenant, receipt) = (record.key.tenant_uid, record.key.receipt_uid);
    let identity = ["again", &tenant, &receipt];
    let event = Outgoing::event(ReceiptSettledType::NAME, queue_name(NAME), &identity, record.body);
    let subject = receipt_subject(&tenant, &receipt);
    Again {
        message: Outgoing { exchange: REQUEUE.to_owned(), subject: Some(subject), ..event },
        traceparent: record.traceparent,
        touched: vec![touched],
    }
}
