//! `bilag dead list --group`: dead letters by cause.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_store::{DeadCause, DeadCount, DeadLetterFilter, Page, SyncStore};

use super::none;
use crate::output::{Column, Failed, ago, say, table_with_details};

/// Groups in a query.
const PAGE: u32 = 1000;

/// Prints the groups, or gives them as JSON.
pub async fn list(
    store: &dyn SyncStore,
    filter: &DeadLetterFilter,
    page: Page,
    json: bool,
) -> Result<Option<Value>, Failed> {
    let groups = store.dead_causes(filter, page).await.map_err(Failed::plainly)?;
    if json {
        let groups: Vec<_> = groups.iter().map(to_json).collect();
        return Ok(Some(json!({ "groups": groups })));
    }
    if groups.is_empty() {
        none(store).await?;
        return Ok(None);
    }
    print(&groups);
    if groups.len() == page.limit as usize {
        let next = page.offset.saturating_add(page.limit);
        say(format_args!("\nthe latest {}; --offset {next} shows those after them", groups.len()));
    }
    say(
        "\n`bilag dead redrive --group GROUP` redrives a group once its cause is fixed; `discard` archives it",
    );
    Ok(None)
}

/// Each with its cause on a line of its own.
fn print(groups: &[DeadCause]) {
    let columns = [
        Column::Left("group"),
        Column::Left("stage"),
        Column::Left("reason"),
        Column::Right("letters"),
        Column::Right("oldest"),
        Column::Right("newest"),
        Column::Left("for example"),
    ];
    let row = |group: &DeadCause| {
        vec![
            group.id(),
            group.stage.clone(),
            group.reason.clone(),
            group.count.to_string(),
            ago(group.oldest),
            ago(group.newest),
            group.letter.clone(),
        ]
    };
    let causes = groups.iter().map(|group| match group.cause.as_str() {
        "" => group.error.as_str(),
        cause => cause,
    });
    table_with_details(&columns, &groups.iter().map(row).collect::<Vec<_>>(), causes);
}

fn to_json(group: &DeadCause) -> Value {
    json!({
        "group": group.id(), "stage": group.stage, "reason": group.reason, "cause": group.cause,
        "count": group.count, "oldest": group.oldest, "newest": group.newest,
        "letter": group.letter, "error": group.error,
    })
}

/// Matching dead letters by stage and reason.
pub async fn counts(store: &dyn SyncStore, filter: &DeadLetterFilter) -> Result<Vec<DeadCount>, Failed> {
    let mut counts = BTreeMap::<(String, String), DeadCount>::new();
    let mut offset = 0;
    loop {
        let page = Page { limit: PAGE, offset };
        let groups = store.dead_causes(filter, page).await.map_err(Failed::plainly)?;
        let is_last = groups.len() < PAGE as usize;
        for DeadCause { stage, reason, count, oldest, .. } in groups {
            let key = (stage.clone(), reason.clone());
            let sum = counts.entry(key).or_insert(DeadCount { stage, reason, count: 0, oldest });
            sum.count += count;
            sum.oldest = sum.oldest.min(oldest);
        }
        if is_last {
            return Ok(counts.into_values().collect());
        }
        offset += PAGE;
    }
}
