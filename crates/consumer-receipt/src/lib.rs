//! The receipt consumer: consumes `receipt.settled.v1`, opens its sync records, maps its invoice,
//! and emits `invoice.ready.v1` for every target that wants it.

mod mapping;
mod package;
mod settings;
mod stranded;

use std::sync::Arc;

use amqp::{Exchange, Failure, Outcome, Outgoing, Reason, Subject};
use chrono::Utc;
use consumer::{
    Acceptance, Context, EventHandler, Input, Reconcile, Stage, StageSettings, TRANSFORM_FAILED,
    UNKNOWN_TENANT, of_store, receipt_subject, tenant,
};
use events::{InvoiceReady, InvoiceReadyType, ReceiptSettled, ReceiptSettledType, Target, Timestamp};
use sync_store::{Key, NewReceipt, Opened, PackageStore, RecordStore, ReportStore, State};
use tenants::{Tenant, TenantSettings, Tenants, Zones};

pub use mapping::MappingSettings;
pub use package::{OTHER_PACKAGE, SECOND_RECEIPT};
pub use settings::ReceiptSettings;
pub use stranded::Stranded;

/// Received before with different content.
pub const CONFLICTING_RECEIPT: Reason =
    Reason::new("conflicting_receipt", "compare both at the till; the one received first is kept");

const REASONS: &[Reason] =
    &[CONFLICTING_RECEIPT, SECOND_RECEIPT, OTHER_PACKAGE, TRANSFORM_FAILED, UNKNOWN_TENANT];

/// Names the stage.
pub(crate) const NAME: &str = "receipt";

impl StageSettings for ReceiptSettings {
    fn stage(&self, tenants: &TenantSettings) -> Stage {
        let (settings, tenants, zones) = (self.clone(), tenants.tenants.clone(), tenants.zones());
        let (stranded_tenants, fill_zones) = (tenants.clone(), zones.clone());
        let stage = Stage::new(NAME, "Opens the records of settled receipts, and maps their invoices");
        let stage =
            self.receipt_keys.iter().fold(stage, |stage, key| stage.bind(Exchange::Bus, key.to_string()));
        stage
            // Asked for by the chain: the receipts of packages.
            .bind(Exchange::Events, ReceiptSettledType::NAME)
            .emits(&[InvoiceReadyType::NAME])
            .reasons(REASONS)
            .background(move |context| {
                let stranded = Stranded {
                    records: context.store(),
                    stages: context.store(),
                    targets: context.targets(),
                    tenants: stranded_tenants.clone(),
                };
                Reconcile::new(context, stranded).run(context.reconcile_every)
            })
            .background(move |context| fill(context.store(), fill_zones.clone()))
            .handler(move |context| {
                Ok(Settle {
                    records: context.store(),
                    packages: context.store(),
                    context: context.clone(),
                    mapping: settings.mapping.clone(),
                    tenants: tenants.clone(),
                    zones: zones.clone(),
                })
            })
    }
}

/// Gives receipts that an earlier version wrote what reports and the search need. Where the store goes away
/// meanwhile, the next start goes on, or the next report does.
async fn fill(store: Arc<dyn ReportStore>, zones: Zones) {
    match report::fill(store.as_ref(), &zones, |_| ()).await {
        Ok(0) => {}
        Ok(count) => tracing::info!(count, "receipts of an earlier version can be found and reported now"),
        Err(error) => tracing::debug!(%error, "receipts of an earlier version are left for later"),
    }
}

/// Opens the records of settled receipts.
pub(crate) struct Settle {
    records: Arc<dyn RecordStore>,
    packages: Arc<dyn PackageStore>,
    context: Context,
    mapping: MappingSettings,
    tenants: Option<Tenants>,
    zones: Zones,
}

/// The receipt was received before with other contents.
#[derive(Debug, thiserror::Error)]
#[error(
    "receipt {0} was received before with different content, and receipts never change: find out which one is right at the till; the first one stays as it is"
)]
struct Conflict(Key);

impl EventHandler for Settle {
    type Event = ReceiptSettled;

    async fn handle(
        &self,
        Input { event, body, message }: Input<'_, ReceiptSettled>,
    ) -> Result<Outcome, Failure> {
        let key = Key::new(&*event.tenant.uid, &*event.order_receipt.uid);
        self.may_have_package(&event, &key).await?;
        let receipt = &event.order_receipt;
        let traceparent = message.header_text(amqp::header_names::TRACEPARENT);
        let fingerprint = event.fingerprint();
        let particulars = report::particulars(&event, self.zones.of(&event.tenant.uid));
        let new = NewReceipt {
            key: &key,
            voucher_number: &receipt.voucher_number,
            order_number: &receipt.order.order_number,
            store_uid: &receipt.order.store.uid,
            currency: &event.tenant.country.currency,
            amount: receipt.amount().get(),
            fingerprint: &fingerprint,
            body: &body,
            traceparent: traceparent.as_deref(),
            particulars: Some(&particulars),
        };
        let mut targets = Vec::new();
        let mut anything_new = false;
        for (target, acceptance) in self.context.accepted(&event) {
            let wanted = match acceptance {
                Acceptance::Never => continue,
                acceptance => acceptance == Acceptance::Yes,
            };
            match self.open(&event, &new, target, wanted).await? {
                Opened::New if !wanted => anything_new = true,
                Opened::New | Opened::Again(State::Pending | State::InvoiceCreated | State::Attaching) => {
                    targets.push(target.clone());
                }
                // Its own dead letter, sent on again, is what brings a dead record back.
                Opened::Again(State::Dead) if message.was_dead() => targets.push(target.clone()),
                Opened::Again(state) => tracing::debug!(receipt = %key, %target, %state, "received again"),
                Opened::Differs { .. } => return Err(Failure::reject(CONFLICTING_RECEIPT, Conflict(key))),
            }
        }
        self.issue_package(&event, &key).await?;
        if targets.is_empty() {
            tracing::debug!(receipt = %key, "no target wants it now");
            return Ok(if anything_new { Outcome::Done(Vec::new()) } else { Outcome::AlreadyDone });
        }
        // Recorded by now, so that a person finds it, and counts it.
        let tenant = tenant(self.tenants.as_ref(), &event.tenant.uid)?;
        Ok(Outcome::Done(vec![self.ready(event, targets, tenant)?]))
    }

    fn subject(&self, body: &[u8]) -> Option<Subject> {
        let (tenant, receipt) = events::receipt_uid(body)?;
        Some(receipt_subject(&tenant, &receipt))
    }
}

impl Settle {
    /// Opens the record. A receipt kept by an earlier version, which read fewer members, has another
    /// fingerprint; it is the same receipt where this version reads the same from both.
    async fn open(
        &self,
        event: &ReceiptSettled,
        new: &NewReceipt<'_>,
        target: &Target,
        wanted: bool,
    ) -> Result<Opened, Failure> {
        let opened = self.records.open(new, target.as_str(), wanted).await.map_err(of_store)?;
        if let Opened::Differs { body, fingerprint } = &opened
            && events::decoded::<ReceiptSettled>(body).is_some_and(|kept| kept.same_content(event))
        {
            let kept = NewReceipt { fingerprint, ..*new };
            return self.records.open(&kept, target.as_str(), wanted).await.map_err(of_store);
        }
        Ok(opened)
    }

    fn ready(
        &self,
        receipt: ReceiptSettled,
        targets: Vec<Target>,
        whose: Option<&Tenant>,
    ) -> Result<Outgoing, Failure> {
        let (tenant, uid) = (receipt.tenant.uid.clone(), receipt.order_receipt.uid.clone());
        let invoice = self.mapping.map(&receipt, whose, self.zones.of(&tenant));
        let identity = [InvoiceReadyType::NAME, &*tenant, &*uid];
        let event = InvoiceReady {
            id: format!("{tenant}/{uid}"),
            kind: InvoiceReadyType::V1,
            occurred_at: Timestamp::from_utc(Utc::now()),
            targets,
            receipt,
            invoice,
        };
        let name = InvoiceReadyType::NAME;
        Ok(Outgoing::json(name, name.to_owned(), &identity, &event)?.about(receipt_subject(&tenant, &uid)))
    }
}
