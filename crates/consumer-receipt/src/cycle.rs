//! Receipts that stopped on their way: sent on again as they were heard.

use std::sync::Arc;
use std::time::Duration;

use amqp::{Outgoing, RETRY, Subject, queue_name};
use async_trait::async_trait;
use consumer::{Again, Consumer, Cycle, Touched};
use events::ReceiptSettledType;
use sync_store::{Key, StoreError, SyncStore};

use crate::ReceiptConsumer;

/// Records that are neither complete, skipped nor dead, and that nobody has touched for long.
pub struct Stranded {
    /// Where the records are.
    pub store: Arc<dyn SyncStore>,
}

#[async_trait]
impl Cycle for Stranded {
    fn name(&self) -> &'static str {
        ReceiptConsumer::NAME
    }

    async fn stranded(&self, untouched_for: Duration, limit: u32) -> Result<Vec<Again>, StoreError> {
        let mut receipts: Vec<(Key, Again)> = Vec::new();
        for record in self.store.stranded(untouched_for, limit).await? {
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

/// The receipt as it was heard, straight to the receipt queue.
fn again(record: sync_store::Stranded, touched: Touched) -> Again {
    let (tenant, receipt) = (record.key.tenant_uid, record.key.receipt_uid);
    let identity = ["again", &tenant, &receipt];
    let event =
        Outgoing::event(ReceiptSettledType::NAME, queue_name(ReceiptConsumer::NAME), &identity, record.body);
    let subject = Subject::Receipt { tenant, receipt };
    Again {
        message: Outgoing { exchange: RETRY.to_owned(), subject: Some(subject), ..event },
        traceparent: record.traceparent,
        touched: vec![touched],
    }
}
