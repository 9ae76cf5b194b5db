//! `bilag dead list`: how many dead letters there are, by stage and reason, and the latest.

use amqp::chain;
use operate::dead_letters::{Lag, LagError};
use serde_json::{Value, json};
use sync_store::{DeadCount, DeadLetter, DeadLetterFilter, NotedDeadLetter, Page, SyncStore};

use super::act::filter;
use super::{groups, none, service, to_json};
use crate::cli::{DeadLetterKind, ListArgs};
use crate::output::{self, Column, Failed, ago, say, table, table_with_details, tell};

/// Lists dead letters, or groups of them, and says where the index lags behind the queues.
pub async fn run(args: ListArgs) -> Result<(), Failed> {
    let service = service(args.store.open().await?, &args.broker)?;
    let store = service.store.as_ref();
    let kind = DeadLetterKind {
        stage: args.stage,
        reason: args.reason,
        since: args.since,
        tenant: args.tenant,
        text: args.text,
    };
    let filter = filter(&kind);
    let page = Page { limit: args.limit, offset: args.offset };
    let index = service.lag().await;
    let mut document = match args.group {
        true => groups::list(store, &filter, page, args.json).await?,
        false => list(store, &filter, page, args.json).await?,
    };
    match (&mut document, &index) {
        (Some(document), index) => {
            document["index"] = index_to_json(index);
            output::json(document);
        }
        (None, Ok(lags)) => lags.iter().for_each(|lag| tell(format_args!("warning: {lag}"))),
        (None, Err(error)) => {
            tell(format_args!("warning: could not compare the index with the queues: {}", chain(error)))
        }
    }
    Ok(())
}

/// Whether the index has all dead letters: `lags` is null where that could not be checked.
fn index_to_json(index: &Result<Vec<Lag>, LagError>) -> Value {
    let lag_to_json = |lag: &Lag| match lag {
        Lag::Unnoted { count } => json!({ "queue": "bilag.dead", "unnoted": count }),
        Lag::Differs { stage, queue, index, moved_by } => json!({
            "queue": format!("bilag.{stage}.dead"), "stage": stage, "inQueue": queue, "inIndex": index,
            "movedBy": moved_by,
        }),
    };
    match index {
        Ok(lags) => json!({ "lags": lags.iter().map(lag_to_json).collect::<Vec<_>>() }),
        Err(error) => json!({ "lags": null, "error": chain(error) }),
    }
}

/// Prints the list, or gives it as JSON.
async fn list(
    store: &dyn SyncStore,
    filter: &DeadLetterFilter,
    page: Page,
    json: bool,
) -> Result<Option<Value>, Failed> {
    let counts = counts(store, filter).await?;
    let letters = store.dead_letters(filter, page).await.map_err(Failed::plainly)?;
    if json {
        let counts: Vec<_> = counts
            .iter()
            .map(|count| {
                json!({ "stage": count.stage, "reason": count.reason,
                                 "count": count.count, "oldest": count.oldest })
            })
            .collect();
        let letters: Vec<_> = letters.iter().map(to_json).collect();
        return Ok(Some(json!({ "counts": counts, "letters": letters })));
    }
    if counts.is_empty() {
        none(store).await?;
        return Ok(None);
    }
    let rows: Vec<_> = counts
        .iter()
        .map(|count| {
            vec![count.stage.clone(), count.reason.clone(), count.count.to_string(), ago(count.oldest)]
        })
        .collect();
    output::test_header();
    table(
        &[Column::Left("stage"), Column::Left("reason"), Column::Right("letters"), Column::Right("oldest")],
        &rows,
    );
    say("");
    list_letters(&letters);
    let (shown, all) = (letters.len() as u64, counts.iter().map(|count| count.count).sum::<u64>());
    if shown < all {
        let from = page.offset;
        match from {
            0 => say(format_args!(
                "\nthe latest {shown} of {all}; --limit N shows more, a stage or --reason R fewer, --group what they have in common"
            )),
            _ => say(format_args!("\n{shown} of {all}, after the latest {from}")),
        }
    }
    say("\n`bilag dead show ID` shows what happened, and what to do");
    Ok(None)
}

/// Matching dead letters by stage and reason. Only time and text need a query of each dead letter.
async fn counts(store: &dyn SyncStore, filter: &DeadLetterFilter) -> Result<Vec<DeadCount>, Failed> {
    if filter.since.is_some() || filter.text.is_some() {
        return groups::counts(store, filter).await;
    }
    let mut counts = store.dead_counts().await.map_err(Failed::plainly)?;
    let matches = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|only| only == is);
    counts.retain(|count| matches(&filter.stage, &count.stage) && matches(&filter.reason, &count.reason));
    Ok(counts)
}

/// Each with its error on a line of its own.
fn list_letters(letters: &[NotedDeadLetter]) {
    let columns = [
        Column::Left("id"),
        Column::Left("stage"),
        Column::Left("reason"),
        Column::Left("about"),
        Column::Right("age"),
    ];
    let rows: Vec<_> = letters.iter().map(row).collect();
    table_with_details(&columns, &rows, letters.iter().map(|noted| noted.letter.error.as_str()));
}

fn row(noted: &NotedDeadLetter) -> Vec<String> {
    let letter = &noted.letter;
    vec![
        letter.id.clone(),
        letter.stage.clone(),
        letter.reason.clone(),
        about(letter),
        ago(letter.last_failed_at.unwrap_or(noted.noted_at)),
    ]
}

/// Receipt or package, if known.
fn about(letter: &DeadLetter) -> String {
    match (&letter.key, &letter.package) {
        (Some(receipt), _) => receipt.to_string(),
        (None, Some(package)) => format!("package {package}"),
        (None, None) => "–".to_owned(),
    }
}
