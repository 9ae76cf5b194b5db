//! `bilag console sessions` and `revoke`: who is logged in, and who no longer shall be.

use chrono::Utc;
use console::is_alive;
use serde_json::json;
use sync_store::{NewAuditEntry, Session};

use crate::cli::SessionsArgs;
use crate::output::{self, Column, Failed, ago, say, table};
use crate::settings::StoreSettings;
use crate::who::who;

/// Lists who is logged in, the latest seen first.
pub async fn list(args: SessionsArgs) -> Result<(), Failed> {
    let store = args.store.open().await?;
    let now = Utc::now();
    let mut sessions = store.sessions().await.map_err(Failed::plainly)?;
    sessions.retain(|session| is_alive(session, now));
    if args.json {
        let sessions: Vec<_> = sessions
            .iter()
            .map(|session| {
                json!({ "name": session.who, "role": session.role, "by": by(session),
                        "openedAt": session.opened_at, "seenAt": session.seen_at, "endsAt": session.ends_at })
            })
            .collect();
        output::json(&sessions.into());
        return Ok(());
    }
    if sessions.is_empty() {
        say(format_args!("no sessions in {}", store.describe()));
        return Ok(());
    }
    let row = |session: &Session| {
        vec![
            session.who.clone(),
            session.role.clone(),
            by(session).to_owned(),
            ago(session.opened_at),
            ago(session.seen_at),
        ]
    };
    let columns = [
        Column::Left("name"),
        Column::Left("role"),
        Column::Left("by"),
        Column::Right("logged in for"),
        Column::Right("last seen"),
    ];
    table(&columns, &sessions.iter().map(row).collect::<Vec<_>>());
    Ok(())
}

/// How they became known: `password` or `oidc`.
fn by(session: &Session) -> &str {
    session.way.split(' ').next().unwrap_or_default()
}

/// Ends the sessions of somebody, or everybody's.
pub async fn revoke(name: Option<String>, store: StoreSettings) -> Result<(), Failed> {
    let store = store.open().await?;
    let whose = name.as_deref().map_or_else(|| "everybody's".to_owned(), |name| format!("those of {name}"));
    let act =
        NewAuditEntry { who: &who(None), act: "revoke", stage: "console", letters: &[], detail: &whose };
    store.write_audit(&act).await.map_err(Failed::plainly)?;
    let ended = store.close_sessions(name.as_deref()).await.map_err(Failed::plainly)?;
    let whose = name.map_or_else(String::new, |name| format!(" of {name}"));
    say(match ended {
        1 => format!("1 session{whose} has ended"),
        count => format!("{count} sessions{whose} have ended"),
    });
    Ok(())
}
