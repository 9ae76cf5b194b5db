//! SIGTERM: what is in flight is finished or given back, and the exit code is 0.

use bilag_tests::{
    Bilag, Health, OwnBroker, Store, TIMEOUT, Till, Vhost, World, eventually, eventually_within, receipt,
};
use sandbox::omnium::{Call, Fault, Rule};
use sync_store::State;

/// Tells it to end, and gives its exit code.
async fn terminated(bilag: &mut Bilag) -> Option<i32> {
    bilag.terminate();
    let ended = eventually_within(TIMEOUT, "it has ended", async || bilag.has_ended()).await;
    ended.code()
}

/// Waits until there are exactly so many messages in all queues together.
async fn left(world: &World, expected: u64) {
    eventually(&format!("{expected} messages are left"), async || {
        let mut left = 0;
        for queue in world.vhost.queues().await {
            left += u64::from(world.vhost.ready(&queue).await?);
        }
        (left == expected).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finishes_in_flight_under_load_and_leaves_the_rest() {
    let world = World::new().await;
    world.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 300 }));
    let mut all = world.consume(&["all"]).await;
    for number in 1..=150 {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, 10).await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());

    let complete = world.records(State::Complete).await;
    assert!(complete < 150, "it was under load");
    // One message for each receipt that is on its way.
    left(&world, 150 - complete).await;
    let attached = |world: &World| {
        world.sandbox.omnium.ledger().iter().filter(|entry| entry.call == Call::Attach).count() as u64
    };
    assert_eq!(attached(&world), complete, "no call was broken off");

    world.sandbox.omnium.clear_faults();
    let _again = world.consume(&["all"]).await;
    world.complete_within(TIMEOUT, 150).await;
    assert_eq!(attached(&world), 150, "nothing was done twice");
    world.assert_exactly_once(1..=150);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_paused() {
    let mut world = World::new().await;
    let health = Health::of(&mut world);
    world.sandbox.stop_listening().await;
    let mut all = world.consume(&["all"]).await;
    for number in 1..=30 {
        world.publish(&receipt(number)).await;
    }
    eventually("upload is paused", async || {
        health.stage("upload").await?["pause"]["since"].as_str().map(str::to_owned)
    })
    .await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());
    left(&world, 30).await;

    world.sandbox.listen_again().await.expect("the port is free");
    let _again = world.consume(&["all"]).await;
    world.complete_within(TIMEOUT, 30).await;
    world.assert_exactly_once(1..=30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_the_broker_is_down() {
    let broker = OwnBroker::start();
    let mut world = World::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    let health = Health::of(&mut world);
    let mut all = world.consume(&["all"]).await;
    broker.kill();
    eventually("it is noticed", async || {
        (health.stage("upload").await?["broker"]["state"] == "disconnected").then_some(())
    })
    .await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_while_the_broker_is_blocked() {
    let broker = OwnBroker::start();
    let mut world = World::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    let health = Health::of(&mut world);
    world.ok(&["topology", "apply"]);
    for number in 1..=20 {
        world.publish(&receipt(number)).await;
    }
    broker.raise_alarm();
    let mut all = world.start(&["consume", "all"]);
    eventually("it is blocked", async || {
        (health.stage("receipt").await?["broker"]["state"] == "blocked").then_some(())
    })
    .await;
    assert_eq!(terminated(&mut all).await, Some(0), "{}", all.log());

    broker.clear_alarm();
    let _again = world.consume(&["all"]).await;
    world.complete_within(TIMEOUT, 20).await;
    Till::new(&world.vhost.url).publish(&receipt(21)).await;
    world.complete_within(TIMEOUT, 21).await;
    world.assert_exactly_once(1..=21);
}
