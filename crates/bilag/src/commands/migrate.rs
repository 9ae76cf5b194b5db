//! `bilag sync migrate`: brings the store's tables up to date.

use serde_json::{Value, json};
use sync_store::{PendingMigration, StoreError};

use crate::cli::MigrateArgs;
use crate::output::{self, Failed, say};

/// Migrates, or lists pending migrations.
pub async fn run(args: &MigrateArgs) -> Result<(), Failed> {
    let url = &args.store.url()?.expose();
    let failed = |error| match error {
        StoreError::BadUrl { .. } => Failed::used_wrongly("BILAG_DATABASE_URL", error),
        error => Failed::plainly(error),
    };
    let applied = match args.check {
        true => Vec::new(),
        false => sync_store::migrate(url).await.map_err(failed)?,
    };
    let now = sync_store::schema(url).await.map_err(failed)?;
    if args.json {
        output::json(&json!({
            "store": now.store,
            "version": now.version,
            "known": now.known,
            "applied": list(&applied),
            "pending": list(&now.pending),
        }));
    } else {
        tell("applied", &applied);
        tell("pending", &now.pending);
        let version = now.version.map_or("no tables yet".to_owned(), |version| format!("version {version}"));
        let newer = match now.version {
            Some(version) if version > now.known => ", migrated by a newer Bilag",
            _ => "",
        };
        say(format_args!("{}: {version}{newer}; this Bilag knows version {}", now.store, now.known));
    }
    match now.pending.len() {
        0 => Ok(()),
        count => Err(Failed::plainly(format!("{count} pending migration(s): run `bilag sync migrate`"))),
    }
}

fn tell(what: &str, migrations: &[PendingMigration]) {
    for migration in migrations {
        say(format_args!("{what}: {:04} {}", migration.version, migration.description));
    }
}

fn list(migrations: &[PendingMigration]) -> Vec<Value> {
    let one = |migration: &PendingMigration| json!({ "version": migration.version, "description": migration.description });
    migrations.iter().map(one).collect()
}
