//! The render consumer: makes the receipt's PDF and emits `invoice.rendered.v1`, once for each
//! target. It needs no database.

mod looks;
mod metrics;
mod settings;

use std::sync::Arc;
use std::time::Instant;

use amqp::{BoxError, Exchange, Failure, Handler, Message, Outcome, Outgoing, Reason, Subject};
use chrono::Utc;
use consumer::{Consumer, Probe, Seen, Shared, UNKNOWN_TENANT, WrongSetting, rendered_key, tenant};
use events::{
    About, InvoiceReady, InvoiceReadyType, InvoiceRendered, InvoiceRenderedType, Pdf, PdfBytes, Target,
    Timestamp,
};
use receipt_pdf::Look;
use sha2::{Digest, Sha256};
use tenants::TenantSettings;

pub use looks::Looks;
pub use settings::{RenderSettings, TemplateError, load_template};

/// The PDF cannot be made.
pub const RENDER_FAILED: Reason = Reason::new(
    "render_failed",
    "mend the template (bilag render, bilag template check), then redrive the dead letter",
);

/// The largest message that RabbitMQ takes from 4.0 on, unless it is told otherwise, in bytes. A larger one closes the
/// channel at every try.
const LARGEST: usize = 16 * 1024 * 1024;

/// The PDF is too large for an event.
#[derive(Debug, thiserror::Error)]
#[error(
    "with its PDF the event has {0} bytes, more than the 16 MiB that RabbitMQ takes: make the template's images smaller"
)]
struct TooLarge(usize);

/// The render stage.
pub struct RenderConsumer {
    looks: Arc<Looks>,
}

impl Consumer for RenderConsumer {
    const NAME: &'static str = "render";
    const ABOUT: &'static str = "Makes the PDF";
    const EMITS: &'static [&'static str] = &[InvoiceRenderedType::NAME];
    const REASONS: &'static [Reason] = &[RENDER_FAILED, UNKNOWN_TENANT];
    const NEEDS_STORE: bool = false;
    type Settings = RenderSettings;

    fn know(settings: &mut RenderSettings, tenants: &TenantSettings) {
        settings.tenants = tenants.tenants.clone();
        settings.zones = tenants.zones();
    }

    fn hears(_: &RenderSettings, _: &[&'static str]) -> Vec<(Exchange, String)> {
        vec![(Exchange::Events, InvoiceReadyType::NAME.to_owned())]
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(Some(events::decode::<InvoiceReady>(body)?.about()))
    }

    fn start(settings: &RenderSettings, _: &Shared) -> Result<Self, WrongSetting> {
        Ok(Self { looks: Arc::new(settings.looks()?) })
    }

    fn probe(settings: &RenderSettings) -> Result<Option<Probe>, WrongSetting> {
        let looks = settings.looks().map(|_| format!("{} has no mistakes", settings.template));
        Ok(Some(Probe::new(
            "the template",
            std::future::ready(looks.map(Seen::well).map_err(BoxError::from)),
        )))
    }
}

impl Handler for RenderConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let (looks, body) = (self.looks.clone(), message.body.clone());
        // Rendering computes; it must not hold up what waits for the network.
        let rendered = tokio::task::spawn_blocking(move || rendered(&looks, &body)).await;
        rendered
            .unwrap_or_else(|panic| Err(Failure::reject(Reason::HANDLER_PANICKED, panic)))
            .map(Outcome::Done)
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}

fn rendered(looks: &Looks, body: &[u8]) -> Result<Vec<Outgoing>, Failure> {
    let event: InvoiceReady =
        events::decode(body).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
    tenant(looks.tenants.as_ref(), &event.receipt.tenant.uid)?;
    let look = looks.of(&event.receipt.tenant.uid).unwrap_or(looks.of_installation());
    let pdf = pdf(look, &event)?;
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
        let body =
            serde_json::to_vec(&rendered).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
        let body = carried(body)?;
        let identity = [InvoiceRenderedType::NAME, &**tenant, &**uid, target.as_str()];
        Ok(Outgoing::event(InvoiceRenderedType::NAME, rendered_key(target), &identity, body)
            .about(tenant, uid))
    };
    event.targets.iter().map(for_target).collect()
}

/// A body that every broker takes.
fn carried(body: Vec<u8>) -> Result<Vec<u8>, Failure> {
    match body.len() {
        bytes if bytes > LARGEST => Err(Failure::reject(RENDER_FAILED, TooLarge(bytes))),
        _ => Ok(body),
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
    let sha256 = Sha256::digest(&rendered.pdf).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Pdf { file_name: event.receipt.order_receipt.file_name(), sha256, content: PdfBytes(rendered.pdf) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_broker_carries_is_refused_with_what_to_mend() {
        assert!(carried(vec![0; LARGEST]).is_ok());
        let refused = carried(vec![0; LARGEST + 1]).expect_err("it is too large");
        assert!(matches!(refused, Failure::Reject { reason: RENDER_FAILED, .. }), "{refused:?}");
        assert!(refused.chain().contains("make the template's images smaller"), "{}", refused.chain());
    }
}
