//! Packages whose invoice does not come: asked for once more.

use std::sync::Arc;
use std::time::Duration;

use amqp::{Outgoing, REQUEUE, queue_name};
use async_trait::async_trait;
use consumer::{Again, Cycle, Touched, package_subject};
use sync_store::{OverduePackage, PackageStore, StoreError};

use crate::NAME;

/// What was asked for and did not come in time, and what stopped before it was asked.
pub(crate) struct Overdue {
    /// Where packages are remembered.
    pub store: Arc<dyn PackageStore>,
    /// `INVOICE_SERVICE_PATIENCE`.
    pub overdue_after: Duration,
}

#[async_trait]
impl Cycle for Overdue {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Again>, StoreError> {
        let overdue = self.store.overdue_packages(self.overdue_after, untouched_for, limit).await?;
        Ok(overdue.into_iter().map(again).collect())
    }
}

/// The event as it came, straight to the packed queue.
pub fn again(overdue: OverduePackage) -> Again {
    let OverduePackage { key, round, body, traceparent } = overdue;
    let (package, round_text) = (key.package_id.to_string(), round.to_string());
    let identity = ["again", &key.oms, &package, &round_text];
    let event = Outgoing::event("package.status.packed", queue_name(NAME), &identity, body);
    let subject = package_subject(&key.oms, key.package_id);
    let message = Outgoing { exchange: REQUEUE.to_owned(), subject: Some(subject), ..event };
    Again { message, traceparent, touched: vec![Touched::Package(key, round)] }
}
