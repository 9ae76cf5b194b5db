//! Redriving into a stage that is paused or not running: the operator is warned first, and nothing is lost.

use bilag_tests::{TIMEOUT, TestEnv, eventually, eventually_within, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_into_a_paused_stage_needs_the_flag() {
    let env = TestEnv::new().await;
    let refuses = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(Rule::new(refuses).on(Call::Upsert));
    let _all = env.consume(&["all"]).await;
    for number in 1..=3 {
        env.publish(&receipt(number)).await;
    }
    eventually_within(TIMEOUT, "all are dead", async || (env.dead_letters().len() == 3).then_some(())).await;
    env.sandbox.omnium.clear_faults();
    env.ok(&["pause", "upload", "--why", "Omnium is being repaired", "--as", "kari"]);

    let refused = env.run(&["dead", "redrive", "--stage", "upload"]);
    assert_eq!(refused.status.code(), Some(1));
    let reported = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(reported.contains("error: upload is paused by kari since "), "{reported}");
    assert!(
        reported.contains(": Omnium is being repaired; nothing was moved. `bilag resume upload`"),
        "{reported}"
    );
    assert_eq!(env.dead_letters().len(), 3);
    assert_eq!(env.vhost.ready("bilag.upload.dead").await, Some(3));

    let insisted = env.run(&["dead", "redrive", "--stage", "upload", "--into-paused"]);
    assert!(insisted.status.success(), "{insisted:?}");
    let reported = String::from_utf8_lossy(&insisted.stderr).into_owned();
    assert!(reported.starts_with("warning: upload: paused by kari since "), "{reported}");
    eventually("all wait for the stage", async || {
        (env.vhost.ready("bilag.upload").await == Some(3)).then_some(())
    })
    .await;

    env.ok(&["resume", "upload"]);
    eventually_within(TIMEOUT, "all complete", async || {
        (env.records(State::Complete).await == 3).then_some(())
    })
    .await;
    assert!(env.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_warns_first_without_live_consumers() {
    let env = TestEnv::new().await;
    let all = env.consume(&["receipt", "dead"]).await;
    env.publish_bytes(b"{ no event", lapin::BasicProperties::default()).await;
    eventually("it is dead", async || (env.dead_letters().len() == 1).then_some(())).await;
    drop(all);
    eventually_within(TIMEOUT, "its process is no longer reported", async || {
        let output = env.run(&["stages", "--json"]);
        let stages: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let receipt = stages.as_array()?.iter().find(|stage| stage["stage"] == "receipt")?;
        receipt["processes"].as_array()?.is_empty().then_some(())
    })
    .await;
    let redriven = env.run(&["dead", "redrive", "--all"]);
    assert!(redriven.status.success(), "{redriven:?}");
    let reported = String::from_utf8_lossy(&redriven.stderr).into_owned();
    assert!(reported.starts_with("warning: receipt: no live consumers"), "{reported}");
    assert_eq!(env.vhost.ready("bilag.receipt").await, Some(1));
}
