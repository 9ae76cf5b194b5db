//! One receipt's way into Omnium, under the lease: invoice, then file, then done.
//!
//! What Omnium does on a repeat is not documented, but for `AddAsset`, so nothing is repeated blindly: the
//! record says before each call what may happen next, and a lease is given back only where nothing can be in
//! flight any more. A call whose answer did not come keeps it for as long as that call may still take
//! effect.

use amqp::Failure;
use bytes::Bytes;
use consumer::{MARGIN, lost, of_store};
use events::{InvoiceRendered, Uid};
use omnium::{Call, Omnium};
use sync_store::{Attach, Key, State, Step, SyncStore};
use tenants::Tenant;

use crate::failure::{INVOICE_MISSING, InvoiceMissing, of};

pub(crate) struct Upload<'a> {
    pub(crate) store: &'a dyn SyncStore,
    pub(crate) omnium: &'a Omnium,
    /// The tenant, where an installation serves several.
    pub(crate) whose: Option<&'a Tenant>,
    pub(crate) key: &'a Key,
    pub(crate) target: &'a str,
    pub(crate) owner: &'a str,
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
        match self.omnium.upsert_invoice(&self.event.invoice).await {
            Ok(()) => Ok(()),
            Err(error) => {
                if error.may_be_in_flight() {
                    self.hold_off().await;
                } else {
                    self.release().await;
                }
                Err(of(self.whose, Call::Upsert, error))
            }
        }
    }

    /// Writes down that the file is about to be attached, and attaches it.
    async fn attach(&mut self) -> Result<(), Failure> {
        let store = self.store;
        let attach = Attach {
            owner: self.owner,
            invoice_id: self.invoice_id(),
            file_name: &self.event.pdf.file_name,
            pdf_sha256: &self.event.pdf.sha256,
            ttl: self.omnium.longest_call() + MARGIN,
        };
        match store.attaching(self.key, self.target, &attach).await.map_err(of_store)? {
            Step::Taken => {}
            Step::Lost => return Err(lost()),
        }
        let content = Bytes::from(std::mem::take(&mut self.event.pdf.content.0));
        let call = self.omnium.attach(self.invoice_id(), &self.event.pdf.file_name, content);
        match call.await {
            Ok(()) => Ok(()),
            Err(error) => {
                // Where the file may be there all the same, an early look would not see it: reads lag
                // behind writes.
                if error.may_have_happened() {
                    self.hold_off().await;
                } else {
                    let _ = store.not_attached(self.key, self.target, self.owner).await;
                    self.release().await;
                }
                Err(of(self.whose, self.omnium.attach_by().call(), error))
            }
        }
    }

    /// Whether the file is there after an attach of which only the beginning is known.
    async fn is_attached(&self) -> Result<bool, Failure> {
        match self.look().await? {
            Some(attached) => Ok(attached),
            None => {
                self.release().await;
                Err(Failure::Retry { reason: INVOICE_MISSING, error: InvoiceMissing.into() })
            }
        }
    }

    /// Whether Omnium's invoice has its file; `None` where there is no invoice.
    async fn look(&self) -> Result<Option<bool>, Failure> {
        match self.omnium.find_invoice(self.invoice_id()).await {
            Ok(found) => Ok(found.map(|invoice| invoice.has_file(&self.event.pdf.file_name))),
            Err(error) => {
                self.release().await;
                Err(of(self.whose, Call::Find, error))
            }
        }
    }

    async fn complete(&self) -> Result<(), Failure> {
        let completed = self.store.complete(self.key, self.target, self.invoice_id()).await;
        match completed.map_err(of_store)? {
            Step::Taken => {
                tracing::info!(receipt = %self.key, voucher = %self.event.invoice.invoice_number, "complete");
                Ok(())
            }
            Step::Lost => Err(lost()),
        }
    }

    /// Keeps others away for as long as a request that was given up on may still arrive, and a margin. Where
    /// this fails the lease runs out by itself, which is later.
    async fn hold_off(&self) {
        let (store, ttl) = (self.store, self.omnium.arrives_within() + MARGIN);
        if let Err(error) = store.shorten(self.key, self.target, self.owner, ttl).await {
            tracing::debug!(receipt = %self.key, %error, "the lease is left to run out");
        }
    }

    /// Gives the lease back, so that the next attempt need not wait for it. Where that fails it runs
    /// out by itself.
    async fn release(&self) {
        if let Err(error) = self.store.release(self.key, self.target, self.owner).await {
            tracing::debug!(receipt = %self.key, %error, "the lease is left to run out");
        }
    }

    fn invoice_id(&self) -> &Uid {
        &self.event.invoice.id
    }
}
