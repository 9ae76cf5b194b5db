//! `bilag map`: the invoice that Omnium would get, and the e-invoice.

use en16931::Invoice;
use events::ReceiptSettled;
use events::store_clock::Zone;
use tenants::Tenant;

use crate::cli::MapArgs;
use crate::output::{self, Failed, tell};

/// Prints the invoice as JSON, or the e-invoice as XML.
pub fn run(args: &MapArgs) -> Result<(), Failed> {
    let event = super::read_receipt(&args.file)?;
    let uid = &event.tenant.uid;
    let tenant = args.tenants.tenants.as_ref().map(|tenants| tenants.find(uid));
    if tenant == Some(None) {
        tell(format_args!("warning: tenant {uid} is not in BILAG_TENANTS: its receipts become dead letters"));
    }
    let tenant = tenant.flatten();
    let zone = args.tenants.zones().of(uid);
    if args.en16931 || args.ubl {
        return e_invoice(args, event, tenant, zone);
    }
    let invoice = args.mapping.map(&event, tenant, zone);
    output::json_text(&serde_json::to_string_pretty(&invoice).map_err(Failed::plainly)?);
    Ok(())
}

/// Prints what is missing on standard error, on a line each.
fn e_invoice(
    args: &MapArgs,
    mut event: ReceiptSettled,
    tenant: Option<&Tenant>,
    zone: Option<Zone>,
) -> Result<(), Failed> {
    if let Some(tenant) = tenant {
        tenant.facts.complete(&mut event, zone);
    }
    let invoice = Invoice::of(&event, zone).map_err(|missing| {
        for missing in &missing {
            tell(missing);
        }
        Failed::at(args.file.display(), "no e-invoice can be made of this receipt")
    })?;
    output::xml_text(&if args.ubl { invoice.to_ubl() } else { invoice.to_cii() });
    Ok(())
}
