//! `bilag dead`: the dead letters, read from their index. Looking changes nothing.

use serde_json::{Value, json};
use sync_store::{
    Key, Letter, LetterFilter, LetterInFull, NotedLetter, PackageKey, Page, Place, RecordFilter, SyncStore,
};

use crate::chain::stages;
use crate::cli::DeadCommand;
use crate::commands::letters;
use crate::commands::sync::money;
use crate::output::{self, Column, Failed, ago, field, one_line, say, table, table_lines, times, when};

/// Lists or shows.
pub async fn run(command: DeadCommand) -> Result<(), Failed> {
    match command {
        DeadCommand::List { stage, reason, limit, json, store } => {
            let filter = LetterFilter { stage, reason, ..Default::default() };
            list(store.open().await?.as_ref(), &filter, limit, json).await
        }
        DeadCommand::Show { id, json, store } => show(store.open().await?.as_ref(), &id, json).await,
        DeadCommand::Redrive(args) => letters::redrive(*args).await,
        DeadCommand::Discard(args) => letters::discard(*args).await,
        DeadCommand::Restore(args) => letters::restore(*args).await,
        DeadCommand::Export(args) => letters::export(args).await,
        DeadCommand::Reindex(args) => letters::reindex(args).await,
    }
}

async fn list(store: &dyn SyncStore, filter: &LetterFilter, limit: u32, json: bool) -> Result<(), Failed> {
    let wanted = |stage: &str, reason: &str| {
        filter.stage.as_deref().is_none_or(|only| only == stage)
            && filter.reason.as_deref().is_none_or(|only| only == reason)
    };
    let mut counts = store.dead_counts().await.map_err(Failed::plainly)?;
    let none_at_all = counts.is_empty();
    counts.retain(|count| wanted(&count.stage, &count.reason));
    let letters = store.dead_letters(filter, Page::first(limit)).await.map_err(Failed::plainly)?;
    if json {
        let counts: Vec<_> = counts
            .iter()
            .map(|count| {
                json!({ "stage": count.stage, "reason": count.reason,
                                 "count": count.count, "oldest": count.oldest })
            })
            .collect();
        let letters: Vec<_> = letters.iter().map(to_json).collect();
        output::json(&json!({ "counts": counts, "letters": letters }));
        return Ok(());
    }
    if counts.is_empty() {
        let store = store.describe();
        match none_at_all {
            true => say(format_args!("no dead letters in {store}; `bilag consume dead` notes them there")),
            false => say(format_args!("none of the dead letters in {store} is of this stage and reason")),
        }
        return Ok(());
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
        say(format_args!("\nthe latest {shown} of {all}; --limit N shows more, a stage or --reason R fewer"));
    }
    say("\nbilag dead show ID tells what happened to one of them, and what to do");
    Ok(())
}

/// Each error stands below its letter, as it is longer than what is left of a line beside it.
fn list_letters(letters: &[NotedLetter]) {
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

fn row(noted: &NotedLetter) -> Vec<String> {
    let letter = &noted.letter;
    vec![
        letter.id.clone(),
        letter.stage.clone(),
        letter.reason.clone(),
        about(letter),
        ago(letter.last_failed_at.unwrap_or(noted.noted_at)),
    ]
}

/// The receipt or the package that a letter is about, where that could be read.
fn about(letter: &Letter) -> String {
    match (&letter.key, &letter.package) {
        (Some(receipt), _) => receipt.to_string(),
        (None, Some(package)) => format!("package {package}"),
        (None, None) => "–".to_owned(),
    }
}

async fn show(store: &dyn SyncStore, id: &str, json: bool) -> Result<(), Failed> {
    let Some(found) = store.dead_letter(id).await.map_err(Failed::plainly)? else {
        let store = store.describe();
        return Err(Failed::plainly(format!(
            "no dead letter {id} in {store}; `bilag dead list` shows the ids"
        )));
    };
    let headers: Value = serde_json::from_str(&found.headers).unwrap_or_default();
    if json {
        let mut letter = to_json(&found.noted);
        letter["headers"] = headers;
        letter["body"] = payload(&found).into();
        output::json(&letter);
        return Ok(());
    }
    for (name, value) in lines(&found.noted) {
        field(name, value);
    }
    if let Some(key) = &found.noted.letter.key {
        field("receipt", receipt(store, key).await?);
    }
    if let Some(key) = &found.noted.letter.package {
        field("package", package(store, key).await?);
    }
    say("\nheaders");
    for (name, value) in headers.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        say(format_args!("  {name}: {value}"));
    }
    say(format_args!("\npayload\n{}", payload(&found)));
    Ok(())
}

fn lines(noted: &NotedLetter) -> Vec<(&'static str, String)> {
    let letter = &noted.letter;
    let place = match noted.place {
        Place::Dead => format!("in bilag.{}.dead", letter.stage),
        moved => format!("{}, no longer in bilag.{}.dead", moved.as_str(), letter.stage),
    };
    let told = [
        ("id", Some(letter.id.clone())),
        ("stage", Some(letter.stage.clone())),
        ("reason", Some(letter.reason.clone())),
        ("error", Some(letter.error.clone())),
        ("package", letter.package.as_ref().map(ToString::to_string)),
        ("what to do", Some(format!("{} (docs/operations.md)", operate::remedy(&stages(), &letter.reason)))),
        ("first failed", letter.first_failed_at.map(when)),
        ("died", Some(when(letter.last_failed_at.unwrap_or(noted.noted_at)))),
        ("retries", Some(letter.attempts.to_string())),
        ("redriven", (letter.redriven > 0).then(|| times(letter.redriven))),
        (
            "message",
            letter.message_id.as_ref().map(|id| format!("{id} ({} bytes), {place}", noted.body_size)),
        ),
    ];
    told.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The receipt as people know it, and how far it has come: whether money waits for this letter.
async fn receipt(store: &dyn SyncStore, key: &Key) -> Result<String, Failed> {
    let (receipt, tenant_uid) = (Some(key.receipt_uid.clone()), Some(key.tenant_uid.clone()));
    let filter = RecordFilter { receipt, tenant_uid, ..Default::default() };
    let found = store.records(&filter, Page::first(10)).await.map_err(Failed::plainly)?;
    let found: Vec<_> = found.iter().filter(|listed| listed.record.key == *key).collect();
    let Some(first) = found.first() else { return Ok(key.to_string()) };
    let mut records: Vec<_> = found.iter().map(|listed| &listed.record).collect();
    records.sort_by_key(|record| &record.target);
    let states = records.iter().map(|record| format!("{} at {}", record.state, record.target));
    let states: Vec<_> = states.collect();
    let known = first.receipt.as_ref().map_or_else(
        || "never heard unbroken".to_owned(),
        |facts| format!("voucher {}, store {}, {}", facts.voucher_number, facts.store_uid, money(facts)),
    );
    Ok(format!("{key} ({known}): {}", states.join(", ")))
}

/// The package as people know it, and how far its newest round has come.
async fn package(store: &dyn SyncStore, key: &PackageKey) -> Result<String, Failed> {
    let rounds = store.package(key).await.map_err(Failed::plainly)?;
    Ok(match rounds.first() {
        Some(newest) => format!("{key} (number {}): {}", newest.number, newest.state),
        None => format!("{key} (never heard unbroken)"),
    })
}

/// The letters that wait for a person and are about something.
pub async fn letters_about(
    store: &dyn SyncStore,
    text: String,
    is_about: impl Fn(&Letter) -> bool,
) -> Result<Vec<Letter>, Failed> {
    let filter = LetterFilter { text: Some(text), ..Default::default() };
    let found = store.dead_letters(&filter, Page::first(100)).await.map_err(Failed::plainly)?;
    Ok(found.into_iter().map(|noted| noted.letter).filter(is_about).collect())
}

/// JSON is indented, without the bytes of a PDF; anything else is shown as text.
fn payload(found: &LetterInFull) -> String {
    let whole = found.body.len() as u64 == found.noted.body_size;
    if whole && let Ok(mut json) = serde_json::from_slice::<Value>(&found.body) {
        if let Some(content) = json.pointer_mut("/pdf/content") {
            *content = format!("({} characters of base64)", content.as_str().map_or(0, str::len)).into();
        }
        return format!("{json:#}");
    }
    let mut text: String = String::from_utf8_lossy(&found.body)
        .chars()
        .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
        .collect();
    if !whole {
        text.push_str(&format!(
            "\n… the first {} of {} bytes; the message in its queue has them all",
            found.body.len(),
            found.noted.body_size
        ));
    }
    text
}

fn to_json(noted: &NotedLetter) -> Value {
    let letter = &noted.letter;
    json!({
        "id": letter.id,
        "stage": letter.stage,
        "queue": format!("bilag.{}.dead", letter.stage),
        "place": noted.place.as_str(),
        "reason": letter.reason,
        "error": letter.error,
        "tenant": letter.key.as_ref().map(|key| &key.tenant_uid),
        "receipt": letter.key.as_ref().map(|key| &key.receipt_uid),
        "oms": letter.package.as_ref().map(|package| &package.oms),
        "package": letter.package.as_ref().map(|package| package.package_id),
        "messageId": letter.message_id,
        "attempts": letter.attempts,
        "firstFailedAt": letter.first_failed_at,
        "lastFailedAt": letter.last_failed_at,
        "redriven": letter.redriven,
        "bodySize": noted.body_size,
        "notedAt": noted.noted_at,
    })
}
