//! `bilag sync recount`: moves receipts to the days that the current time zones give them.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::RecountArgs;
use crate::output::{self, Failed, say, tell};

/// Between progress messages.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Recounts all receipts.
pub async fn run(args: &RecountArgs) -> Result<(), Failed> {
    let (store, zones) = (args.store.open().await?, args.tenants.zones());
    let mut reported_at = Instant::now();
    let filled = report::fill(store.as_ref(), &zones, |_| ()).await.map_err(Failed::plainly)?;
    let recounted = report::recount(store.as_ref(), &zones, |moved| {
        if reported_at.elapsed() >= PROGRESS_INTERVAL {
            reported_at = Instant::now();
            tell(format_args!("{moved} moved so far"));
        }
    });
    let moved = recounted.await.map_err(Failed::plainly)?;
    if args.json {
        output::json(&json!({ "moved": moved, "filled": filled }));
    } else {
        say(format_args!("receipts moved to another day: {moved}"));
    }
    Ok(())
}
