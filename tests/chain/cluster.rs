//! A cluster of three brokers, one of which is killed while receipts are published.

use bilag_tests::{PrivateCluster, RetryingPublisher, Store, TestEnv, eventually, receipt};
use serde_json::Value;

const RECEIPTS: u32 = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_killing_a_cluster_node_under_load() {
    let cluster = PrivateCluster::start();
    let vhost = cluster.vhost().await;
    let mut env = TestEnv::on(vhost, Store::Sqlite).await;
    // Every client connects first to the node that will be killed.
    let urls = cluster.urls(&env.vhost, &[1, 2, 0]);
    env.set("BILAG_AMQP_URL", &urls);
    let mut stages = Vec::new();
    for stage in ["receipt", "render", "upload", "dead"] {
        stages.push(env.consume(&[stage]).await);
    }
    assert_has_members(&env, 3).await;

    let mut till = RetryingPublisher::new(&urls);
    let trickle = tokio::spawn(async move {
        for number in 1..=RECEIPTS {
            till.publish(&receipt(number)).await;
        }
    });
    env.complete(50).await;
    cluster.kill(1);
    trickle.await.expect("all are published, without the node");
    env.complete(RECEIPTS.into()).await;

    cluster.restart(1);
    env.publish(&receipt(RECEIPTS + 1)).await;
    env.complete(u64::from(RECEIPTS) + 1).await;
    for stage in &mut stages {
        assert!(stage.has_ended().is_none(), "{}", stage.log());
    }
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=RECEIPTS + 1);
}

/// Every queue of the chain has replicas on so many nodes; otherwise killing one proves little.
async fn assert_has_members(env: &TestEnv, count: usize) {
    for queue in ["bilag.receipt", "bilag.render", "bilag.upload", "bilag.upload.dead"] {
        eventually(&format!("{queue} has {count} members"), async || {
            let reported = env.vhost.get(&format!("queues/{{vhost}}/{queue}")).await;
            let members = reported.get("members").and_then(Value::as_array)?;
            (members.len() == count).then_some(())
        })
        .await;
    }
}
