//! A missing store, and one that was replaced while consumers had it open.

use bilag_tests::{Health, TestEnv, eventually, exit_output, receipt};
use serde_json::{Value, json};

/// Failed checks of `bilag doctor`.
fn failed(env: &TestEnv) -> Vec<String> {
    let (_, printed, _) = exit_output(&env.run(&["doctor", "--json"]));
    let found: Value = serde_json::from_str(&printed).expect("JSON");
    let checks = found["checks"].as_array().expect("a list").iter();
    checks
        .filter(|check| check["level"] == "fail")
        .map(|check| check["told"].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn read_only_commands_create_no_store() {
    let mut env = TestEnv::new().await;
    env.unset("BILAG_DATABASE_URL");
    let file = env.file("bilag.db", "");
    std::fs::remove_file(&file).expect("removed");
    env.file("line.jsonl", receipt(1).to_string());
    for command in [
        "dead list",
        "dead show 0011",
        "dead redrive 0011",
        "dead redrive --all",
        "dead discard 0011",
        "dead restore 0011",
        "sync list",
        "sync list --search 7",
        "sync show 7",
        "sync reconcile",
        "sync prune --older-than 400d",
        "sync verify",
        "report --from 2026-01-01 --to 2026-01-31",
        "report --from 2026-01-01 --to 2026-01-31 --strict",
        "packages list",
        "packages show 73",
        "packages ask 73",
        "stages",
        "pause upload",
        "resume upload",
        "audit",
        "render --receipt 7 -o 7.pdf",
        "backfill line.jsonl --from 2026-01-01 --to 2026-01-31",
        "console --listen 127.0.0.1:0",
        "console sessions",
        "console revoke kari",
    ] {
        let arguments: Vec<_> = command.split(' ').collect();
        let (code, error) = env.ends(&arguments).await;
        assert!(error.contains("there is no store at sqlite:///"), "{command}: {error}");
        assert!(error.contains("/bilag.db (the file does not exist): set BILAG_DATABASE_URL"), "{error}");
        assert_eq!(code, 1, "{command}: {error}");
        assert!(!file.exists(), "{command} created a store");
    }
    let (code, printed, _) = exit_output(&env.run(&["doctor"]));
    assert!(code != 2 && printed.contains("has no tables yet") && !file.exists(), "{printed}");
    exit_output(&env.run(&["sync", "migrate", "--check"]));
    assert!(!file.exists(), "`sync migrate --check` created a store");

    std::fs::write(&file, "").expect("written");
    let (code, _, error) = exit_output(&env.run(&["stages"]));
    assert!(code == 1 && error.contains("the file has no tables of Bilag"), "{error}");
    assert_eq!(std::fs::metadata(&file).expect("it is there").len(), 0, "it was written");

    env.ok(&["sync", "migrate"]);
    env.ok(&["stages"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_pause_while_the_database_file_is_missing() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;
    let file = env.file("away.db", "");
    let (away, file) = (file.clone(), file.with_file_name("bilag.db"));

    std::fs::rename(&file, &away).expect("moved");
    let unready = async |what: &str| {
        let reported = format!("/readyz says that the store {what}");
        eventually(&reported, async || {
            let (status, body) = health.ready().await?;
            let why = body["store"]["why"].as_str()?;
            (status == 503 && body["store"]["answers"] == json!(false) && why.contains(what)).then_some(())
        })
        .await;
    };
    unready("was deleted or moved away").await;
    let reported = failed(&env);
    assert!(
        reported.iter().any(|reported| reported.contains("although the consumers' queues are declared")),
        "{reported:?}"
    );
    for number in 2..=12 {
        env.publish(&receipt(number)).await;
    }
    eventually("the stage pauses", async || {
        let stage = health.stage("receipt").await?;
        stage["pause"]["why"].as_str()?.contains("was deleted or moved away").then_some(())
    })
    .await;
    assert!(!file.exists(), "the file was created again");

    std::fs::rename(&away, &file).expect("moved back");
    env.complete(12).await;
    assert!(all.has_ended().is_none(), "{}", all.log());
    assert_eq!(health.ready().await.expect("it answers").0, 200);
    env.assert_exactly_once(1..=12);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumers_write_to_no_file_after_it_was_replaced() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let _all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;
    let file = env.file("away.db", "").with_file_name("bilag.db");
    for name in ["bilag.db", "bilag.db-wal", "bilag.db-shm"] {
        std::fs::rename(file.with_file_name(name), file.with_file_name(format!("away-{name}")))
            .expect("moved");
    }
    env.ok(&["sync", "migrate"]);
    eventually("/readyz reports the replaced store", async || {
        let (status, body) = health.ready().await?;
        let why = body["store"]["why"].as_str()?;
        (status == 503 && why.contains("was replaced by another file")).then_some(())
    })
    .await;
    let reported = failed(&env);
    assert!(
        reported.iter().any(|reported| reported.contains("none of them reports to sqlite:///")),
        "{reported:?}"
    );
    for number in 2..=12 {
        env.publish(&receipt(number)).await;
    }
    eventually("the stage pauses", async || {
        let stage = health.stage("receipt").await?;
        stage["pause"]["why"].as_str()?.contains("was replaced by another file").then_some(())
    })
    .await;
    assert!(env.ok(&["sync", "list"]).starts_with("no receipts in"));
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_finds_a_corrupt_page() {
    let env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    assert!(!failed(&env).iter().any(|reported| reported.contains("damaged")));
    let file = env.file("away.db", "").with_file_name("bilag.db");
    let mut torn = std::fs::read(&file).expect("read");
    let pages = torn.len() / 4096;
    assert!(pages > 4, "{pages}");
    torn[(pages - 1) * 4096..].fill(0x5a);
    std::fs::write(&file, torn).expect("written");
    let reported = failed(&env);
    assert!(
        reported.iter().any(|reported| reported.starts_with("the SQLite file is damaged: ")),
        "{reported:?}"
    );
}
