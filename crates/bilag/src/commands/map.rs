//! `bilag map`: the invoice that Omnium would get.

use crate::cli::MapArgs;
use crate::output::{self, Failed, tell};

/// Prints the invoice as JSON.
pub fn run(args: &MapArgs) -> Result<(), Failed> {
    let event = super::read_receipt(&args.file)?;
    let uid = &event.tenant.uid;
    let tenant = args.tenants.tenants.as_ref().map(|tenants| tenants.find(uid));
    let prefix = match &tenant {
        Some(Some(tenant)) => tenant.prefix.as_ref(),
        Some(None) => {
            tell(format_args!(
                "warning: tenant {uid} is not in BILAG_TENANTS: its receipts become dead letters"
            ));
            None
        }
        None => None,
    };
    let invoice = invoice::map(&event, prefix.unwrap_or(&args.property_prefix));
    output::json_text(&serde_json::to_string_pretty(&invoice).map_err(Failed::plainly)?);
    Ok(())
}
