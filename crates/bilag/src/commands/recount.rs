//! `bilag sync recount`: receipts on the days that the time zones give them as they are set now.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::RecountArgs;
use crate::output::{self, Failed, say, tell};

/// How often it is told how far it has come.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// Recounts all of them.
pub async fn run(args: &RecountArgs) -> Result<(), Failed> {
    let (store, zones) = (args.store.open().await?, args.tenants.zones());
    let mut told = Instant::now();
    let filled = report::fill(store.as_ref(), &zones, |_| ()).await.map_err(Failed::plainly)?;
    let recounted = report::recount(store.as_ref(), &zones, |moved| {
        if told.elapsed() >= TELL_EVERY {
            told = Instant::now();
            tell(format_args!("{moved} moved so far"));
        }
    });
    let moved = recounted.await.map_err(Failed::plainly)?;
    if args.json {
        output::json(&json!({ "moved": moved, "filled": filled }));
    } else {
        say(format_args!("receipts that count on another day now: {moved}"));
    }
    Ok(())
}
