//! What the stages of the chain are, and what they have in common.
//!
//! A stage is one value, [`Stage`]: a crate of its own makes it from its settings, and one line in the chain
//! of the crate `bilag` registers it. Queues, rights, settings, the command line, dead letters and their
//! remedies follow from that.
//!
//! ```
//! use amqp::{Exchange, Failure, Outcome};
//! use consumer::{EventHandler, Input, Stage, StageSettings};
//! use events::{InvoiceReady, InvoiceReadyType};
//! use tenants::TenantSettings;
//!
//! /// Counts invoices that are ready.
//! #[derive(clap::Args)]
//! pub struct CountSettings {}
//!
//! struct Count;
//!
//! impl EventHandler for Count {
//!     type Event = InvoiceReady;
//!
//!     async fn handle(&self, input: Input<'_, InvoiceReady>) -> Result<Outcome, Failure> {
//!         tracing::info!(targets = input.event.targets.len(), "one more");
//!         Ok(Outcome::Done(Vec::new()))
//!     }
//! }
//!
//! impl StageSettings for CountSettings {
//!     fn stage(&self, _: &TenantSettings) -> Stage {
//!         Stage::new("count", "Counts invoices")
//!             .without_store()
//!             .bind(Exchange::Events, InvoiceReadyType::NAME)
//!             .handler(|_| Ok(Count))
//!     }
//! }
//! ```

mod event;
mod failure;
mod lease;
mod probe;
mod reconcile;
mod settings;
mod stage;
mod tenant;
mod transforms;

pub use event::{
    Event, EventHandler, Input, ReadError, limit_size, package_subject, plain_body, receipt_subject,
};
pub use failure::{NO_RECORD, Refusals, decided, failure, of_store};
pub use lease::{Delivered, LeaseGuard, MARGIN, deliver, lost, rehearse};
pub use probe::{Probe, Seen};
pub use reconcile::{Again, Cycle, Reconcile, Reconciled, Touched};
pub use settings::{SecretSetting, SettingError, needed};
pub use stage::{
    Acceptance, Background, Context, Ready, Run, Stage, StageSettings, reasons, remedy, rendered_key, targets,
};
pub use tenant::{UNKNOWN_TENANT, is_scope_of, store_scope, tenant};
pub use transforms::{TRANSFORM_FAILED, TransformSettings, Transformed, TransformsFile};
