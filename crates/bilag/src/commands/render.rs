//! `bilag render`: the PDF of a receipt, from a file or from the store.

use consumer_render::TenantTemplates;
use sha2::{Digest, Sha256};
use sync_store::{Listed, Page, RecordFilter, State, SyncStore};

use crate::cli::RenderArgs;
use crate::output::{Failed, say_bytes, tell};

/// Writes the PDF.
pub async fn run(args: &RenderArgs) -> Result<(), Failed> {
    let templates =
        args.render.with_tenants(&args.tenants).templates().map_err(Failed::plainly_used_wrongly)?;
    match (&args.file, &args.receipt) {
        (Some(file), _) => {
            let event = super::read_receipt(file)?;
            write(args, &templates, &event, &file.display().to_string()).map(drop)
        }
        (None, Some(receipt)) => {
            let store = args.store.open().await?;
            again(args, &templates, store.as_ref(), receipt).await
        }
        (None, None) => Err(Failed::used_wrongly("RECEIPT", "required: a file, or --receipt UID")),
    }
}

/// Prints the kept receipt, and compares it with what was sent.
async fn again(
    args: &RenderArgs,
    templates: &TenantTemplates,
    store: &dyn SyncStore,
    receipt: &str,
) -> Result<(), Failed> {
    let filter = RecordFilter {
        receipt: Some(receipt.to_owned()),
        tenant_uid: args.tenant.clone(),
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
    let event = events::decode(&kept.body).map_err(|error| Failed::at(key, error))?;
    let pdf = write(args, templates, &event, &key.to_string())?;
    compare(&records, &pdf);
    Ok(())
}

/// Says whether it is what each target got.
fn compare(records: &[Listed], pdf: &[u8]) {
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
            (true, State::Complete) => tell(format_args!("{target}: identical to the file sent")),
            (true, _) => tell(format_args!("{target}: identical to the file sent; {there}")),
            (false, _) => tell(format_args!(
                "warning: {target}: differs from the file sent: the template or a font has changed since; {there}"
            )),
        }
    }
}

fn write(
    args: &RenderArgs,
    templates: &TenantTemplates,
    event: &events::ReceiptSettled,
    what: &str,
) -> Result<Vec<u8>, Failed> {
    let uid = &event.tenant.uid;
    let look = templates.of(uid).unwrap_or_else(|| {
        tell(format_args!("warning: tenant {uid} is not in BILAG_TENANTS: its receipts become dead letters"));
        templates.of_installation()
    });
    let rendered = look.render(event).map_err(|error| Failed::at(what, error))?;
    for warning in &rendered.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout {
        say_bytes(&rendered.pdf);
    } else {
        let file = args.output.display();
        std::fs::write(&args.output, &rendered.pdf).map_err(|error| Failed::at(&file, error))?;
        let (pages, bytes) = (rendered.pages, rendered.pdf.len());
        tell(format_args!("{file}: {pages} page(s), {bytes} bytes"));
    }
    Ok(rendered.pdf)
}
