//! The store: there, up to date, writable, and its clock near ours.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use secret::Secret;
use sync_store::{Schema, StoreError, SyncStore};
use uuid::Uuid;

use super::finding::Finding;

/// A clock that is further off makes ages wrong; leases go by the store's own.
const CLOCKS_APART: TimeDelta = TimeDelta::seconds(5);

/// Everything about the store. Its tables are not touched where they are behind.
pub async fn look(url: &Secret) -> Vec<Finding> {
    let schema = match sync_store::schema(&url.expose()).await {
        Ok(schema) => schema,
        Err(error) => return vec![unopened(&error)],
    };
    let up_to_date = tables(&schema);
    if !schema.pending.is_empty() {
        return vec![up_to_date];
    }
    match sync_store::connect_to_existing(url).await {
        Ok(store) => {
            let (writes, clock) = (writes(store.as_ref()).await, clock(store.as_ref()).await);
            vec![up_to_date, writes, clock]
        }
        Err(error) => vec![unopened(&error)],
    }
}

fn unopened(error: &StoreError) -> Finding {
    Finding::fail("store", amqp::chain(error), "check BILAG_DATABASE_URL")
}

fn tables(schema: &Schema) -> Finding {
    let Schema { store, version, known, pending } = schema;
    match (version, pending.len()) {
        (None, _) => Finding::warn(
            "store",
            format_args!("{store} has no tables yet"),
            "the first consumer makes them, or `bilag sync migrate`",
        ),
        (Some(version), 0) => Finding::ok("store", format_args!("{store} is at version {version}")),
        (Some(version), behind) => Finding::fail(
            "store",
            format_args!("{store} is at version {version}, {behind} migration(s) behind {known}"),
            "run `bilag sync migrate` as the tables' owner",
        ),
    }
}

/// A lease that nobody else asks for, and that is given back at once.
async fn writes(store: &dyn SyncStore) -> Finding {
    match store.named_lease("doctor", &Uuid::new_v4().to_string(), Duration::ZERO).await {
        Ok(_) => Finding::ok("store", "can be written"),
        Err(error) => Finding::fail(
            "store",
            amqp::chain(&error),
            "give BILAG_DATABASE_URL's user select, insert, update and delete on all tables",
        ),
    }
}

async fn clock(store: &dyn SyncStore) -> Finding {
    let before = Utc::now();
    let theirs = match store.now().await {
        Ok(theirs) => theirs,
        Err(error) => return Finding::failed("clock", &error),
    };
    let apart = if theirs < before { before - theirs } else { (theirs - Utc::now()).max(TimeDelta::zero()) };
    match apart <= CLOCKS_APART {
        true => Finding::ok("clock", "the store's and this machine's agree"),
        false => Finding::warn(
            "clock",
            format_args!("the store's and this machine's are {} s apart", apart.num_seconds()),
            "let both machines keep time (NTP)",
        ),
    }
}
