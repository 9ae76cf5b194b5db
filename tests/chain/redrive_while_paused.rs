//! Redriving into a stage that takes nothing: the operator is told first, and nothing is lost.

use bilag_tests::{TIMEOUT, World, eventually, eventually_within, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::State;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_into_a_paused_stage_needs_the_flag() {
    let world = World::new().await;
    let refuses = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    world.sandbox.omnium.add_fault(Rule::new(refuses).on(Call::Upsert));
    let _all = world.consume(&["all"]).await;
    for number in 1..=3 {
        world.publish(&receipt(number)).await;
    }
    eventually_within(TIMEOUT, "all are dead", async || (world.dead_letters().len() == 3).then_some(()))
        .await;
    world.sandbox.omnium.clear_faults();
    world.ok(&["pause", "upload", "--why", "Omnium is being repaired", "--as", "kari"]);

    let refused = world.run(&["dead", "redrive", "--stage", "upload"]);
    assert_eq!(refused.status.code(), Some(1));
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(told.contains("error: upload is paused by kari since "), "{told}");
    assert!(told.contains(": Omnium is being repaired; nothing was moved. `bilag resume upload`"), "{told}");
    assert_eq!(world.dead_letters().len(), 3);
    assert_eq!(world.vhost.ready("bilag.upload.dead").await, Some(3));

    let insisted = world.run(&["dead", "redrive", "--stage", "upload", "--into-paused"]);
    assert!(insisted.status.success(), "{insisted:?}");
    let told = String::from_utf8_lossy(&insisted.stderr).into_owned();
    assert!(told.starts_with("warning: upload: paused by kari since "), "{told}");
    eventually("all wait for the stage", async || {
        (world.vhost.ready("bilag.upload").await == Some(3)).then_some(())
    })
    .await;

    world.ok(&["resume", "upload"]);
    eventually_within(TIMEOUT, "all complete", async || {
        (world.records(State::Complete).await == 3).then_some(())
    })
    .await;
    assert!(world.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redrive_warns_first_without_live_consumers() {
    let world = World::new().await;
    let all = world.consume(&["receipt", "dead"]).await;
    world.publish_bytes(b"{ no event", lapin::BasicProperties::default()).await;
    eventually("it is dead", async || (world.dead_letters().len() == 1).then_some(())).await;
    drop(all);
    eventually_within(TIMEOUT, "its process is heard of no more", async || {
        let output = world.run(&["stages", "--json"]);
        let stages: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
        let receipt = stages.as_array()?.iter().find(|stage| stage["stage"] == "receipt")?;
        receipt["processes"].as_array()?.is_empty().then_some(())
    })
    .await;
    let redriven = world.run(&["dead", "redrive", "--all"]);
    assert!(redriven.status.success(), "{redriven:?}");
    let told = String::from_utf8_lossy(&redriven.stderr).into_owned();
    assert!(told.starts_with("warning: receipt: no live consumers"), "{told}");
    assert_eq!(world.vhost.ready("bilag.receipt").await, Some(1));
}
