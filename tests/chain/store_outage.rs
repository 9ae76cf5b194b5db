//! The store is away: the stages that need it pause, nothing dies, and work goes on by itself.

use bilag_tests::{Health, OwnPostgres, Store, TIMEOUT, Till, Vhost, World, eventually, receipt};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_database_pauses_the_stages_that_need_it() {
    let postgres = OwnPostgres::start();
    let mut world = World::on(Vhost::new().await, Store::Postgres(postgres.url.clone())).await;
    world.set("BILAG_RETRY_DELAYS", "300ms,600ms");
    let health = Health::of(&mut world);
    let mut all = world.consume(&["all"]).await;
    let mut till = Till::new(&world.vhost.url);
    for number in 1..=60 {
        till.publish(&receipt(number)).await;
    }
    world.complete_within(TIMEOUT, 5).await;

    postgres.kill();
    for number in 61..=100 {
        till.publish(&receipt(number)).await;
    }
    eventually("/readyz says that the store does not answer, and pauses", async || {
        let (status, body) = health.ready().await?;
        // The others pause as well where something comes to them.
        let receipt = health.stage("receipt").await?;
        let paused =
            |stage: &serde_json::Value| stage["pause"]["why"].as_str().is_some_and(|why| !why.is_empty());
        let told = status == 503 && body["store"]["answers"] == json!(false);
        (told && paused(&receipt)).then_some(())
    })
    .await;

    postgres.start_again();
    world.complete_within(TIMEOUT, 100).await;
    assert!(all.has_ended().is_none(), "{}", all.log());
    assert_eq!(health.ready().await.expect("it answers").0, 200);
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=100);
}
