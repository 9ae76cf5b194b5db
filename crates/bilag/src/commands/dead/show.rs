//! `bilag dead show`: one dead letter, all that is known of it.

use std::path::Path;

use amqp::chain;
use operate::letters::{Decoded, decoded, whole};
use serde_json::Value;
use sync_store::{DeadLetterInFull, Key, NotedDeadLetter, PackageKey, Page, Place, RecordFilter, SyncStore};

use super::to_json;
use crate::chain::stages;
use crate::cli::ShowArgs;
use crate::commands::WHOLE_WITHIN;
use crate::commands::sync::money;
use crate::output::{self, Column, Failed, field, say, table, tell, times, when};
use crate::who::who;

/// Shows a dead letter, or saves its PDF.
pub async fn run(args: ShowArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let Some(mut found) = store.dead_letter(&args.id).await.map_err(Failed::plainly)? else {
        let (store, id) = (store.describe(), &args.id);
        return Err(Failed::plainly(format!(
            "no dead letter {id} in {store}; `bilag dead list` shows the ids"
        )));
    };
    let problem = match is_whole(&found) {
        true => None,
        false => complete(store.as_ref(), &mut found, &args).await?,
    };
    let decoded = decoded(&found.body);
    if let Some(file) = &args.pdf {
        return save(&found, decoded, file, problem);
    }
    if let Some(problem) = problem {
        tell(format_args!("warning: only the beginning of the body is shown: {problem}"));
    }
    show(store.as_ref(), &found, decoded, args.json).await
}

fn is_whole(found: &DeadLetterInFull) -> bool {
    found.body.len() as u64 == found.noted.body_size
}

/// Gets the rest of the body from the dead letter's queue; gives why that is not possible, where it is not.
async fn complete(
    store: &dyn SyncStore,
    found: &mut DeadLetterInFull,
    args: &ShowArgs,
) -> Result<Option<String>, Failed> {
    let broker = args.broker.broker("dead letters")?;
    Ok(match whole(store, &broker, &who(None), &found.noted, WHOLE_WITHIN).await {
        Ok(Some(message)) => {
            found.body = message.body.to_vec();
            None
        }
        Ok(None) => Some("the dead letter is not in its queue any more".to_owned()),
        Err(error) => Some(chain(&error)),
    })
}

/// Saves the PDF of a dead letter that has one.
fn save(
    found: &DeadLetterInFull,
    decoded: Option<Decoded>,
    file: &Path,
    problem: Option<String>,
) -> Result<(), Failed> {
    let id = &found.noted.letter.id;
    if let Some(problem) = problem {
        let text =
            format!("the PDF of dead letter {id} could not be saved, as its body is needed whole: {problem}");
        return Err(Failed::plainly(text));
    }
    let Some(pdf) = decoded.and_then(|decoded| decoded.pdf) else {
        let receipt = found.noted.letter.key.as_ref();
        let receipt = receipt.map_or("UID".to_owned(), |key| key.receipt_uid.clone());
        return Err(Failed::plainly(format!(
            "letter {id} has no PDF: it died before that was made, in {}; `bilag render --receipt {receipt} -o FILE.pdf` makes it, where the receipt was heard",
            found.noted.letter.stage
        )));
    };
    std::fs::write(file, &pdf.content.0).map_err(|error| Failed::at(file.display(), error))?;
    say(format_args!(
        "{}: {} of dead letter {id}, {} bytes",
        file.display(),
        pdf.file_name,
        pdf.content.0.len()
    ));
    Ok(())
}

async fn show(
    store: &dyn SyncStore,
    found: &DeadLetterInFull,
    decoded: Option<Decoded>,
    json: bool,
) -> Result<(), Failed> {
    let headers: Value = serde_json::from_str(&found.headers).unwrap_or_default();
    if json {
        let mut letter = to_json(&found.noted);
        letter["headers"] = headers;
        letter["compressed"] = is_compressed(found).into();
        letter["body"] = payload(found, "\n").into();
        letter["decoded"] = decoded.map_or(Value::Null, |decoded| decoded_to_json(&decoded));
        output::json(&letter);
        return Ok(());
    }
    for (name, value) in lines(&found.noted) {
        field(name, value);
    }
    if let Some(from) = headers[amqp::header_names::EDITED_FROM].as_str() {
        field("edited from", format_args!("{from}, which `bilag dead show {from}` shows"));
    }
    if let Some(key) = &found.noted.letter.key {
        field("receipt", receipt(store, key).await?);
    }
    if let Some(key) = &found.noted.letter.package {
        field("package", package(store, key).await?);
    }
    if let Some(decoded) = &decoded {
        say(format_args!("\n{}", decoded.event));
        print(decoded);
    }
    say("\nheaders");
    for (name, value) in headers.as_object().into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        say(format_args!("  {name}: {value}"));
    }
    say("\npayload");
    if is_compressed(found) {
        say("  shown decompressed; the message has it compressed");
    }
    // A line of it is not to be taken for one of ours.
    output::say_lines(&payload(found, "\n| "));
    Ok(())
}

/// What the body says, as people read it.
fn print(decoded: &Decoded) {
    for (name, value) in &decoded.facts {
        field(name, value);
    }
    if let Some(pdf) = &decoded.pdf {
        field("PDF", format_args!("{}, {} bytes; --pdf FILE saves it", pdf.file_name, pdf.content.0.len()));
    }
    if !decoded.lines.is_empty() {
        let columns = [
            Column::Left("article"),
            Column::Left("name"),
            Column::Right("quantity"),
            Column::Right("total"),
        ];
        let rows = decoded.lines.iter().map(|line| {
            vec![line.code.clone(), line.name.clone(), line.quantity.clone(), line.total.clone()]
        });
        say("");
        table(&columns, &rows.collect::<Vec<_>>());
    }
    if !decoded.settlements.is_empty() {
        let columns = [Column::Left("paid by"), Column::Right("amount"), Column::Left("state")];
        let paid = decoded.settlements.iter();
        let rows = paid.map(|(what, amount, state)| vec![what.clone(), amount.clone(), state.clone()]);
        say("");
        table(&columns, &rows.collect::<Vec<_>>());
    }
}

fn decoded_to_json(decoded: &Decoded) -> Value {
    let facts = decoded.facts.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
    let line = |line: &operate::letters::DecodedLine| serde_json::json!({ "code": line.code, "name": line.name, "quantity": line.quantity, "total": line.total });
    let paid = |(what, amount, state): &(String, String, String)| serde_json::json!({ "by": what, "amount": amount, "state": state });
    serde_json::json!({
        "event": decoded.event,
        "facts": facts.collect::<serde_json::Map<_, _>>(),
        "lines": decoded.lines.iter().map(line).collect::<Vec<_>>(),
        "settlements": decoded.settlements.iter().map(paid).collect::<Vec<_>>(),
    })
}

fn lines(noted: &NotedDeadLetter) -> Vec<(&'static str, String)> {
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
        ("what to do", Some(format!("{} (docs/reasons.md)", operate::remedy(stages(), &letter.reason)))),
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

/// The receipt as people know it, and how far it has come: whether money waits for this dead letter.
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

fn is_compressed(found: &DeadLetterInFull) -> bool {
    *events::legible(&found.body) != *found.body
}

/// Decompressed where it is compressed. JSON is indented, without the bytes of a PDF; anything else is shown as text.
fn payload(found: &DeadLetterInFull, line_break: &str) -> String {
    let whole = found.body.len() as u64 == found.noted.body_size;
    let body = events::legible(&found.body);
    if whole && let Ok(mut json) = serde_json::from_slice::<Value>(&body) {
        if let Some(content) = json.pointer_mut("/pdf/content") {
            *content = format!("({} characters of base64)", content.as_str().map_or(0, str::len)).into();
        }
        return untrusted_text::json(&format!("{json:#}")).into_owned();
    }
    let mut text = String::from_utf8_lossy(&body).replace('\n', line_break);
    if !whole {
        text.push_str(&format!(
            "\n… the first {} of {} bytes; the message in its queue has them all",
            found.body.len(),
            found.noted.body_size
        ));
    }
    text
}
