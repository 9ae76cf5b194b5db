//! Databases with settings other than PostgreSQL's defaults.

use bilag_tests::{Store, TestEnv, Vhost, database, eventually, execute, receipt};
use serde_json::json;

/// Database-level defaults that every session inherits.
const HOSTILE: [(&str, &str); 10] = [
    ("default_transaction_isolation", "serializable"),
    ("lock_timeout", "1ms"),
    ("statement_timeout", "1s"),
    ("idle_in_transaction_session_timeout", "1ms"),
    ("standard_conforming_strings", "off"),
    ("bytea_output", "escape"),
    ("\"TimeZone\"", "Pacific/Kiritimati"),
    ("\"DateStyle\"", "SQL, DMY"),
    ("\"IntervalStyle\"", "sql_standard"),
    ("idle_session_timeout", "100ms"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn works_with_unusual_database_defaults() {
    const RECEIPTS: u32 = 150;
    let url = database("").await;
    let (_, name) = url.rsplit_once('/').expect("a database");
    // In one session, opened before they apply: another would not wait for a lock longer than they say.
    let statements =
        HOSTILE.map(|(setting, value)| format!("alter database {name} set {setting} = '{value}'"));
    execute(&url, &statements.join(";")).await;
    let env = TestEnv::on(Vhost::new().await, Store::Postgres(url.clone())).await;
    let both = [env.consume(&["all"]).await, env.consume(&["all"]).await];
    for number in 1..=RECEIPTS {
        env.publish(&receipt(number)).await;
    }
    env.complete(RECEIPTS.into()).await;
    env.assert_exactly_once(1..=RECEIPTS);
    for bilag in &both {
        let log = bilag.log();
        // On a busy machine a session may end before it has made its first setting; the pool opens another.
        let log: String = log.lines().filter(|line| !line.contains("after_connect")).collect();
        for error in ["serialize access", "lock timeout", "idle-in-transaction", "idle-session"] {
            assert!(!log.contains(error), "{error}: {log}");
        }
    }
    assert!(env.ok(&["sync", "list", "--search", "nordmann"]).contains("rcpt-1"), "the search finds it");
}

async fn assert_rejected_value_dies(env: &TestEnv) {
    let all = env.consume(&["all"]).await;
    for number in 1..=10 {
        env.publish(&receipt(number)).await;
    }
    env.complete(9).await;
    let letter = eventually("it is a dead letter", async || env.dead_letters().pop()).await;
    assert_eq!((&letter["stage"], &letter["reason"]), (&json!("receipt"), &json!("unstorable")), "{letter}");
    assert_eq!(env.dead_letters().len(), 1);
    assert!(!all.log().contains("paused"), "{}", all.log());
    env.assert_exactly_once(2..=10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_rejecting_every_value_pauses_the_stage() {
    const DEAD_LETTERS: usize = 4;
    let env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    env.sqlite("create trigger refuse before insert on receipt begin select raise(abort, 'no'); end");
    let all = env.consume(&["all"]).await;
    for number in 1..=10 {
        env.publish(&receipt(number)).await;
    }
    eventually("the stage pauses", async || all.log().contains("paused").then_some(())).await;
    env.sqlite("drop trigger refuse");
    env.complete(10 - DEAD_LETTERS as u64).await;
    eventually("they are dead letters", async || (env.dead_letters().len() == DEAD_LETTERS).then_some(()))
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_rejected_by_postgresql_dies_without_blocking() {
    let url = database("").await;
    let env = TestEnv::on(Vhost::new().await, Store::Postgres(url.clone())).await;
    env.ok(&["sync", "migrate"]);
    for sql in [
        "create function refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$",
        "create trigger refuse before insert on receipt for each row
         when (new.voucher_number = '1') execute function refuse()",
    ] {
        execute(&url, sql).await;
    }
    assert_rejected_value_dies(&env).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn value_rejected_by_sqlite_dies_without_blocking() {
    let env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    env.sqlite(
        "create trigger refuse before insert on receipt when new.voucher_number = '1'
         begin select raise(abort, 'no'); end",
    );
    assert_rejected_value_dies(&env).await;
}
