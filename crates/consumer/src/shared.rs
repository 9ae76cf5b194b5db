//! What the consumers of one process share.

use std::fmt;
use std::sync::Arc;

use events::{ReceiptSettled, Target};
use omnium::Allowance;
use sync_store::SyncStore;

use crate::Wanted;

/// What the consumers of one process share.
#[derive(Clone)]
pub struct Shared {
    /// Where receipts, packages and dead letters are remembered; opened where a consumer needs it.
    pub store: Option<Arc<dyn SyncStore>>,
    /// Omnium's limits, as all processes with this store share them; where there is a store.
    pub allowance: Option<Arc<dyn Allowance>>,
    /// The names of all stages of the chain.
    pub stages: Vec<&'static str>,
    /// What each target of the chain wants.
    pub wishes: Vec<Wish>,
    /// The stages that give invoices to a target, each with its target.
    pub targets: Vec<(&'static str, Target)>,
    /// Names the OMS that packages are of (`OMS_ID`).
    pub oms: String,
    /// Whether nothing is sent to any target (`BILAG_DRY_RUN`).
    pub dry_run: bool,
}

impl Shared {
    /// The store.
    ///
    /// # Panics
    /// The consumer says that it needs none.
    pub fn store(&self) -> Arc<dyn SyncStore> {
        Arc::clone(self.store.as_ref().expect("it is opened for every consumer that needs it"))
    }

    /// What lets calls to Omnium through.
    ///
    /// # Panics
    /// The consumer says that it needs no store.
    pub fn allowance(&self) -> Arc<dyn Allowance> {
        Arc::clone(self.allowance.as_ref().expect("it comes with the store"))
    }
}

/// What a target wants.
#[derive(Clone)]
pub struct Wish {
    /// The target.
    pub target: Target,
    /// Whether it wants the invoice of a receipt.
    pub wants: Arc<dyn Fn(&ReceiptSettled) -> Wanted + Send + Sync>,
}

impl fmt::Debug for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wish").field("target", &self.target).finish_non_exhaustive()
    }
}
