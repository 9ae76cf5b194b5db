//! `bilag sync migrate` and `bilag sync prune`.

use bilag_tests::{TestEnv, eventually, exit_output, receipt};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, SqliteConnection};
use sync_store::State;

/// Runs SQL on the SQLite file.
async fn run(env: &TestEnv, sql: &str) {
    let (_, url) = env.settings.iter().rfind(|(name, _)| name == "BILAG_DATABASE_URL").expect("it is set");
    let mut connection = SqliteConnection::connect(url).await.expect("the file opens");
    connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("the file is written");
}

const AGE_BY_TWO_YEARS: &str = "
    update receipt set heard_at = heard_at - 63072000000;
    update external_order_receipt_sync set updated_at = updated_at - 63072000000,
        created_at = created_at - 63072000000, completed_at = completed_at - 63072000000";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn migrate_lists_and_applies_pending_migrations() {
    let env = TestEnv::new().await;
    let (code, printed, error) = exit_output(&env.run(&["sync", "migrate", "--check"]));
    assert_eq!(code, 1, "{printed}");
    assert!(printed.starts_with("pending: 0001 sync records\n"), "{printed}");
    assert!(error.contains("run `bilag sync migrate`"), "{error}");
    let printed = env.ok(&["sync", "migrate"]);
    assert!(printed.starts_with("applied: 0001 sync records\n"), "{printed}");
    let printed = env.ok(&["sync", "migrate", "--check", "--json"]);
    let now: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((&now["pending"], &now["version"]), (&json!([]), &now["known"]));

    // A newer version has added to the tables: this one continues.
    run(
        &env,
        "alter table receipt add column later text;
        insert into _sqlx_migrations (version, description, success, checksum, execution_time)
            values (9999, 'later', true, x'', 0)",
    )
    .await;
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;
    all.kill();
    // A newer version has removed something: this one refuses the store.
    run(&env, "insert into bilag_schema values (9999, 9999)").await;
    let (code, error) = env.ends(&["consume", "all"]).await;
    assert_eq!(code, 1);
    assert!(error.contains("requires a newer version") && error.contains("upgrade this process"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn late_duplicate_of_a_pruned_receipt_is_not_sent() {
    let env = TestEnv::new().await;
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;
    all.kill();
    run(&env, AGE_BY_TWO_YEARS).await;
    let printed = env.ok(&["sync", "prune", "--older-than", "400d", "--dry-run"]);
    assert_eq!(printed, "to be pruned: 1 receipt(s), 0 package(s), 0 dead letter(s)\n");
    let printed = env.ok(&["sync", "prune", "--older-than", "400d", "--as", "kari"]);
    assert_eq!(printed, "pruned: 1 receipt(s), 0 package(s), 0 dead letter(s)\n");
    assert!(env.ok(&["audit"]).contains("prune"));
    let shown = env.ok(&["sync", "show", "1"]);
    assert!(shown.contains("its personal data was removed"), "{shown}");
    let (code, _, error) = exit_output(&env.run(&["render", "--receipt", "rcpt-1", "-o", "-"]));
    assert_eq!(code, 1);
    assert!(error.contains("was pruned"), "{error}");

    let sent = env.sandbox.omnium.ledger().len();
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    let mut other = receipt(1);
    other["orderReceipt"]["order"]["orderNumber"] = json!("another");
    env.publish(&other).await;
    eventually("both were received", async || (env.dead_letters().len() == 1).then_some(())).await;
    assert_eq!(env.dead_letters()[0]["reason"], "conflicting_receipt");
    eventually("the first was received again", async || {
        let shown: Value = serde_json::from_str(&env.ok(&["sync", "show", "1", "--json"])).expect("JSON");
        (shown[0]["heardCount"] == 2 && shown[0]["prunedAt"].is_string()).then_some(())
    })
    .await;
    all.kill();
    assert_eq!(env.sandbox.omnium.ledger().len(), sent, "Omnium was called");
    assert_eq!(env.records(State::Complete).await, 1);
}
