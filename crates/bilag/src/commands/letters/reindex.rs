//! `bilag dead reindex` and `bilag dead export`: the dead letters as they lie in their queues.

use amqp::{Broker, Browser, DeadLetterQueue};
use consumer_dead::Index;
use operate::letters::{Desk, Reindexed};
use serde_json::{Value, json};

use crate::chain::stages;
use crate::cli::{ExportArgs, ReindexArgs};
use crate::output::{self, Failed, say};
use crate::who::who;

/// Makes the index say what the queues hold: notes what is missing, and forgets what is gone.
pub async fn reindex(args: ReindexArgs) -> Result<(), Failed> {
    let store = args.store.open_or_create().await?;
    let broker = args.broker.broker("reindex")?;
    let index = Index::new(store.clone(), stages(), &args.packages.oms_id);
    let stages = stages();
    let delays = &args.broker.retry_delays;
    let desk = Desk { store: store.as_ref(), broker: &broker, stages, delays };
    operate::letters::reindex(&desk, &index, &who(None), told).await.map_err(super::failed)?;
    say("the index says what the queues hold");
    Ok(())
}

fn told(done: &Reindexed) {
    let Reindexed { stage, there, missing, gone } = done;
    if *there > 0 || *gone > 0 {
        say(format_args!(
            "{stage}: {there} letter(s); {missing} were missing from the index, {gone} were in it and are gone"
        ));
    }
}

/// Prints every dead letter of the stages as a line of JSON, whole and untouched.
pub async fn export(args: ExportArgs) -> Result<(), Failed> {
    let broker = args.broker.broker("export")?;
    for stage in stages().iter().filter(|stage| args.stage.as_deref().is_none_or(|only| only == stage.name)) {
        export_stage(&broker, stage.name).await?;
    }
    Ok(())
}

async fn export_stage(broker: &Broker, stage: &str) -> Result<(), Failed> {
    let mut walk = Browser::begin(broker, stage, DeadLetterQueue::Dead).await.map_err(Failed::plainly)?;
    while let Some(found) = walk.next().await.map_err(Failed::plainly)? {
        let message = &found.message;
        let headers: serde_json::Map<_, _> =
            message.headers_for_people().into_iter().map(|(name, value)| (name, value.into())).collect();
        let (member, body) = match std::str::from_utf8(&message.body) {
            Ok(text) => ("body", text.to_owned()),
            // Bytes that are no text, digit by digit, so that nothing is lost.
            Err(_) => ("bodyHex", message.body.iter().map(|byte| format!("{byte:02x}")).collect()),
        };
        let mut line = json!({
            "id": found.id, "stage": stage, "messageId": message.id(), "type": message.kind(),
            "contentEncoding": message.content_encoding(), "headers": headers,
        });
        line[member] = Value::from(body);
        output::json_text(&line.to_string());
    }
    walk.end().await;
    Ok(())
}
