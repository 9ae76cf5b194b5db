//! What the broker may do to its consumers: go down, restart, close connections, cancel consumers, block.

use bilag_tests::{
    Bilag, Health, PrivateBroker, RetryingPublisher, Store, TIMEOUT, TestEnv, Vhost, eventually,
    eventually_within, exit_output, receipt,
};
use lapin::types::FieldTable;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::json;

async fn on(broker: &PrivateBroker) -> TestEnv {
    TestEnv::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_the_broker_at_startup() {
    let broker = PrivateBroker::start();
    let mut env = on(&broker).await;
    let health = Health::of(&mut env);
    broker.flush_definitions();
    broker.kill();

    let mut all = env.start(&["consume", "all"]);
    eventually("each stage reports the broker as unreachable", async || {
        let (status, body) = health.ready().await?;
        assert_eq!((status, &body["ready"]), (503, &json!(false)), "{body}");
        let stages = body["stages"].as_array()?;
        let reported = |stage: &serde_json::Value| {
            stage["broker"]["state"] == "disconnected"
                && stage["broker"]["why"].as_str().is_some_and(|why| why.contains("cannot be reached"))
        };
        (stages.len() == 4 && stages.iter().all(reported)).then_some(())
    })
    .await;
    assert!(all.has_ended().is_none(), "{}", all.log());

    broker.restart();
    eventually_within(TIMEOUT, "it is ready", async || {
        assert!(all.has_ended().is_none(), "{}", all.log());
        health.ready().await.filter(|(status, _)| *status == 200)
    })
    .await;
    RetryingPublisher::new(&env.vhost.url).publish(&receipt(1)).await;
    env.complete(1).await;
    env.assert_exactly_once(1..=1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_killing_the_broker_under_load() {
    let broker = PrivateBroker::start();
    let env = on(&broker).await;
    let mut all = env.consume(&["all"]).await;
    let mut till = RetryingPublisher::new(&env.vhost.url);
    let trickle = tokio::spawn(async move {
        for number in 1..=80 {
            till.publish(&receipt(number)).await;
        }
    });
    for complete in [10, 40] {
        env.complete(complete).await;
        broker.kill();
        broker.restart();
    }
    trickle.await.expect("all are published");
    env.complete(80).await;

    assert!(all.has_ended().is_none(), "{}", all.log());
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=80);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_forced_connection_closes() {
    let env = TestEnv::new().await;
    env.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 200 }));
    let mut all = env.consume(&["all"]).await;
    let mut till = RetryingPublisher::new(&env.vhost.url);
    let trickle = tokio::spawn(async move {
        for number in 1..=120 {
            till.publish(&receipt(number)).await;
        }
    });
    for complete in [5, 30, 60] {
        env.complete(complete).await;
        eventually("connections are closed", async || {
            (env.vhost.close_connections("bilag ").await > 0).then_some(())
        })
        .await;
    }
    trickle.await.expect("all are published");
    env.complete(120).await;

    assert!(all.has_ended().is_none(), "{}", all.log());
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=120);
}

/// An environment whose queues have carried messages: RabbitMQ 3.10 breaks if a queue is deleted while its
/// dead-lettering is still starting.
async fn env_after_traffic() -> (TestEnv, Bilag) {
    let env = TestEnv::new().await;
    let all = env.consume(&["all"]).await;
    env.publish(&receipt(1)).await;
    env.complete(1).await;
    (env, all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redeclares_and_consumes_deleted_queues() {
    let (env, all) = env_after_traffic().await;
    for queue in ["bilag.receipt", "bilag.render", "bilag.upload"] {
        env.vhost.delete(&format!("queues/{{vhost}}/{queue}")).await;
    }
    eventually("all consume again", async || (all.log().matches(" consuming ").count() == 7).then_some(()))
        .await;
    env.publish(&receipt(2)).await;
    env.complete(2).await;
    env.assert_exactly_once(1..=2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redeclares_deleted_exchanges_and_bindings() {
    let (env, _all) = env_after_traffic().await;
    for exchange in ["bilag", "bilag.requeue", "bilag.retry", "bilag.dead"] {
        env.vhost.delete(&format!("exchanges/{{vhost}}/{exchange}")).await;
    }
    let (channel, key) = (env.vhost.channel().await, "receipt.settled.v1");
    let unbound =
        channel.queue_unbind("bilag.receipt".into(), "events".into(), key.into(), FieldTable::default());
    unbound.await.expect("unbound");
    let arguments = ["topology", "check", "--management-url", &env.vhost.management];
    eventually("everything is declared again", async || env.run(&arguments).status.success().then_some(()))
        .await;
    env.publish(&receipt(2)).await;
    env.complete(2).await;
    env.assert_exactly_once(1..=2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redeclares_a_deleted_retry_queue() {
    let (env, _all) = env_after_traffic().await;
    env.vhost.delete("queues/{vhost}/bilag.upload.retry.300ms").await;
    let failed = Fault::Status { status: 500.try_into().expect("a status"), retry_after: None, done: false };
    env.sandbox.omnium.add_fault(Rule::new(failed).on(Call::Upsert).times(1));
    env.publish(&receipt(2)).await;
    env.complete(2).await;
    env.assert_exactly_once(1..=2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waits_for_and_reports_a_memory_alarm() {
    let broker = PrivateBroker::start();
    let mut env = on(&broker).await;
    let health = Health::of(&mut env);
    env.ok(&["topology", "apply"]);
    for number in 1..=40 {
        env.publish(&receipt(number)).await;
    }
    broker.raise_alarm();
    let mut all = env.start(&["consume", "all"]);
    eventually("/readyz reports the alarm", async || {
        let stage = health.stage("receipt").await?;
        let (status, _) = health.ready().await?;
        (stage["broker"]["state"] == "blocked" && status == 503).then_some(())
    })
    .await;
    assert_eq!(env.sandbox.omnium.summary().invoices.len(), 0);

    broker.clear_alarm();
    env.complete(40).await;
    eventually("/readyz reports the end of the alarm", async || {
        health.ready().await.filter(|(status, _)| *status == 200)
    })
    .await;
    assert!(all.has_ended().is_none(), "{}", all.log());
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_tool_tells_of_a_memory_alarm() {
    let broker = PrivateBroker::start();
    let env = on(&broker).await;
    env.ok(&["topology", "apply"]);
    let _all = env.consume(&["all"]).await;
    for number in 1..=3 {
        env.publish(&json!({ "number": number })).await;
    }
    eventually("the dead letters are indexed", async || (env.dead_letters().len() == 3).then_some(())).await;
    let console = env.console(&[]).await;
    let chain = async || reqwest::get(console.at("/")).await.ok()?.text().await.ok();
    let events = [4, 5].map(|number| env.file(&format!("{number}.json"), receipt(number).to_string()));
    let events = events.each_ref().map(|path| path.to_str().expect("a path"));
    assert!(!chain().await.expect("a page").contains("low on memory"));

    broker.raise_alarm();
    eventually("all stages report it, though none has anything to publish", async || {
        let stages = env.ok(&["stages"]);
        let reported = stages.matches("blocked by the broker's alarm").count();
        (reported == 4 && stages.contains("low on memory")).then_some(())
    })
    .await;
    eventually("the console shows it", async || chain().await?.contains("low on memory").then_some(())).await;
    for tool in [&["doctor"][..], &["topology", "check"]] {
        let (code, printed, _) = exit_output(&env.run(tool));
        assert_eq!(code, 1, "{tool:?}: {printed}");
        assert!(printed.contains("an alarm and accepts no messages: low on memory"), "{tool:?}: {printed}");
    }
    let publish = env.start(&[&["publish"], &events[..]].concat());
    let redrive = env.start(&["dead", "redrive", "--all"]);
    let mut waiting = [publish, redrive];
    for tool in &mut waiting {
        eventually("it says that it waits", async || {
            let (log, ended) = (tool.log(), tool.has_ended());
            assert!(ended.is_none(), "{ended:?}: {log}");
            let reason = "has an alarm and accepts no messages: low on memory";
            (log.contains("waiting: the broker at 127.0.0.1:") && log.contains(reason)).then_some(())
        })
        .await;
    }

    broker.clear_alarm();
    for tool in &mut waiting {
        eventually_within(TIMEOUT, "it ends by itself", async || tool.has_ended()).await;
        assert!(tool.log().contains("the broker's alarm has ended"), "{}", tool.log());
    }
    env.complete(2).await;
    eventually("all say that it is over", async || {
        let is_over = !chain().await?.contains("low on memory") && !env.ok(&["stages"]).contains("blocked");
        is_over.then_some(())
    })
    .await;
    env.ok(&["topology", "check"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumes_and_publishes_on_separate_connections() {
    let env = TestEnv::new().await;
    let upload = env.consume(&["upload"]).await;
    let expected = ["consume upload", "publish"].map(|purpose| format!("bilag {} {purpose}", upload.id()));
    eventually("the broker shows both", async || {
        let mut names = env.vhost.connections().await;
        names.retain(|name| name.starts_with("bilag "));
        (names == expected).then_some(())
    })
    .await;
}
