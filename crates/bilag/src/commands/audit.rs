//! `bilag audit`: what operators did.

use chrono::SecondsFormat;
use serde_json::json;
use sync_store::Page;

use crate::cli::AuditArgs;
use crate::output::{self, Column, Failed, say, table};

/// Lists what was done, the latest first.
pub async fn run(args: AuditArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let acts = store.acts(Page::first(args.limit)).await.map_err(Failed::plainly)?;
    if args.json {
        let acts: Vec<_> = acts
            .iter()
            .map(|act| {
                json!({ "doneAt": act.done_at, "who": act.who, "act": act.act, "stage": act.stage,
                        "letters": act.letters })
            })
            .collect();
        output::json(&acts.into());
        return Ok(());
    }
    if acts.is_empty() {
        say(format_args!("nobody has moved a dead letter yet, as {} knows", store.describe()));
        return Ok(());
    }
    let rows: Vec<_> = acts
        .iter()
        .map(|act| {
            vec![
                act.done_at.to_rfc3339_opts(SecondsFormat::Secs, true),
                act.who.clone(),
                act.act.clone(),
                act.stage.clone(),
                act.letters.len().to_string(),
                shown(&act.letters),
            ]
        })
        .collect();
    table(
        &[
            Column::Left("when"),
            Column::Left("who"),
            Column::Left("act"),
            Column::Left("stage"),
            Column::Right("letters"),
            Column::Left("which"),
        ],
        &rows,
    );
    Ok(())
}

/// The first few.
fn shown(letters: &[String]) -> String {
    const FEW: usize = 3;
    let more = if letters.len() > FEW { " …" } else { "" };
    format!("{}{more}", letters[..letters.len().min(FEW)].join(" "))
}
