//! A cluster of three brokers, of which one is killed while receipts come.

use bilag_tests::{OwnCluster, Store, TIMEOUT, Till, World, eventually, receipt};
use serde_json::Value;

const RECEIPTS: u32 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_killing_a_cluster_node_under_load() {
    let cluster = OwnCluster::start();
    let vhost = cluster.vhost().await;
    let mut world = World::on(vhost, Store::Sqlite).await;
    // All begin at the node that is going to be killed.
    let urls = cluster.urls(&world.vhost, &[1, 2, 0]);
    world.set("BILAG_AMQP_URL", &urls);
    let mut stages = Vec::new();
    for stage in ["receipt", "render", "upload", "dead"] {
        stages.push(world.consume(&[stage]).await);
    }
    assert_has_members(&world, 3).await;

    let mut till = Till::new(&urls);
    let trickle = tokio::spawn(async move {
        for number in 1..=RECEIPTS {
            till.publish(&receipt(number)).await;
        }
    });
    world.complete_within(TIMEOUT, 50).await;
    cluster.kill(1);
    trickle.await.expect("all are published, without the node");
    world.complete_within(TIMEOUT, RECEIPTS.into()).await;

    cluster.start_again(1);
    world.publish(&receipt(RECEIPTS + 1)).await;
    world.complete_within(TIMEOUT, u64::from(RECEIPTS) + 1).await;
    for stage in &mut stages {
        assert!(stage.has_ended().is_none(), "{}", stage.log());
    }
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=RECEIPTS + 1);
}

/// Every queue of the chain is kept by so many nodes: else killing one would prove little.
async fn assert_has_members(world: &World, count: usize) {
    for queue in ["bilag.receipt", "bilag.render", "bilag.upload", "bilag.upload.dead"] {
        eventually(&format!("{queue} is kept by {count} nodes"), async || {
            let told = world.vhost.get(&format!("queues/{{vhost}}/{queue}")).await;
            let members = told.get("members").and_then(Value::as_array)?;
            (members.len() == count).then_some(())
        })
        .await;
    }
}
