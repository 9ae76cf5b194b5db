//! `bilag dead reindex` and `bilag dead export`: the dead letters in their queues.

use amqp::Found;
use consumer_dead::Index;
use operate::dead_letters::Reindexed;
use serde_json::{Value, json};

use super::service;
use crate::chain::stages;
use crate::cli::{ExportArgs, ReindexArgs};
use crate::output::{self, Failed, say};
use crate::who::who;

/// Updates the index from the queues.
pub async fn reindex(args: ReindexArgs) -> Result<(), Failed> {
    let store = args.store.open_or_create().await?;
    let index = Index::new(store.clone(), stages(), &args.packages.oms_id);
    let service = service(store, &args.broker)?;
    service.reindex(&index, &who(None), print).await.map_err(Failed::plainly)?;
    say("the index matches the queues");
    Ok(())
}

fn print(done: &Reindexed) {
    let Reindexed { stage, there, missing, gone } = done;
    if *there > 0 || *gone > 0 {
        say(format_args!("{stage}: {there} dead letter(s); {missing} added to the index, {gone} gone"));
    }
}

/// Prints every dead letter as a line of JSON, whole and unchanged.
pub async fn export(args: ExportArgs) -> Result<(), Failed> {
    let only = args.stage.as_deref();
    let service = service(args.store.open().await?, &args.broker)?;
    for stage in service.stages.iter().filter(|stage| only.is_none_or(|only| only == stage.name)) {
        let print = |found: &Found| output::json_text(&line(stage.name, found).to_string());
        service.export(stage.name, &who(None), print).await.map_err(Failed::plainly)?;
    }
    Ok(())
}

fn line(stage: &str, found: &Found) -> Value {
    let message = &found.message;
    let headers: serde_json::Map<_, _> =
        message.headers_for_people().into_iter().map(|(name, value)| (name, value.into())).collect();
    let (member, body) = match std::str::from_utf8(&message.body) {
        Ok(text) => ("body", text.to_owned()),
        // Lossless for what is not text.
        Err(_) => ("bodyHex", hex::encode(&message.body)),
    };
    let mut line = json!({
        "id": found.id, "stage": stage, "messageId": message.id(), "type": message.kind(),
        "contentEncoding": message.content_encoding(), "headers": headers,
    });
    line[member] = Value::from(body);
    line
}
