//! One receipt's way into Omnium, under the lease: invoice, then file, then done.
//!
//! What Omnium does on a repeat is not documented, but for `AddAsset`, so nothing is repeated blindly: the
//! record says before each call what may happen next, and a lease is given back only where nothing can be in
//! flight any more. A call whose answer did not come keeps it for as long as that call may still take
//! effect.

use amqp::Failure;
use bytes::Bytes;
use consumer::LeaseGuard;
use events::{InvoiceRendered, Uid};
use omnium::{Call, Omnium};
use sync_store::State;
use tenants::Tenant;

use crate::failure::{INVOICE_MISSING, InvoiceMissing, of};

pub(crate) struct Upload<'a> {
    pub(crate) lease: LeaseGuard<'a>,
    pub(crate) omnium: &'a Omnium,
    /// The tenant, where an installation serves several.
    pub(crate) whose: Option<&'a Tenant>,
    /// Whether the store, restored from a backup, may have forgotten that the file was attached.
    pub(crate) may_be_forgotten: bool,
    pub(crate) event: InvoiceRendered,
}

impl Upload<'_> {
    /// From the state the record was found in to complete.
    pub(crate) async fn run(mut self, found: State) -> Result<(), Failure> {
        if self.may_be_forgotten && found != State::Attaching && self.look().await? == Some(true) {
            return self.complete().await;
        }
        match found {
            State::Attaching => {
                if self.is_attached().await? {
                    return self.complete().await;
                }
            }
            State::InvoiceCreated => {}
            State::Pending | State::Dead | State::Skipped | State::Complete => self.create().await?,
        }
        self.attach().await?;
        self.complete().await
    }

    /// Creates the invoice. Safe to repeat until an attach has begun.
    async fn create(&self) -> Result<(), Failure> {
        let Err(error) = self.omnium.upsert_invoice(&self.event.invoice).await else { return Ok(()) };
        if error.may_be_in_flight() {
            self.lease.hold_off(self.omnium.arrives_within()).await;
        } else {
            self.lease.release().await;
        }
        Err(of(self.whose, Call::Upsert, error))
    }

    /// Writes down that the file is about to be attached, and attaches it.
    async fn attach(&mut self) -> Result<(), Failure> {
        self.lease.attaching(&self.event).await?;
        let content = Bytes::from(std::mem::take(&mut self.event.pdf.content.0));
        let call = self.omnium.attach(self.invoice_id(), &self.event.pdf.file_name, content);
        let Err(error) = call.await else { return Ok(()) };
        // Where the file may be there all the same, an early look would not see it: reads lag behind writes.
        if error.may_have_happened() {
            self.lease.hold_off(self.omnium.arrives_within()).await;
        } else {
            self.lease.not_attached().await;
        }
        Err(of(self.whose, self.omnium.attach_by().call(), error))
    }

    /// Whether the file is there after an attach of which only the beginning is known.
    async fn is_attached(&self) -> Result<bool, Failure> {
        match self.look().await? {
            Some(attached) => Ok(attached),
            None => {
                self.lease.release().await;
                Err(Failure::Retry { reason: INVOICE_MISSING, error: InvoiceMissing.into() })
            }
        }
    }

    /// Whether Omnium's invoice has its file; `None` where there is no invoice.
    async fn look(&self) -> Result<Option<bool>, Failure> {
        match self.omnium.find_invoice(self.invoice_id()).await {
            Ok(found) => Ok(found.map(|invoice| invoice.has_file(&self.event.pdf.file_name))),
            Err(error) => {
                self.lease.release().await;
                Err(of(self.whose, Call::Find, error))
            }
        }
    }

    async fn complete(&self) -> Result<(), Failure> {
        self.lease.complete(&self.event).await?;
        let (receipt, voucher) = (self.lease.key(), &self.event.invoice.invoice_number);
        tracing::info!(%receipt, %voucher, "complete");
        Ok(())
    }

    fn invoice_id(&self) -> &Uid {
        &self.event.invoice.id
    }
}
