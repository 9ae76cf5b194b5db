//! `bilag dead list --group`: dead letters that died of the same thing.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sync_store::{DeadCause, DeadCount, DeadLetterFilter, Page, SyncStore};

use super::list::none;
use crate::output::{self, Column, Failed, ago, one_line, say, table_lines};

/// Groups that are read in one go.
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
    say("\nbilag dead redrive --group GROUP sends a group on, once its cause is gone; discard puts it aside");
    Ok(None)
}

/// Each cause stands below its group, as it is longer than what is left of a line beside it.
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
    let lines = table_lines(&columns, &groups.iter().map(row).collect::<Vec<_>>());
    let causes = groups.iter().map(|group| match group.cause.as_str() {
        "" => Some(group.error.as_str()),
        cause => Some(cause),
    });
    let width = output::terminal_width().unwrap_or(100).saturating_sub(4).max(40);
    for (line, cause) in lines.iter().zip([None].into_iter().chain(causes)) {
        say(line);
        if let Some(cause) = cause {
            say(format_args!("    {}", one_line(cause, width)));
        }
    }
}

fn to_json(group: &DeadCause) -> Value {
    json!({
        "group": group.id(), "stage": group.stage, "reason": group.reason, "cause": group.cause,
        "count": group.count, "oldest": group.oldest, "newest": group.newest,
        "letter": group.letter, "error": group.error,
    })
}

/// How many dead letters meet the filter, by stage and reason.
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
