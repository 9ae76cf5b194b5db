//! The render consumer: makes the receipt's PDF and emits `invoice.rendered.v1`, once for each
//! target. It needs no database.

mod settings;

use amqp::{BoxError, Exchange, Failure, Handler, Message, Outcome, Outgoing, Reason, Subject};
use chrono::Utc;
use consumer::{Consumer, Probe, Shared, WrongSetting, rendered_key};
use events::{
    About, InvoiceReady, InvoiceReadyType, InvoiceRendered, InvoiceRenderedType, Pdf, PdfBytes, Target,
    Timestamp,
};
use receipt_pdf::Template;
use sha2::{Digest, Sha256};

pub use settings::{RenderSettings, TemplateError, load_template};

/// The PDF cannot be made.
pub const RENDER_FAILED: Reason = Reason::new(
    "render_failed",
    "mend the template (bilag render, bilag template check), then redrive the letter",
);

/// The render stage.
pub struct RenderConsumer {
    template: &'static Template,
}

impl Consumer for RenderConsumer {
    const NAME: &'static str = "render";
    const ABOUT: &'static str = "Makes the PDF";
    const REASONS: &'static [Reason] = &[RENDER_FAILED];
    const NEEDS_STORE: bool = false;
    type Settings = RenderSettings;

    fn hears(_: &RenderSettings, _: &[&'static str]) -> Vec<(Exchange, String)> {
        vec![(Exchange::Events, InvoiceReadyType::NAME.to_owned())]
    }

    fn check(body: &[u8]) -> Result<Option<About>, BoxError> {
        Ok(Some(events::decode::<InvoiceReady>(body)?.about()))
    }

    fn start(settings: &RenderSettings, _: &Shared) -> Result<Self, WrongSetting> {
        let template = settings.load().map_err(|error| WrongSetting::named("BILAG_TEMPLATE", error))?;
        Ok(Self { template })
    }

    fn probe(settings: &RenderSettings) -> Result<Option<Probe>, WrongSetting> {
        let loaded = settings.load().map(|_| format!("{} has no mistakes", settings.template));
        Ok(Some(Probe::new("the template", std::future::ready(loaded.map_err(BoxError::from)))))
    }
}

impl Handler for RenderConsumer {
    async fn handle(&self, message: &Message) -> Result<Outcome, Failure> {
        let (template, body) = (self.template, message.body.clone());
        // Rendering computes; it must not hold up what waits for the network.
        let rendered = tokio::task::spawn_blocking(move || rendered(template, &body)).await;
        rendered
            .unwrap_or_else(|panic| Err(Failure::reject(Reason::HANDLER_PANICKED, panic)))
            .map(Outcome::Done)
    }

    fn subject(&self, message: &Message) -> Option<Subject> {
        message.subject()
    }
}

fn rendered(template: &Template, body: &[u8]) -> Result<Vec<Outgoing>, Failure> {
    let event: InvoiceReady =
        events::decode(body).map_err(|error| Failure::reject(Reason::INVALID_EVENT, error))?;
    let pdf = pdf(template, &event)?;
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
        let identity = [InvoiceRenderedType::NAME, &**tenant, &**uid, target.as_str()];
        Ok(Outgoing::event(InvoiceRenderedType::NAME, rendered_key(target), &identity, body)
            .about(tenant, uid))
    };
    event.targets.iter().map(for_target).collect()
}

fn pdf(template: &Template, event: &InvoiceReady) -> Result<Pdf, Failure> {
    let rendered = receipt_pdf::render(template, &event.receipt)
        .map_err(|error| Failure::reject(RENDER_FAILED, error))?;
    for warning in &rendered.warnings {
        tracing::warn!(receipt = %event.receipt.order_receipt.uid, %warning, "rendered with a warning");
    }
    let sha256 = Sha256::digest(&rendered.pdf).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Pdf {
        file_name: format!("{}.pdf", event.receipt.order_receipt.voucher_number),
        sha256,
        content: PdfBytes(rendered.pdf),
    })
}
