//! `bilag dead list`: how many dead letters there are, by stage and reason, and the latest.

use amqp::chain;
use operate::letters::{Lag, LagError, lag};
use serde_json::{Value, json};
use sync_store::{DeadCount, DeadLetter, DeadLetterFilter, NotedDeadLetter, Page, SyncStore};

use super::{groups, to_json};
use crate::chain::stages;
use crate::cli::{DeadLetterKind, ListArgs};
use crate::commands::letters::filter;
use crate::output::{self, Column, Failed, ago, one_line, say, table, table_lines, tell};

/// Lists dead letters, or groups of them, and says where the index lags behind the queues.
pub async fn run(args: ListArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let broker = args.broker.broker("dead letters")?;
    let kind = DeadLetterKind { stage: args.stage, reason: args.reason, since: args.since, text: args.text };
    let filter = filter(&kind);
    let page = Page { limit: args.limit, offset: args.offset };
    let index = lag(store.as_ref(), &broker, stages()).await;
    let mut told = match args.group {
        true => groups::list(store.as_ref(), &filter, page, args.json).await?,
        false => list(store.as_ref(), &filter, page, args.json).await?,
    };
    match (&mut told, &index) {
        (Some(told), index) => {
            told["index"] = index_to_json(index);
            output::json(told);
        }
        (None, Ok(lags)) => lags.iter().for_each(|lag| tell(format_args!("warning: {lag}"))),
        (None, Err(error)) => tell(format_args!(
            "warning: whether the index has all that the queues hold could not be checked: {}",
            chain(error)
        )),
    }
    Ok(())
}

/// Whether the index has all dead letters: `lags` is null where that could not be checked.
fn index_to_json(index: &Result<Vec<Lag>, LagError>) -> Value {
    let lag_to_json = |lag: &Lag| match lag {
        Lag::Unnoted { letters } => json!({ "queue": "bilag.dead", "unnoted": letters }),
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
    say("\nbilag dead show ID tells what happened to one of them, and what to do");
    Ok(None)
}

/// How many dead letters meet the filter, by stage and reason. The numbers of all come at once; only time and
/// text need a look at each dead letter.
async fn counts(store: &dyn SyncStore, filter: &DeadLetterFilter) -> Result<Vec<DeadCount>, Failed> {
    if filter.since.is_some() || filter.text.is_some() {
        return groups::counts(store, filter).await;
    }
    let mut counts = store.dead_counts().await.map_err(Failed::plainly)?;
    let matches = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|only| only == is);
    counts.retain(|count| matches(&filter.stage, &count.stage) && matches(&filter.reason, &count.reason));
    Ok(counts)
}

/// Says that there is nothing to list.
pub(super) async fn none(store: &dyn SyncStore) -> Result<(), Failed> {
    let none_at_all = store.dead_counts().await.map_err(Failed::plainly)?.is_empty();
    let store = store.describe();
    match none_at_all {
        true => say(format_args!("no dead letters in {store}; `bilag consume dead` notes them there")),
        false => say(format_args!("none of the dead letters in {store} is of this kind")),
    }
    Ok(())
}

/// Each error stands below its dead letter, as it is longer than what is left of a line beside it.
fn list_letters(letters: &[NotedDeadLetter]) {
    let columns = [
        Column::Left("id"),
        Column::Left("stage"),
        Column::Left("reason"),
        Column::Left("about"),
        Column::Right("age"),
    ];
    let rows: Vec<_> = letters.iter().map(row).collect();
    let lines = table_lines(&columns, &rows);
    let errors = letters.iter().map(|noted| Some(noted.letter.error.as_str()));
    let width = output::terminal_width().unwrap_or(100).saturating_sub(4).max(40);
    for (line, error) in lines.iter().zip([None].into_iter().chain(errors)) {
        say(line);
        if let Some(error) = error {
            say(format_args!("    {}", one_line(error, width)));
        }
    }
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

/// The receipt or the package that a dead letter is about, where that could be read.
fn about(letter: &DeadLetter) -> String {
    match (&letter.key, &letter.package) {
        (Some(receipt), _) => receipt.to_string(),
        (None, Some(package)) => format!("package {package}"),
        (None, None) => "–".to_owned(),
    }
}
