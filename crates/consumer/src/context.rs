//! What the stages of one process share.

use std::sync::Arc;
use std::time::Duration;

use amqp::Broker;
use events::{ReceiptSettled, Target};
use omnium::Allowance;
use sync_store::SyncStore;

use crate::{Acceptance, Stage};

/// What the stages of one process share.
#[derive(Clone)]
pub struct Context {
    /// The broker.
    pub broker: Broker,
    /// Where receipts, packages and dead letters are remembered; opened where a stage needs it.
    pub store: Option<Arc<dyn SyncStore>>,
    /// Omnium's limits, as all processes with this store share them; where there is a store.
    pub allowance: Option<Arc<dyn Allowance>>,
    /// All stages of the chain, in use or not.
    pub chain: Arc<[Stage]>,
    /// Names the OMS that packages are of (`OMS_ID`).
    pub oms: String,
    /// Whether nothing is sent to any target (`BILAG_DRY_RUN`).
    pub dry_run: bool,
    /// How often stranded receipts and packages are sent on again (`BILAG_RECONCILE_EVERY`).
    pub reconcile_every: Duration,
    /// Longer than all retry queues together: who is untouched for so long waits in none of them.
    pub stranded_after: Duration,
}

impl Context {
    /// The store.
    ///
    /// # Panics
    /// The stage says that it needs none.
    pub fn store(&self) -> Arc<dyn SyncStore> {
        Arc::clone(self.store.as_ref().expect("it is opened for every stage that needs it"))
    }

    /// What lets calls to Omnium through.
    ///
    /// # Panics
    /// The stage says that it needs no store.
    pub fn allowance(&self) -> Arc<dyn Allowance> {
        Arc::clone(self.allowance.as_ref().expect("it comes with the store"))
    }

    /// The stages that deliver invoices to a target, each with its target.
    pub fn targets(&self) -> Vec<(&'static str, Target)> {
        targets(&self.chain)
    }

    /// What each target says to a receipt.
    pub fn accepted<'a>(
        &'a self,
        receipt: &'a ReceiptSettled,
    ) -> impl Iterator<Item = (&'a Target, Acceptance)> {
        self.chain.iter().filter_map(|stage| Some((stage.target.as_ref()?, stage.accepted(receipt))))
    }
}

/// The stages that deliver invoices to a target, each with its target.
pub fn targets(chain: &[Stage]) -> Vec<(&'static str, Target)> {
    chain.iter().filter_map(|stage| Some((stage.name, stage.target.clone()?))).collect()
}
