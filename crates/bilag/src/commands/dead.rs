//! `bilag dead`: the dead letters, read from their index. Looking changes nothing.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sync_store::{Key, LetterFilter, LetterInFull, NotedLetter, Page, Place, RecordFilter, SyncStore};

use crate::advice::advice;
use crate::cli::DeadCommand;
use crate::commands::letters;
use crate::commands::sync::money;
use crate::output::{self, Column, Failed, ago, one_line, table};

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
        println!("no dead letters in {}; `bilag consume dead` notes them there", store.describe());
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
    println!();
    let rows: Vec<_> = letters.iter().map(row).collect();
    table(
        &[
            Column::Left("id"),
            Column::Left("stage"),
            Column::Left("reason"),
            Column::Left("receipt"),
            Column::Right("age"),
            Column::Left("error"),
        ],
        &rows,
    );
    let (shown, all) = (letters.len() as u64, counts.iter().map(|count| count.count).sum::<u64>());
    if shown < all {
        println!("\nthe latest {shown} of {all}; --limit N shows more, a stage or --reason R fewer");
    }
    println!("\nbilag dead show ID tells what happened to one of them, and what to do");
    Ok(())
}

fn row(noted: &NotedLetter) -> Vec<String> {
    let letter = &noted.letter;
    vec![
        letter.id.clone(),
        letter.stage.clone(),
        letter.reason.clone(),
        match (&letter.key, &letter.package) {
            (Some(receipt), _) => receipt.to_string(),
            (None, Some(package)) => format!("package {package}"),
            (None, None) => "–".to_owned(),
        },
        ago(letter.last_failed_at.unwrap_or(noted.noted_at)),
        one_line(&letter.error, 90),
    ]
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
        println!("{name:<14}{value}");
    }
    for line in receipt_lines(store, found.noted.letter.key.as_ref()).await? {
        println!("{:<14}{line}", "receipt");
    }
    println!("\nheaders");
    for (name, value) in headers.as_object().into_iter().flatten() {
        println!("  {name}: {}", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    println!("\npayload\n{}", payload(&found));
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
        ("what to do", Some(format!("{} (docs/reasons.md)", advice(&letter.reason)))),
        ("first failed", letter.first_failed_at.map(when)),
        ("died", Some(when(letter.last_failed_at.unwrap_or(noted.noted_at)))),
        ("retries", Some(letter.attempts.to_string())),
        ("redriven", (letter.redriven > 0).then(|| format!("{} time(s)", letter.redriven))),
        (
            "message",
            letter.message_id.as_ref().map(|id| format!("{id} ({} bytes), {place}", noted.body_size)),
        ),
    ];
    told.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn when(time: DateTime<Utc>) -> String {
    format!("{} ({} ago)", time.to_rfc3339_opts(SecondsFormat::Millis, true), ago(time))
}

/// The receipt as people know it, and how far it has come: whether money waits for this letter.
async fn receipt_lines(store: &dyn SyncStore, key: Option<&Key>) -> Result<Vec<String>, Failed> {
    let Some(key) = key else { return Ok(Vec::new()) };
    let (receipt, tenant_uid) = (Some(key.receipt_uid.clone()), Some(key.tenant_uid.clone()));
    let filter = RecordFilter { receipt, tenant_uid, ..Default::default() };
    let found = store.records(&filter, Page::first(10)).await.map_err(Failed::plainly)?;
    let lines = found.iter().filter(|listed| listed.record.key == *key).map(|listed| {
        let known = listed.receipt.as_ref().map_or_else(
            || "never heard unbroken".to_owned(),
            |facts| format!("voucher {}, store {}, {}", facts.voucher_number, facts.store_uid, money(facts)),
        );
        format!("{key} ({known}): {} at {}", listed.record.state, listed.record.target)
    });
    let lines: Vec<_> = lines.collect();
    Ok(if lines.is_empty() { vec![key.to_string()] } else { lines })
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
