//! `/livez` and `/readyz`.

use bilag_tests::{Health, TestEnv, eventually, receipt};
use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

#[tokio::test]
async fn working_process_is_live_ready_and_reports_its_stages() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let _all = env.consume(&["all"]).await;
    assert_eq!(health.get("/livez").await, Some((200, "ok\n".to_owned())));
    env.publish(&receipt(1)).await;
    let (status, body) = eventually("every stage has handled it", async || {
        health.ready().await.filter(|(_, body)| body["stages"][2]["handled"] == 1)
    })
    .await;
    assert_eq!(status, 200);
    let stage = |name: &str, handled: u64| json!({ "stage": name, "broker": { "state": "running" }, "pause": null, "hold": null, "lanes": {}, "scopes": {}, "inHand": 0, "handled": handled, "passedOver": 0 });
    let expected = [stage("receipt", 1), stage("render", 1), stage("upload", 1), stage("dead", 0)];
    assert_eq!(body["stages"], json!(expected));
    assert_eq!((&body["ready"], &body["store"]["answers"]), (&json!(true), &json!(true)));
    let store = body["store"]["which"].as_str().expect("a store");
    assert!(store.starts_with("sqlite:///") && store.ends_with("/bilag.db"), "{store}");
}

#[tokio::test]
async fn paused_process_stays_ready_and_shows_the_reason() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let down = Rule::new(Fault::Status { status, retry_after: None, done: false }).on(Call::Upsert);
    env.sandbox.omnium.add_fault(down);
    let _all = env.consume(&["all"]).await;
    for number in 0..8 {
        env.publish(&receipt(number)).await;
    }
    let upload = eventually("upload pauses", async || {
        health.stage("upload").await.filter(|stage| !stage["pause"].is_null())
    })
    .await;
    let since = upload["pause"]["since"].as_str().expect("since when");
    assert!(since.parse::<DateTime<Utc>>().is_ok_and(|since| since <= Utc::now()), "{since}");
    let why = upload["pause"]["why"].as_str().expect("a reason");
    assert!(why.starts_with("the invoice could not be created in Omnium: ") && why.contains("503"), "{why}");
    let (status, body) = health.ready().await.expect("health is served");
    assert_eq!((status, &body["ready"], &body["stages"][0]["pause"]), (200, &json!(true), &Value::Null));

    env.sandbox.omnium.clear_faults();
    eventually("all complete", async || (env.records(State::Complete).await == 8).then_some(())).await;
    assert_eq!(health.stage("upload").await.expect("upload runs")["pause"], Value::Null);
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn process_without_broker_is_live_but_not_ready() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    env.set("BILAG_AMQP_URL", "amqp://guest:open-sesame@127.0.0.1:1/%2f");
    let bilag = env.start(&["consume", "render"]);
    let (status, body) = eventually("it says so", async || {
        health.ready().await.filter(|(_, body)| body["stages"][0]["broker"]["state"] == "disconnected")
    })
    .await;
    assert_eq!((status, &body["ready"]), (503, &json!(false)));
    assert_eq!(health.get("/livez").await.map(|(status, _)| status), Some(200));
    let why = body["stages"][0]["broker"]["why"].as_str().expect("a reason");
    assert!(why.contains("the broker at 127.0.0.1:1 vhost / cannot be reached"), "{why}");
    assert!(!body.to_string().contains("open-sesame") && !bilag.log().contains("open-sesame"));
    assert_eq!(body["store"], json!({ "answers": true, "which": null }), "render needs no store");
}
