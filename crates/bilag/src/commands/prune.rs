//! `bilag sync prune`: removes personal data that is no longer needed.

use std::pin::pin;
use std::time::{Duration, Instant};

use serde_json::json;
use sync_store::{NewAuditEntry, Pruned, SyncStore};

use crate::cli::PruneArgs;
use crate::output::{self, Failed, say, tell};
use crate::who::who;

/// Removed at a time: few enough that nobody waits for the locks.
const BATCH: u32 = 200;

/// Between progress messages.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(5);

/// Prunes, or counts what would be pruned.
pub async fn run(args: &PruneArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    // What reports need of receipts of earlier versions is in their bodies alone.
    report::fill(store.as_ref(), &args.tenants.zones(), |_| ()).await.map_err(Failed::plainly)?;
    if args.dry_run {
        let there = store.prunable(args.older_than).await.map_err(Failed::plainly)?;
        print(args, there, true, false);
        return Ok(());
    }
    let mut stop = pin!(stopped());
    let mut reported_at = Instant::now();
    let mut progress = |pruned: Pruned| {
        if reported_at.elapsed() >= PROGRESS_INTERVAL {
            reported_at = Instant::now();
            tell(format_args!("{} so far", words(pruned)));
        }
    };
    let who = who(args.who.as_deref());
    let mut pruned = Pruned::default();
    let mut to_the_end = false;
    let pruning = prune(store.as_ref(), &who, args.older_than, |batch| {
        pruned = batch;
        progress(batch);
    });
    tokio::select! {
        done = pruning => { done.map_err(Failed::plainly)?; to_the_end = true; }
        () = &mut stop => {}
    }
    print(args, pruned, false, to_the_end);
    match to_the_end {
        true => Ok(()),
        false => Err(Failed::plainly("interrupted: run the same command to continue")),
    }
}

/// Prunes batch by batch, with an entry in the audit log before the first. May be dropped at any time: a batch is
/// pruned as a whole or not at all.
pub async fn prune(
    store: &dyn SyncStore,
    who: &str,
    older_than: Duration,
    mut so_far: impl FnMut(Pruned),
) -> Result<Pruned, sync_store::StoreError> {
    let mut all = Pruned::default();
    if store.prunable(older_than).await?.total() == 0 {
        return Ok(all);
    }
    let detail = format!("older than {} d", older_than.as_secs() / 86_400);
    store
        .write_audit(&NewAuditEntry { who, act: "prune", stage: "store", letters: &[], detail: &detail })
        .await?;
    loop {
        let batch = store.prune(older_than, BATCH).await?;
        if batch.total() == 0 {
            return Ok(all);
        }
        all.receipts += batch.receipts;
        all.packages += batch.packages;
        all.letters += batch.letters;
        so_far(all);
    }
}

async fn stopped() {
    // Without signals it runs to its end.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn words(Pruned { receipts, packages, letters }: Pruned) -> String {
    format!("{receipts} receipt(s), {packages} package(s), {letters} dead letter(s)")
}

fn print(args: &PruneArgs, pruned: Pruned, dry_run: bool, to_the_end: bool) {
    if args.json {
        output::json(&json!({
            "dryRun": dry_run,
            "receipts": pruned.receipts,
            "packages": pruned.packages,
            "letters": pruned.letters,
            "toTheEnd": dry_run || to_the_end,
        }));
    } else if dry_run {
        say(format_args!("to be pruned: {}", words(pruned)));
    } else {
        say(format_args!("pruned: {}", words(pruned)));
    }
}
