//! `bilag audit`: what operators did.

use chrono::SecondsFormat;
use serde_json::json;
use sync_store::Page;

use crate::cli::AuditArgs;
use crate::output::{self, Column, Failed, one_line, say, table};

/// How much of a detail a line shows, in characters; `--json` has all of it.
const WIDEST: usize = 60;

/// Lists what was done, the latest first.
pub async fn run(args: AuditArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let acts = store.audit_entries(Page::first(args.limit)).await.map_err(Failed::plainly)?;
    if args.json {
        let acts: Vec<_> = acts
            .iter()
            .map(|act| {
                json!({ "doneAt": act.done_at, "who": act.who, "act": act.act, "stage": act.stage,
                        "letters": act.letters, "detail": act.detail })
            })
            .collect();
        output::json(&acts.into());
        return Ok(());
    }
    if acts.is_empty() {
        say(format_args!("the audit log in {} is empty", store.describe()));
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
                one_line(&act.detail, WIDEST),
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
            Column::Left("detail"),
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
