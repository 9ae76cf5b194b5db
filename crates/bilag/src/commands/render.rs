//! `bilag render`: the PDF of a receipt, from a file or from the store, and what the law asks of it.

use std::fmt::Display;

use chrono::Utc;
use consumer_render::{Document, DocumentSettings, Sealer, TenantTemplates};
use events::ReceiptSettled;
use sha2::{Digest, Sha256};
use sync_store::{Listed, Page, RecordFilter, State, SyncStore};

use crate::cli::RenderArgs;
use crate::output::{Failed, say, say_bytes, tell};

/// What is said with every list of what the law asks for.
pub const LEGAL_NOTE: &str =
    "By our reading of the sources (docs/legal-contents.md), which is no legal advice: ask your accountant.";

/// Writes the PDF.
pub async fn run(args: &RenderArgs) -> Result<(), Failed> {
    let templates =
        args.render.with_tenants(&args.tenants).templates().map_err(Failed::plainly_used_wrongly)?;
    let sealer = args.render.seal.load().map_err(Failed::plainly_used_wrongly)?;
    let writer = Writer { args, templates, sealer };
    match (&args.file, &args.receipt) {
        (Some(file), _) => {
            let (event, what) = (super::read_receipt(file)?, file.display().to_string());
            writer.write(&event, &what).await?;
            writer.check_content(&event, &what)
        }
        (None, Some(receipt)) => {
            let store = args.store.open().await?;
            again(&writer, store.as_ref(), receipt).await
        }
        (None, None) => Err(Failed::used_wrongly("RECEIPT", "required: a file, or --receipt UID")),
    }
}

/// Prints the kept receipt, as a copy unless the original is asked for, and compares it with what was sent.
async fn again(writer: &Writer<'_>, store: &dyn SyncStore, receipt: &str) -> Result<(), Failed> {
    let filter = RecordFilter {
        receipt: Some(receipt.to_owned()),
        tenant_uid: writer.args.tenant.clone(),
        ..Default::default()
    };
    let mut records = store.records(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
    records.sort_by(|one, other| one.record.target.cmp(&other.record.target));
    let mut keys: Vec<_> = records.iter().map(|listed| listed.record.key.clone()).collect();
    keys.sort();
    keys.dedup();
    let key = match keys.as_slice() {
        [] => {
            let store = store.describe();
            return Err(Failed::plainly(format!(
                "no receipt with uid or voucher number {receipt} in {store}"
            )));
        }
        [key] => key,
        several => {
            let several: Vec<_> = several.iter().map(ToString::to_string).collect();
            let problem = format!("{receipt} names several receipts: {}", several.join(", "));
            return Err(Failed::plainly(format!("{problem}; choose one with --tenant and the uid")));
        }
    };
    let kept = store.receipt(key).await.map_err(Failed::plainly)?;
    let kept = kept.ok_or_else(|| {
        Failed::plainly(format!(
            "only invalid events of receipt {key} were received: there is nothing to render"
        ))
    })?;
    if store.pruned_at(key).await.map_err(Failed::plainly)?.is_some() {
        return Err(Failed::plainly(format!("receipt {key} was pruned and can no longer be rendered")));
    }
    let event: ReceiptSettled = events::decode(&kept.body).map_err(|error| Failed::at(key, error))?;
    let what = key.to_string();
    let is_original = writer.args.original || event.order_receipt.is_copy == Some(true);
    let printed = if is_original { event.clone() } else { event.as_copy() };
    match (writer.write(&printed, &what).await?, &writer.sealer) {
        (None, _) => {}
        // A seal has the time at which it was made.
        (Some(_), Some(_)) => tell(format_args!("sealed anew: not the bytes of any file sent")),
        (Some(pdf), None) => {
            // Only originals are sent.
            let original = if is_original { pdf } else { writer.render(&event, &what).await?.0 };
            compare(&records, &original, is_original);
        }
    }
    writer.check_content(&printed, &what)
}

/// Says whether the original is what each target got.
fn compare(records: &[Listed], pdf: &[u8], is_original: bool) {
    let identical = match is_original {
        true => "identical to the file sent",
        false => "a copy; its original is identical to the file sent",
    };
    let now: String = Sha256::digest(pdf).iter().map(|byte| format!("{byte:02x}")).collect();
    for Listed { record, .. } in records {
        let target = &record.target;
        // A skipped one may have been about to be sent, until it turned out that it was not wanted.
        let Some(sent) = record.pdf_sha256.as_ref().filter(|_| record.state != State::Skipped) else {
            tell(format_args!("{target}: nothing was sent"));
            continue;
        };
        let there = match record.state {
            State::Complete => "what was sent is there".to_owned(),
            state => format!("delivery is not confirmed (state {state})"),
        };
        match (*sent == now, record.state) {
            (true, State::Complete) => tell(format_args!("{target}: {identical}")),
            (true, _) => tell(format_args!("{target}: {identical}; {there}")),
            (false, _) => tell(format_args!(
                "warning: {target}: differs from the file sent: the template or a font has changed since; {there}"
            )),
        }
    }
}

/// Renders receipts into the file that is asked for.
struct Writer<'a> {
    args: &'a RenderArgs,
    templates: TenantTemplates,
    sealer: Option<Sealer>,
}

impl Writer<'_> {
    fn settings(&self, event: &ReceiptSettled) -> &DocumentSettings {
        self.templates.of(&event.tenant.uid).unwrap_or_else(|| self.templates.of_installation())
    }

    /// The file that is written; none where only the content is to be checked.
    async fn write(&self, event: &ReceiptSettled, what: &str) -> Result<Option<Vec<u8>>, Failed> {
        let Some(output) = &self.args.output else { return Ok(None) };
        let uid = &event.tenant.uid;
        if self.templates.of(uid).is_none() {
            tell(format_args!(
                "warning: tenant {uid} is not in BILAG_TENANTS: its receipts become dead letters"
            ));
        }
        let (pdf, rendered) = self.render(event, what).await?;
        for warning in &rendered.warnings {
            tell(format_args!("warning: {warning}"));
        }
        for missing in &rendered.missing {
            tell(format_args!("no e-invoice: {missing}"));
        }
        if output.as_os_str() == "-" {
            say_bytes(&pdf);
        } else {
            let file = output.display();
            std::fs::write(output, &pdf).map_err(|error| Failed::at(&file, error))?;
            tell(format_args!("{file}: {} page(s), {} bytes", rendered.pages, pdf.len()));
        }
        Ok(Some(pdf))
    }

    /// The file, and what is to be said of it.
    async fn render(&self, event: &ReceiptSettled, what: &str) -> Result<(Vec<u8>, Document), Failed> {
        let mut document = self.settings(event).render(event).map_err(|error| Failed::at(what, error))?;
        let pdf = std::mem::take(&mut document.pdf);
        let pdf = match &self.sealer {
            None => pdf,
            Some(sealer) => sealer.seal(&pdf, Utc::now()).await.map_err(|error| Failed::at(what, error))?,
        };
        Ok((pdf, document))
    }

    /// Lists what the law asks for and the document does not say, where that was asked for.
    fn check_content(&self, event: &ReceiptSettled, what: &str) -> Result<(), Failed> {
        if !self.args.check_content {
            return Ok(());
        }
        // Standard output may be the PDF.
        let is_taken = self.args.output.as_ref().is_some_and(|output| output.as_os_str() == "-");
        let print = |line: &dyn Display| if is_taken { tell(line) } else { say(line) };
        let Some(country) = event.tenant.country.code.as_deref() else {
            let error = "the receipt lacks tenant.country.code: which law applies is not known";
            return Err(Failed::at(what, error));
        };
        if !receipt_pdf::COUNTRIES.contains(&country) {
            print(&format_args!("{what}: nothing is known of what the law of {country} asks for"));
            return Ok(());
        }
        let missing = self.settings(event).check_content(event).map_err(|error| Failed::at(what, error))?;
        for content in &missing {
            print(&format_args!("{what}: {content}"));
        }
        print(&LEGAL_NOTE);
        match missing.len() {
            0 => {
                print(&format_args!("{what}: nothing is missing for {country}"));
                Ok(())
            }
            count => Err(Failed::at(
                what,
                format!("contents that the law of {country} asks for are missing: {count}"),
            )),
        }
    }
}
