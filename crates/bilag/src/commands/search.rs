//! `bilag sync list --search`: receipts by what people know of them.

use serde_json::json;
use sync_store::{FoundReceipt, Listed, Page, Sought, State, SyncStore};

use crate::commands::sync::{list_records, to_json};
use crate::output::{self, Failed, say};

/// Lists the receipts that are found, the latest heard first.
pub async fn run(
    store: &dyn SyncStore,
    text: &str,
    state: Option<State>,
    limit: u32,
    json: bool,
) -> Result<(), Failed> {
    report::fill(store, |_| ()).await.map_err(Failed::plainly)?;
    let found = store.search(text, Sought::Everywhere, None, Page::first(limit)).await.map_err(Failed::plainly)?;
    let count = found.len() as u64;
    let records = found.into_iter().flat_map(|FoundReceipt { facts, records, .. }| {
        records.into_iter().map(move |record| Listed { record, receipt: facts.clone() })
    });
    let records: Vec<_> =
        records.filter(|listed| state.is_none_or(|only| only == listed.record.state)).collect();
    if json {
        let records: Vec<_> = records.iter().map(to_json).collect();
        output::json(&json!({ "records": records }));
        return Ok(());
    }
    if count == 0 {
        let store = store.describe();
        say(format_args!(
            "nothing in {store} has this voucher number, order number or uid, and no customer this text"
        ));
        return Ok(());
    }
    list_records(records);
    if count == u64::from(limit) {
        say(format_args!("\nthe latest {count}; --limit N shows more, a longer text fewer"));
    }
    Ok(())
}
