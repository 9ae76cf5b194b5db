//! What every request can reach.

use std::time::Duration;

use tokio::sync::Semaphore;

use crate::bus::Bus;
use crate::event::Vendor;
use crate::hydrate::Hydrate;
use crate::invoice::Lookup;
use crate::secret::Key;

pub(crate) struct AppState {
    pub(crate) bus: Bus,
    pub(crate) exchange: String,
    pub(crate) hydrate: Option<Hydrate>,
    /// Whether ids are published for the stage `hydrate`.
    pub(crate) hydrate_from_flow: bool,
    /// Of one webhook, its response included.
    pub(crate) timeout: Duration,
    /// One permit for each concurrent webhook.
    pub(crate) slots: Semaphore,
    /// One permit for each request that waits for its invoice.
    pub(crate) waiting: Semaphore,
    pub(crate) flow: Option<Key>,
    pub(crate) akinon: Option<Key>,
    pub(crate) oms: Option<Key>,
    /// Where the invoices that the OMS asks for are looked up.
    pub(crate) invoices: Option<Lookup>,
}

impl AppState {
    /// `None` if the vendor has no endpoint.
    pub(crate) fn key(&self, vendor: Vendor) -> Option<&Key> {
        match vendor {
            Vendor::Flow => self.flow.as_ref(),
            Vendor::Akinon => self.akinon.as_ref(),
            Vendor::Oms => self.oms.as_ref(),
        }
    }
}
