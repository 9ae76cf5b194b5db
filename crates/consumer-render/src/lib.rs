//! The render consumer: makes the receipt's PDF and emits `invoice.rendered.v1`, once for each
//! target. It needs no database.

mod metrics;
mod settings;
mod templates;

use std::sync::Arc;
use std::time::Instant;

use amqp::{Exchange, Failure, Outcome, Outgoing, Reason};
use chrono::Utc;
use consumer::{
    EventHandler, Input, Probe, Seen, Stage, StageSettings, UNKNOWN_TENANT, receipt_subject, rendered_key,
    tenant,
};
use events::{
    InvoiceReady, InvoiceReadyType, InvoiceRendered, InvoiceRenderedType, Pdf, PdfBytes, Target, Timestamp,
};
use receipt_pdf::Look;
use sha2::{Digest, Sha256};
use tenants::TenantSettings;

pub use settings::{RenderSettings, TemplateError, load_template};
pub use templates::TenantTemplates;

/// The PDF cannot be made.
pub const RENDER_FAILED: Reason = Reason::new(
    "render_failed",
    "fix the template (`bilag render`, `bilag template check`), then redrive the dead letter",
);

/// The largest message that RabbitMQ takes from 4.0 on, unless it is configured otherwise, in bytes. A larger one closes the
/// channel at every try.
const LARGEST: usize = 16 * 1024 * 1024;

/// The PDF is too large for an event.
#[derive(Debug, thiserror::Error)]
#[error(
    "with its PDF the event has {0} bytes, more than the 16 MiB that RabbitMQ takes: make the template's images smaller"
)]
struct TooLarge(usize);

impl StageSettings for RenderSettings {
    fn stage(&self, tenants: &TenantSettings) -> Stage {
        let settings = self.with_tenants(tenants);
        let probing = settings.clone();
        Stage::new("render", "Makes the PDF")
            .bind(Exchange::Events, InvoiceReadyType::NAME)
            .emits(&[InvoiceRenderedType::NAME])
            .reasons(&[RENDER_FAILED, UNKNOWN_TENANT])
            .without_store()
            .probe(move || Ok(probe(&probing)))
            .handler(move |_| Ok(Render { templates: Arc::new(settings.templates()?) }))
    }
}

fn probe(settings: &RenderSettings) -> Probe {
    let loaded = settings.templates().map(|_| format!("{} is valid", settings.template));
    Probe::new("the template", std::future::ready(loaded.map(Seen::well).map_err(Into::into)))
}

/// Renders invoices that are ready.
struct Render {
    templates: Arc<TenantTemplates>,
}

impl EventHandler for Render {
    type Event = InvoiceReady;

    async fn handle(&self, Input { event, .. }: Input<'_, InvoiceReady>) -> Result<Outcome, Failure> {
        let templates = self.templates.clone();
        // Rendering computes; it must not hold up what waits for the network.
        let rendered = tokio::task::spawn_blocking(move || rendered(&templates, &event)).await;
        rendered
            .unwrap_or_else(|panic| Err(Failure::reject(Reason::HANDLER_PANICKED, panic)))
            .map(Outcome::Done)
    }
}

fn rendered(templates: &TenantTemplates, event: &InvoiceReady) -> Result<Vec<Outgoing>, Failure> {
    tenant(templates.tenants.as_ref(), &event.receipt.tenant.uid)?;
    let look = templates.of(&event.receipt.tenant.uid).unwrap_or(templates.of_installation());
    let pdf = pdf(look, event)?;
    let (tenant, uid) = (&event.receipt.tenant.uid, &event.receipt.order_receipt.uid);
    let for_target = |target: &Target| {
        let rendered = InvoiceRendered {
            id: format!("{tenant}/{uid}/{}", target.as_str()),
            kind: InvoiceRenderedType::V1,
            occurred_at: Timestamp::from_utc(Utc::now()),
            target: target.clone(),
            tenant: tenant.clone(),
            order_type: event.receipt.order_receipt.order.kind,
            invoice: event.invoice.clone(),
            pdf: pdf.clone(),
            package: event.receipt.package.clone(),
        };
        let identity = [InvoiceRenderedType::NAME, &**tenant, &**uid, target.as_str()];
        let event = Outgoing::json(InvoiceRenderedType::NAME, rendered_key(target), &identity, &rendered)?;
        limit_size(event.body.len())?;
        Ok(event.about(receipt_subject(tenant, uid)))
    };
    event.targets.iter().map(for_target).collect()
}

/// Refuses a body that some broker would not take.
fn limit_size(bytes: usize) -> Result<(), Failure> {
    match bytes {
        0..=LARGEST => Ok(()),
        bytes => Err(Failure::reject(RENDER_FAILED, TooLarge(bytes))),
    }
}

fn pdf(look: Look, event: &InvoiceReady) -> Result<Pdf, Failure> {
    let began = Instant::now();
    let rendered = look.render(&event.receipt).map_err(|error| {
        metrics::failed(began.elapsed());
        Failure::reject(RENDER_FAILED, error)
    })?;
    metrics::rendered(began.elapsed(), rendered.pdf.len());
    for warning in &rendered.warnings {
        tracing::warn!(receipt = %event.receipt.order_receipt.uid, %warning, "rendered with a warning");
    }
    let sha256 = hex::encode(Sha256::digest(&rendered.pdf));
    Ok(Pdf { file_name: event.receipt.order_receipt.file_name(), sha256, content: PdfBytes(rendered.pdf) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_event_beyond_the_brokers_limit() {
        assert!(limit_size(LARGEST).is_ok());
        let refused = limit_size(LARGEST + 1).expect_err("it is too large");
        assert!(matches!(refused, Failure::Reject { reason: RENDER_FAILED, .. }), "{refused:?}");
        assert!(refused.chain().contains("make the template's images smaller"), "{}", refused.chain());
    }
}
