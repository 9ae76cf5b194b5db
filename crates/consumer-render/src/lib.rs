//! The render consumer: makes the receipt's PDF and emits `invoice.rendered.v1`, once for each
//! target. Seals it, where there is a seal. It needs no database.

mod documents;
mod metrics;
mod seal;
mod settings;
mod templates;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use amqp::{Exchange, Failure, Outcome, Outgoing, Reason};
use chrono::{DateTime, Utc};
use consumer::{
    EventHandler, Input, Probe, Seen, Stage, StageSettings, UNKNOWN_TENANT, receipt_subject, rendered_key,
    tenant,
};
use en16931::Missing;
use events::{
    EInvoice, InvoiceReady, InvoiceReadyType, InvoiceRendered, InvoiceRenderedType, Pdf, PdfBytes,
    ReceiptSettled, Target, Timestamp,
};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tenants::TenantSettings;

pub use documents::{Document, DocumentError, DocumentSettings};
pub use seal::{SealSettings, Sealer, SealingError};
pub use settings::{ErpEInvoice, RenderSettings, TemplateError, load_template, load_template_from};
pub use templates::TenantTemplates;

/// The PDF cannot be made.
pub const RENDER_FAILED: Reason = Reason::new(
    "render_failed",
    "fix the template (`bilag render`, `bilag template check`), then redrive the dead letter",
);

/// The tenant requires an e-invoice, and the receipt lacks what one needs.
pub const E_INVOICE_INCOMPLETE: Reason = Reason::new(
    "e_invoice_incomplete",
    "add what is missing to the tenant's facts, or have the till send it; then redrive the dead letter",
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
            .reasons(&[RENDER_FAILED, E_INVOICE_INCOMPLETE, UNKNOWN_TENANT])
            .without_store()
            .probe(move || Ok(probe(&probing)))
            .handler(move |_| {
                let (templates, sealer) = (settings.templates()?, settings.seal.load()?);
                if let Some(warning) = sealer.as_ref().and_then(Sealer::warning) {
                    tracing::warn!("{warning}");
                }
                let render = Renderer {
                    templates,
                    sealer,
                    erp_en16931: settings.erp_en16931,
                    logged: Mutex::default(),
                };
                Ok(Render(Arc::new(render)))
            })
    }
}

fn probe(settings: &RenderSettings) -> Probe {
    let seen = settings.templates().and_then(|_| {
        let valid = format!("{} is valid", settings.template);
        let Some(sealer) = settings.seal.load()? else { return Ok(Seen::well(valid)) };
        Ok(Seen { found: format!("{valid}; {}", sealer.describe()), warning: sealer.warning() })
    });
    Probe::new("the template", std::future::ready(seen.map_err(Into::into)))
}

/// Renders invoices that are ready.
struct Render(Arc<Renderer>);

struct Renderer {
    templates: TenantTemplates,
    sealer: Option<Sealer>,
    /// What the ERP gets beside the PDF.
    erp_en16931: ErpEInvoice,
    /// The tenants of which it was said that their receipts get no e-invoice.
    logged: Mutex<BTreeSet<(String, &'static str)>>,
}

/// The target that gets e-invoices beside their PDF.
const ERP: Target = Target::new("erp");

impl EventHandler for Render {
    type Event = InvoiceReady;

    async fn handle(&self, Input { event, .. }: Input<'_, InvoiceReady>) -> Result<Outcome, Failure> {
        let renderer = Arc::clone(&self.0);
        // Rendering computes; it must not hold up what waits for the network.
        let rendered = tokio::task::spawn_blocking(move || renderer.rendered(&event)).await;
        rendered
            .unwrap_or_else(|panic| Err(Failure::reject(Reason::HANDLER_PANICKED, panic)))
            .map(Outcome::Done)
    }
}

impl Renderer {
    fn rendered(&self, event: &InvoiceReady) -> Result<Vec<Outgoing>, Failure> {
        let (tenant_uid, uid) = (&event.receipt.tenant.uid, &event.receipt.order_receipt.uid);
        tenant(self.templates.tenants.as_ref(), tenant_uid)?;
        let settings = self.templates.of(tenant_uid).unwrap_or_else(|| self.templates.of_installation());
        let (pdf, e_invoice) = self.document(settings, event)?;
        let for_target = |target: &Target| {
            let rendered = InvoiceRendered {
                id: format!("{tenant_uid}/{uid}/{}", target.as_str()),
                kind: InvoiceRenderedType::V1,
                occurred_at: Timestamp::from_utc(Utc::now()),
                target: target.clone(),
                tenant: tenant_uid.clone(),
                order_type: event.receipt.order_receipt.order.kind,
                invoice: event.invoice.clone(),
                pdf: pdf.clone(),
                e_invoice: e_invoice.clone().filter(|_| *target == ERP),
                package: event.receipt.package.clone(),
            };
            let identity = [InvoiceRenderedType::NAME, &**tenant_uid, &**uid, target.as_str()];
            let event =
                Outgoing::json(InvoiceRenderedType::NAME, rendered_key(target), &identity, &rendered)?;
            limit_size(event.body.len())?;
            Ok(event.about(receipt_subject(tenant_uid, uid)))
        };
        event.targets.iter().map(for_target).collect()
    }

    /// The PDF, and the e-invoice in it as the ERP gets it.
    fn document(
        &self,
        settings: &DocumentSettings,
        event: &InvoiceReady,
    ) -> Result<(Pdf, Option<EInvoice>), Failure> {
        let began = Instant::now();
        let rendered = settings.render(&event.receipt).map_err(|error| {
            metrics::failed(began.elapsed());
            let reason = match error {
                DocumentError::EInvoice(_) => E_INVOICE_INCOMPLETE,
                DocumentError::Render(_) => RENDER_FAILED,
            };
            Failure::reject(reason, error)
        })?;
        metrics::rendered(began.elapsed(), rendered.pdf.len());
        for warning in &rendered.warnings {
            tracing::warn!(receipt = %event.receipt.order_receipt.uid, %warning, "rendered with a warning");
        }
        self.log_missing(&event.receipt, &rendered.missing);
        let e_invoice = rendered.e_invoice.as_ref().and_then(|invoice| self.erp_en16931.of(invoice));
        let content = match &self.sealer {
            None => rendered.pdf,
            Some(sealer) => {
                let emitted = DateTime::from(event.occurred_at.moment());
                // This thread is one of those that may wait, here for a timestamp.
                tokio::runtime::Handle::current().block_on(sealer.seal(&rendered.pdf, emitted))?
            }
        };
        let sha256 = hex::encode(Sha256::digest(&content));
        let file_name = event.receipt.order_receipt.file_name();
        Ok((Pdf { file_name, sha256, content: PdfBytes(content) }, e_invoice))
    }

    /// Logs each thing that a tenant's receipts lack for an e-invoice once: most lack the same on each.
    fn log_missing(&self, receipt: &ReceiptSettled, missing: &[Missing]) {
        let (tenant, receipt) = (&*receipt.tenant.uid, &receipt.order_receipt.uid);
        for missing in missing {
            if self.logged.lock().insert((tenant.to_owned(), missing.term)) {
                tracing::warn!(tenant, %receipt, "this receipt has no e-invoice, nor has any that lacks the same: {missing}");
            }
        }
    }
}

/// Refuses a body that some broker would not take.
fn limit_size(bytes: usize) -> Result<(), Failure> {
    match bytes {
        0..=LARGEST => Ok(()),
        bytes => Err(Failure::reject(RENDER_FAILED, TooLarge(bytes))),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use lopdf::{Document as File, Object};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        render: RenderSettings,
    }

    /// What the chain makes of a sale to a business, for Omnium and for the ERP.
    fn rendered_by(settings: &[&str]) -> [InvoiceRendered; 2] {
        let events = outcome_of(settings, Some("2026-12-02")).expect("rendered");
        let [omnium, erp] = &events[..] else { panic!("one for each target") };
        [omnium, erp].map(|event| events::decode(&event.body).expect("an event"))
    }

    fn outcome_of(settings: &[&str], due: Option<&str>) -> Result<Vec<Outgoing>, Failure> {
        let sample = |path: &str| -> Value {
            let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_slice(&std::fs::read(path).expect("a sample")).expect("JSON")
        };
        let mut receipt = sample("tests/samples/receipt-b2b.json");
        receipt["orderReceipt"]["issuer"] = json!({
            "legalName": "Fjällräv Handel AB", "legalId": "556000-1111", "vatId": "SE556000111101",
            "address": { "address": "Sveavägen 44", "postalCode": "111 34", "city": "Stockholm", "countryCode": "SE" },
        });
        receipt["orderReceipt"]["dueDate"] = json!(due);
        let ready = json!({
            "id": "9/rcpt-2002", "type": "invoice.ready.v1", "occurredAt": "2026-11-02T09:15:43Z",
            "targets": ["omnium", "erp"], "receipt": receipt,
            "invoice": sample("crates/invoice/tests/cases/receipt-b2b.invoice.json"),
        });
        let settings = Cli::parse_from([&["render"][..], settings].concat()).render;
        let templates = settings.templates().expect("a template");
        let renderer =
            Renderer { templates, sealer: None, erp_en16931: settings.erp_en16931, logged: Mutex::default() };
        renderer.rendered(&serde_json::from_value(ready).expect("an event"))
    }

    #[test]
    fn required_e_invoice_that_lacks_something_has_a_reason_of_its_own() {
        let refused = outcome_of(&["--en16931", "required"], None).expect_err("no due date");
        assert!(matches!(refused, Failure::Reject { reason: E_INVOICE_INCOMPLETE, .. }), "{refused:?}");
        assert!(refused.chain().contains("the due date"), "{}", refused.chain());
        assert!(outcome_of(&["--en16931", "required"], Some("2026-12-02")).is_ok());
    }

    fn factur_x(pdf: &[u8]) -> String {
        let pdf = File::load_mem(pdf).expect("a PDF");
        let file = pdf.objects.values().filter_map(|object| object.as_stream().ok()).find(|stream| {
            stream.dict.get(b"Type").and_then(Object::as_name).is_ok_and(|name| name == b"EmbeddedFile")
        });
        let content = file.expect("an embedded file").get_plain_content().expect("its content");
        String::from_utf8(content).expect("UTF-8")
    }

    #[test]
    fn erp_alone_gets_the_e_invoice_of_the_pdf_and_only_if_asked_for() {
        let [omnium, erp] = rendered_by(&[]);
        assert_eq!((&omnium.e_invoice, &erp.e_invoice), (&None, &None));

        let [omnium, erp] = rendered_by(&["--erp-en16931", "cii"]);
        assert_eq!(omnium.e_invoice, None);
        let cii = erp.e_invoice.expect("an e-invoice");
        assert_eq!(cii.syntax, events::EInvoiceSyntax::Cii);
        assert!(cii.content == factur_x(&erp.pdf.content.0), "not the file in the PDF");

        let [_, erp] = rendered_by(&["--erp-en16931", "ubl"]);
        let ubl = erp.e_invoice.expect("an e-invoice");
        assert_eq!(ubl.syntax, events::EInvoiceSyntax::Ubl);
        assert!(ubl.content.contains("<cbc:ID>2002</cbc:ID>"), "{}", ubl.content);
        assert!(factur_x(&erp.pdf.content.0) == cii.content, "the PDF is the same");

        let [_, erp] = rendered_by(&["--erp-en16931", "cii", "--en16931", "off"]);
        assert_eq!(erp.e_invoice, None, "what the PDF has not, the ERP does not get");
    }

    #[test]
    fn refuses_an_event_beyond_the_brokers_limit() {
        assert!(limit_size(LARGEST).is_ok());
        let refused = limit_size(LARGEST + 1).expect_err("it is too large");
        assert!(matches!(refused, Failure::Reject { reason: RENDER_FAILED, .. }), "{refused:?}");
        assert!(refused.chain().contains("make the template's images smaller"), "{}", refused.chain());
    }
}
