//! The database is down: the stages that need it pause, nothing dies, and they resume by themselves.

use bilag_tests::{Health, PrivatePostgres, RetryingPublisher, Store, TestEnv, Vhost, eventually, receipt};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_database_pauses_the_stages_that_need_it() {
    let postgres = PrivatePostgres::start();
    let mut env = TestEnv::on(Vhost::new().await, Store::Postgres(postgres.url.clone())).await;
    env.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    let health = Health::of(&mut env);
    let mut all = env.consume(&["all"]).await;
    let mut till = RetryingPublisher::new(&env.vhost.url);
    for number in 1..=60 {
        till.publish(&receipt(number)).await;
    }
    env.complete(5).await;

    postgres.kill();
    for number in 61..=100 {
        till.publish(&receipt(number)).await;
    }
    eventually("/readyz shows the unavailable store and the pause", async || {
        let (status, body) = health.ready().await?;
        // The other stages pause once they get a message.
        let receipt = health.stage("receipt").await?;
        let paused =
            |stage: &serde_json::Value| stage["pause"]["why"].as_str().is_some_and(|why| !why.is_empty());
        let unavailable = status == 503 && body["store"]["answers"] == json!(false);
        (unavailable && paused(&receipt)).then_some(())
    })
    .await;

    postgres.restart();
    env.complete(100).await;
    assert!(all.has_ended().is_none(), "{}", all.log());
    assert_eq!(health.ready().await.expect("it answers").0, 200);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=100);
}
