//! `bilag dead show`: one dead letter, all that is known of it.

use std::path::Path;
use std::sync::Arc;

use amqp::chain;
use consumer::Transformed;
use operate::dead_letters::{Decoded, DecodedLine, decoded, is_whole, readable, transformed};
use serde_json::Value;
use sync_store::{DeadLetterInFull, Key, NotedDeadLetter, PackageKey, Page, Place, RecordFilter, SyncStore};
use transform::Made;

use super::{service, stages_with, to_json};
use crate::chain::stages;
use crate::cli::ShowArgs;
use crate::commands::sync::money;
use crate::commands::{WHOLE_WITHIN, indented};
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
        false => complete(store.clone(), &mut found, &args).await?,
    };
    let transformed = transformed(&stages_with(&args.transforms), &found);
    let decoded = decoded(match &transformed {
        Some(Transformed { made: Ok(Made::Event(event)), .. }) => event,
        _ => &found.body,
    });
    if let Some(file) = &args.pdf {
        return save(&found, decoded, file, problem);
    }
    if let Some(problem) = problem {
        tell(format_args!("warning: the body is incomplete: {problem}"));
    }
    show(store.as_ref(), &found, decoded, transformed, args.json).await
}

/// Replaces the body by the whole one from the queue; the error if that fails.
async fn complete(
    store: Arc<dyn SyncStore>,
    found: &mut DeadLetterInFull,
    args: &ShowArgs,
) -> Result<Option<String>, Failed> {
    let service = service(store, &args.broker)?;
    Ok(match service.read_whole(&who(None), &found.noted, WHOLE_WITHIN).await {
        Ok(Some(message)) => {
            found.body = message.body.to_vec();
            None
        }
        Ok(None) => Some("the dead letter is no longer in its queue".to_owned()),
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
            format!("the PDF of dead letter {id} cannot be saved, because its body is incomplete: {problem}");
        return Err(Failed::plainly(text));
    }
    let Some(pdf) = decoded.and_then(|decoded| decoded.pdf) else {
        let receipt = found.noted.letter.key.as_ref();
        let receipt = receipt.map_or("UID".to_owned(), |key| key.receipt_uid.clone());
        return Err(Failed::plainly(format!(
            "dead letter {id} has no PDF: it died in {}, before rendering; `bilag render --receipt {receipt} --original -o FILE.pdf` renders it",
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
    transformed: Option<Transformed>,
    json: bool,
) -> Result<(), Failed> {
    let headers: Value = serde_json::from_str(&found.headers).unwrap_or_default();
    if json {
        let mut letter = to_json(&found.noted);
        letter["headers"] = headers;
        let (payload, compressed) = payload(found, "\n");
        letter["compressed"] = compressed.into();
        letter["body"] = payload.into();
        letter["transformed"] =
            transformed.map_or(Value::Null, |transformed| transformed_to_json(&transformed));
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
    // Prefixed, so that its lines cannot be mistaken for ours.
    let (payload, compressed) = payload(found, "\n| ");
    if compressed {
        say("  shown decompressed");
    }
    output::say_lines(&payload);
    if let Some(Transformed { transform, made }) = transformed {
        say(format_args!("\nby transform {transform}, as it is now"));
        match made {
            Ok(Made::Event(event)) => {
                output::say_lines(&format!("| {}", indented(&event).replace('\n', "\n| ")))
            }
            Ok(Made::Nothing) => say("  no event: the message would be passed over"),
            Ok(Made::Batch { bodies, .. }) => say(format_args!("  a batch of {} events", bodies.len())),
            Err(error) => say(format_args!("  {}", error.problem)),
        }
    }
    Ok(())
}

fn transformed_to_json(Transformed { transform, made }: &Transformed) -> Value {
    let event = match made {
        Ok(Made::Event(event)) => String::from_utf8_lossy(event).into_owned().into(),
        _ => Value::Null,
    };
    let batch = match made {
        Ok(Made::Batch { bodies, .. }) => bodies.len().into(),
        _ => Value::Null,
    };
    let error = made.as_ref().err().map(|error| error.problem.to_string());
    serde_json::json!({ "transform": transform, "event": event, "batch": batch, "error": error })
}

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
    let line = |line: &DecodedLine| serde_json::json!({ "code": line.code, "name": line.name, "quantity": line.quantity, "total": line.total });
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
    let fields = [
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
    fields.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The receipt with its state at each target.
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
        || "no valid event".to_owned(),
        |facts| format!("voucher {}, store {}, {}", facts.voucher_number, facts.store_uid, money(facts)),
    );
    Ok(format!("{key} ({known}): {}", states.join(", ")))
}

/// The package with the state of its newest round.
async fn package(store: &dyn SyncStore, key: &PackageKey) -> Result<String, Failed> {
    let rounds = store.package(key).await.map_err(Failed::plainly)?;
    Ok(match rounds.first() {
        Some(newest) => format!("{key} (number {}): {}", newest.number, newest.state),
        None => format!("{key} (no valid event)"),
    })
}

/// The decompressed body, and whether it was compressed. JSON is indented, without the bytes of a PDF; anything
/// else is text.
fn payload(found: &DeadLetterInFull, line_break: &str) -> (String, bool) {
    let whole = is_whole(found);
    let (body, compressed) = readable(&found.body);
    if whole && let Ok(mut json) = serde_json::from_slice::<Value>(&body) {
        if let Some(content) = json.pointer_mut("/pdf/content") {
            *content = format!("({} characters of base64)", content.as_str().map_or(0, str::len)).into();
        }
        return (untrusted_text::json(&format!("{json:#}")).into_owned(), compressed);
    }
    let mut text = String::from_utf8_lossy(&body).replace('\n', line_break);
    if !whole {
        text.push_str(&format!(
            "\n… the first {} of {} bytes; the message in its queue has them all",
            found.body.len(),
            found.noted.body_size
        ));
    }
    (text, compressed)
}
