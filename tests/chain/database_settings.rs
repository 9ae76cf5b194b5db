//! Databases that are set up otherwise than PostgreSQL's defaults.

use bilag_tests::{Store, TIMEOUT, Vhost, World, database, eventually, execute, receipt};
use serde_json::json;

/// Defaults of a database that every session begins with.
const HOSTILE: [(&str, &str); 10] = [
    ("default_transaction_isolation", "serializable"),
    ("lock_timeout", "1ms"),
    ("statement_timeout", "1s"),
    ("idle_in_transaction_session_timeout", "1ms"),
    ("idle_session_timeout", "100ms"),
    ("standard_conforming_strings", "off"),
    ("bytea_output", "escape"),
    ("\"TimeZone\"", "Pacific/Kiritimati"),
    ("\"DateStyle\"", "SQL, DMY"),
    ("\"IntervalStyle\"", "sql_standard"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_with_unusual_database_defaults() {
    const RECEIPTS: u32 = 150;
    let url = database("").await;
    let (_, name) = url.rsplit_once('/').expect("a database");
    for (setting, value) in HOSTILE {
        execute(&url, &format!("alter database {name} set {setting} = '{value}'")).await;
    }
    let world = World::on(Vhost::new().await, Store::Postgres(url.clone())).await;
    let both = [world.consume(&["all"]).await, world.consume(&["all"]).await];
    for number in 1..=RECEIPTS {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, RECEIPTS.into()).await;
    world.assert_exactly_once(1..=RECEIPTS);
    for bilag in &both {
        let log = bilag.log();
        for error in ["serialize access", "lock timeout", "idle-in-transaction", "idle-session"] {
            assert!(!log.contains(error), "{error}: {log}");
        }
    }
    assert!(world.ok(&["sync", "list", "--search", "nordmann"]).contains("rcpt-1"), "texts are looked for");
}

async fn sets_aside_what_is_refused(world: &World) {
    let all = world.consume(&["all"]).await;
    for number in 1..=10 {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, 9).await;
    let letter = eventually("it is a dead letter", async || world.dead_letters().pop()).await;
    assert_eq!((&letter["stage"], &letter["reason"]), (&json!("receipt"), &json!("unstorable")), "{letter}");
    assert_eq!(world.dead_letters().len(), 1);
    assert!(!all.log().contains("paused"), "{}", all.log());
    world.assert_exactly_once(2..=10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_rejecting_every_value_pauses_the_stage() {
    const SET_ASIDE: usize = 4;
    let world = World::new().await;
    world.ok(&["sync", "migrate"]);
    world.sqlite("create trigger refuse before insert on receipt begin select raise(abort, 'no'); end");
    let all = world.consume(&["all"]).await;
    for number in 1..=10 {
        world.publish(&receipt(number)).await;
    }
    eventually("the stage pauses", async || all.log().contains("paused").then_some(())).await;
    world.sqlite("drop trigger refuse");
    world.complete_within(TIMEOUT, 10 - SET_ASIDE as u64).await;
    eventually("they are dead letters", async || (world.dead_letters().len() == SET_ASIDE).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_rejected_by_postgresql_dies_without_blocking() {
    let url = database("").await;
    let world = World::on(Vhost::new().await, Store::Postgres(url.clone())).await;
    world.ok(&["sync", "migrate"]);
    for sql in [
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$",
        "create trigger refuse before insert on receipt for each row
         when (new.voucher_number = '1') execute function refuse()",
    ] {
        execute(&url, sql).await;
    }
    sets_aside_what_is_refused(&world).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_rejected_by_sqlite_dies_without_blocking() {
    let world = World::new().await;
    world.ok(&["sync", "migrate"]);
    world.sqlite(
        "create trigger refuse before insert on receipt when new.voucher_number = '1'
         begin select raise(abort, 'no'); end",
    );
    sets_aside_what_is_refused(&world).await;
}
