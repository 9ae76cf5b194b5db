//! SIGTERM: in-flight messages are finished or requeued, and the exit code is 0.

use bilag_tests::{
    Bilag, Health, PrivateBroker, RetryingPublisher, Store, TIMEOUT, TestEnv, Vhost, eventually,
    eventually_within, receipt,
};
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::State;

/// Sends SIGTERM and returns the exit code.
async fn terminated(bilag: &mut Bilag) -> Option<i32> {
    bilag.terminate();
    let ended = eventually_within(TIMEOUT, "it has ended", async || bilag.has_ended()).await;
    ended.code()
}

/// Waits until all queues together have exactly so many messages.
async fn wait_for_remaining(env: &TestEnv, expected: u64) {
    eventually(&format!("{expected} messages are left"), async || {
        let mut left = 0;
        for queue in env.vhost.queues().await {
            left += u64::from(env.vhost.ready(&queue).await?);
        }
        (left == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finishes_in_flight_under_load_and_leaves_the_rest() {
    let env = TestEnv::new().await;
    env.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 300 }));
    let mut all = env.consume(&["all"]).await;
    for number in 1..=150 {
        env.publish(&receipt(number)).await;
    }
    env.complete(10).await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());

    let complete = env.records(State::Complete).await;
    assert!(complete < 150, "it was under load");
    // One message for each pending receipt.
    wait_for_remaining(&env, 150 - complete).await;
    let attached = |env: &TestEnv| {
        env.sandbox.omnium.ledger().iter().filter(|entry| entry.call == Call::Attach).count() as u64
    };
    assert_eq!(attached(&env), complete, "no call was interrupted");

    env.sandbox.omnium.clear_faults();
    let _again = env.consume(&["all"]).await;
    env.complete(150).await;
    assert_eq!(attached(&env), 150, "nothing was done twice");
    env.assert_exactly_once(1..=150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_paused() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    env.sandbox.stop_listening().await;
    let mut all = env.consume(&["all"]).await;
    for number in 1..=30 {
        env.publish(&receipt(number)).await;
    }
    eventually("upload is paused", async || {
        health.stage("upload").await?["pause"]["since"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());
    wait_for_remaining(&env, 30).await;

    env.sandbox.listen_again().await.expect("the port is free");
    let _again = env.consume(&["all"]).await;
    env.complete(30).await;
    env.assert_exactly_once(1..=30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_the_broker_is_down() {
    let broker = PrivateBroker::start();
    let mut env = TestEnv::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    let health = Health::of(&mut env);
    let mut all = env.consume(&["all"]).await;
    broker.kill();
    eventually("the outage is noticed", async || {
        (health.stage("upload").await?["broker"]["state"] == "disconnected").then_some(())
    })
    .await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_the_broker_is_blocked() {
    let broker = PrivateBroker::start();
    let mut env = TestEnv::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    let health = Health::of(&mut env);
    env.ok(&["topology", "apply"]);
    for number in 1..=20 {
        env.publish(&receipt(number)).await;
    }
    broker.raise_alarm();
    let mut all = env.start(&["consume", "all"]);
    eventually("it is blocked", async || {
        (health.stage("receipt").await?["broker"]["state"] == "blocked").then_some(())
    })
    .await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());

    broker.clear_alarm();
    let _again = env.consume(&["all"]).await;
    env.complete(20).await;
    RetryingPublisher::new(&env.vhost.url).publish(&receipt(21)).await;
    env.complete(21).await;
    env.assert_exactly_once(1..=21);
}
