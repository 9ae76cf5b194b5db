//! `bilag sync list --search`: receipts by what people know of them.

use serde_json::json;
use sync_store::{FoundReceipt, Listed, Page, Record, SearchScope, State, SyncStore};

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
    let is_wanted = |record: &Record| state.is_none_or(|only| only == record.state);
    let (mut looked_at, mut count, mut records) = (0, 0, Vec::new());
    while count < limit {
        let page = Page { limit, offset: looked_at };
        let found = store.search(text, SearchScope::Everywhere, None, page).await.map_err(Failed::plainly)?;
        looked_at += u32::try_from(found.len()).unwrap_or(limit);
        let last = looked_at < page.offset.saturating_add(limit);
        for FoundReceipt { facts, records: of_receipt, .. } in found {
            let before = records.len();
            let wanted = of_receipt.into_iter().filter(is_wanted);
            records.extend(wanted.map(|record| Listed { record, receipt: facts.clone() }));
            count += u32::from(records.len() > before);
            if count == limit {
                break;
            }
        }
        if last {
            break;
        }
    }
    if json {
        let records: Vec<_> = records.iter().map(to_json).collect();
        output::json(&json!({ "records": records }));
        return Ok(());
    }
    if looked_at == 0 {
        let store = store.describe();
        say(format_args!(
            "nothing in {store} has this voucher number, order number or uid, and no customer this text"
        ));
        return Ok(());
    }
    list_records(records);
    if count == limit {
        say(format_args!("\nthe latest {count}; --limit N shows more, a longer text fewer"));
    }
    Ok(())
}
