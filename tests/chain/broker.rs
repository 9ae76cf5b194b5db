//! What the broker may do to its consumers: be away, come back, close connections, cancel, block.

use bilag_tests::{
    Bilag, Health, OwnBroker, Store, TIMEOUT, Till, Vhost, World, eventually, eventually_within, receipt,
};
use lapin::types::FieldTable;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::json;

async fn on(broker: &OwnBroker) -> World {
    World::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_the_broker_at_startup() {
    let broker = OwnBroker::start();
    let mut world = on(&broker).await;
    let health = Health::of(&mut world);
    broker.write_down();
    broker.kill();

    let mut all = world.start(&["consume", "all"]);
    eventually("each stage says that the broker cannot be reached", async || {
        let (status, body) = health.ready().await?;
        assert_eq!((status, &body["ready"]), (503, &json!(false)), "{body}");
        let stages = body["stages"].as_array()?;
        let told = |stage: &serde_json::Value| {
            stage["broker"]["state"] == "disconnected"
                && stage["broker"]["why"].as_str().is_some_and(|why| why.contains("cannot be reached"))
        };
        (stages.len() == 4 && stages.iter().all(told)).then_some(())
    })
    .await;
    assert!(all.has_ended().is_none(), "{}", all.log());

    broker.start_again();
    eventually_within(TIMEOUT, "it is ready", async || {
        assert!(all.has_ended().is_none(), "{}", all.log());
        health.ready().await.filter(|(status, _)| *status == 200)
    })
    .await;
    Till::new(&world.vhost.url).publish(&receipt(1)).await;
    world.complete_within(TIMEOUT, 1).await;
    world.assert_exactly_once(1..=1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_killing_the_broker_under_load() {
    let broker = OwnBroker::start();
    let world = on(&broker).await;
    let mut all = world.consume(&["all"]).await;
    let mut till = Till::new(&world.vhost.url);
    let trickle = tokio::spawn(async move {
        for number in 1..=80 {
            till.publish(&receipt(number)).await;
        }
    });
    for complete in [10, 40] {
        world.complete_within(TIMEOUT, complete).await;
        broker.kill();
        broker.start_again();
    }
    trickle.await.expect("all are published");
    world.complete_within(TIMEOUT, 80).await;

    assert!(all.has_ended().is_none(), "{}", all.log());
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_forced_connection_closes() {
    let world = World::new().await;
    world.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 200 }));
    let mut all = world.consume(&["all"]).await;
    let mut till = Till::new(&world.vhost.url);
    let trickle = tokio::spawn(async move {
        for number in 1..=120 {
            till.publish(&receipt(number)).await;
        }
    });
    for complete in [5, 30, 60] {
        world.complete_within(TIMEOUT, complete).await;
        eventually("connections are closed", async || {
            (world.vhost.close_connections("bilag ").await > 0).then_some(())
        })
        .await;
    }
    trickle.await.expect("all are published");
    world.complete_within(TIMEOUT, 120).await;

    assert!(all.has_ended().is_none(), "{}", all.log());
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=120);
}

/// A world whose queues have been at work: RabbitMQ 3.10 does not bear that one is deleted while its
/// dead-lettering still starts.
async fn at_work() -> (World, Bilag) {
    let world = World::new().await;
    let all = world.consume(&["all"]).await;
    world.publish(&receipt(1)).await;
    world.complete_within(TIMEOUT, 1).await;
    (world, all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redeclares_and_consumes_deleted_queues() {
    let (world, all) = at_work().await;
    for queue in ["bilag.receipt", "bilag.render", "bilag.upload"] {
        world.vhost.delete(&format!("queues/{{vhost}}/{queue}")).await;
    }
    eventually("all consume again", async || (all.log().matches(" consuming ").count() == 7).then_some(()))
        .await;
    world.publish(&receipt(2)).await;
    world.complete_within(TIMEOUT, 2).await;
    world.assert_exactly_once(1..=2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redeclares_deleted_exchanges_and_bindings() {
    let (world, _all) = at_work().await;
    for exchange in ["bilag", "bilag.requeue", "bilag.retry", "bilag.dead"] {
        world.vhost.delete(&format!("exchanges/{{vhost}}/{exchange}")).await;
    }
    let (channel, key) = (world.vhost.channel().await, "receipt.settled.v1");
    let unbound =
        channel.queue_unbind("bilag.receipt".into(), "events".into(), key.into(), FieldTable::default());
    unbound.await.expect("unbound");
    let arguments = ["topology", "check", "--management-url", &world.vhost.management];
    eventually("all is there again", async || world.run(&arguments).status.success().then_some(())).await;
    world.publish(&receipt(2)).await;
    world.complete_within(TIMEOUT, 2).await;
    world.assert_exactly_once(1..=2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redeclares_a_deleted_retry_queue() {
    let (world, _all) = at_work().await;
    world.vhost.delete("queues/{vhost}/bilag.upload.retry.300ms").await;
    let failed = Fault::Status { status: 500.try_into().expect("a status"), retry_after: None, done: false };
    world.sandbox.omnium.add_fault(Rule::new(failed).on(Call::Upsert).times(1));
    world.publish(&receipt(2)).await;
    world.complete_within(TIMEOUT, 2).await;
    world.assert_exactly_once(1..=2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_and_reports_a_memory_alarm() {
    let broker = OwnBroker::start();
    let mut world = on(&broker).await;
    let health = Health::of(&mut world);
    world.ok(&["topology", "apply"]);
    for number in 1..=40 {
        world.publish(&receipt(number)).await;
    }
    broker.raise_alarm();
    let mut all = world.start(&["consume", "all"]);
    eventually("/readyz says so", async || {
        let stage = health.stage("receipt").await?;
        let (status, _) = health.ready().await?;
        (stage["broker"]["state"] == "blocked" && status == 503).then_some(())
    })
    .await;
    assert_eq!(world.sandbox.omnium.summary().invoices.len(), 0);

    broker.clear_alarm();
    world.complete_within(TIMEOUT, 40).await;
    eventually("/readyz says that it is over", async || {
        health.ready().await.filter(|(status, _)| *status == 200)
    })
    .await;
    assert!(all.has_ended().is_none(), "{}", all.log());
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumes_and_publishes_on_separate_connections() {
    let world = World::new().await;
    let upload = world.consume(&["upload"]).await;
    let expected = ["consume upload", "publish"].map(|purpose| format!("bilag {} {purpose}", upload.id()));
    eventually("the broker shows both", async || {
        let mut names = world.vhost.connections().await;
        names.retain(|name| name.starts_with("bilag "));
        (names == expected).then_some(())
    })
    .await;
}
