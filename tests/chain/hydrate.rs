//! Flow's events with ids only: their receipts are read from Flow, backfilled, and missed if they never came.

use bilag_tests::{TestEnv, eventually, exit_output, flow_ids, flow_receipt};
use reqwest::StatusCode;
use sandbox::flow::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

async fn with_flow() -> TestEnv {
    let mut env = TestEnv::new().await;
    let url = env.sandbox.flow_url();
    env.set("FLOW_BASE_URL", &url);
    env.set("FLOW_API_TOKEN", "a-flow-token");
    env.set("FLOW_TIMEOUT", "1s");
    env.set("BILAG_INGRESS_HYDRATE_FROM_FLOW", "true");
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_become_receipts_read_from_flow() {
    let mut env = with_flow().await;
    let _all = env.consume(&["all"]).await;
    let ingress = env.ingress().await;
    env.sandbox.flow.add_receipt("7", flow_receipt(1001));
    for (status, retry_after) in [(StatusCode::TOO_MANY_REQUESTS, Some(1)), (StatusCode::BAD_GATEWAY, None)] {
        env.sandbox.flow.add_fault(Rule::new(Fault::Status { status, retry_after, done: false }).times(1));
    }
    for _ in 0..2 {
        assert_eq!(ingress.flow(&flow_ids(1001)).await.expect("an answer"), 202);
    }
    assert_eq!(ingress.flow(&flow_ids(1002)).await.expect("an answer"), 202);
    // Visible only now: the second is retried meanwhile.
    eventually("it was searched", async || (env.sandbox.flow.ledger().len() > 3).then_some(())).await;
    env.sandbox.flow.add_receipt("7", flow_receipt(1002));
    eventually("both are complete", async || (env.records(State::Complete).await == 2).then_some(())).await;
    let omnium = env.sandbox.omnium.summary();
    assert_eq!(omnium.invoices.keys().collect::<Vec<_>>(), ["rcpt-1001", "rcpt-1002"]);
    assert!(omnium.violations.is_empty() && env.sandbox.flow.summary().violations.is_empty());
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    let log = ingress.process.log();
    assert!(!log.contains("a-flow-token"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_waited_longer_than_the_lookback_find_their_receipt() {
    let env = with_flow().await;
    let _all = env.consume(&["hydrate", "receipt", "dead"]).await;
    let friday = chrono::Utc::now() - chrono::TimeDelta::days(3);
    let mut receipt = flow_receipt(1001);
    receipt["settledAt"] = json!(friday);
    env.sandbox.flow.add_receipt("7", receipt);
    let properties =
        lapin::BasicProperties::default().with_timestamp(friday.timestamp().try_into().expect("after 1970"));
    env.publish_to("events", "ORDER_SETTLED", flow_ids(1001).to_string().as_bytes(), properties).await;
    eventually("it is received", async || {
        let store = env.store().await;
        let records = store.records(&Default::default(), sync_store::Page::first(20)).await.ok()?;
        (records.len() == 1).then_some(())
    })
    .await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_outage_pauses_and_unknown_receipts_die_alone() {
    let mut env = with_flow().await;
    let health = bilag_tests::Health::of(&mut env);
    let _all = env.consume(&["hydrate", "receipt", "dead"]).await;
    let status = StatusCode::UNAUTHORIZED;
    env.sandbox.flow.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    for number in 1..=8 {
        env.sandbox.flow.add_receipt("7", flow_receipt(number));
        env.publish_to(
            "events",
            "ORDER_SETTLED",
            flow_ids(number).to_string().as_bytes(),
            Default::default(),
        )
        .await;
    }
    eventually("it pauses", async || health.stage("hydrate").await?["pause"].is_object().then_some(())).await;
    assert!(env.dead_letters().is_empty());
    env.sandbox.flow.clear_faults();
    env.publish_to("events", "ORDER_SETTLED", flow_ids(99).to_string().as_bytes(), Default::default()).await;
    let letters = env.wait_for_dead_letters(1).await;
    assert_eq!(
        (&letters[0]["stage"], &letters[0]["reason"]),
        (&json!("hydrate"), &json!("receipt_not_in_flow"))
    );
    eventually("the others are received", async || {
        let store = env.store().await;
        let records = store.records(&Default::default(), sync_store::Page::first(20)).await.ok()?;
        (records.len() == 8).then_some(())
    })
    .await;
    assert!(env.sandbox.flow.summary().count(Call::SearchReceipts, 401) > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_never_received_is_listed_and_backfilled() {
    let env = with_flow().await;
    env.ok(&["topology", "apply"]);
    let _all = env.consume(&["all"]).await;
    (1001..=1003).for_each(|number| env.sandbox.flow.add_receipt("7", flow_receipt(number)));
    let series = json!({
        "numberSeriesUid": "s", "name": "Receipts", "type": "RECEIPT", "start": 1000, "end": 9999,
        "currentValue": 1003
    });
    env.sandbox.flow.add_number_series("7", series);
    env.publish_to("events", "ORDER_SETTLED", flow_ids(1002).to_string().as_bytes(), Default::default())
        .await;
    eventually("one is complete", async || (env.records(State::Complete).await == 1).then_some(())).await;

    let period = ["--tenant", "7", "--from", "yesterday", "--to", "today"];
    // Without a name, the tenants are the store's.
    let check = || {
        let arguments = [&["report", "--against", "flow", "--json"], &period[2..]].concat();
        let (code, printed, error) = exit_output(&env.run(&arguments));
        (code, serde_json::from_str::<Value>(&printed).unwrap_or_else(|_| panic!("{printed}{error}")))
    };
    let (code, found) = check();
    assert_eq!(code, 1);
    let of_tenant = &found["tenants"][0];
    let uids: Vec<_> =
        of_tenant["receipts"].as_array().expect("a list").iter().map(|it| &it["receipt"]).collect();
    assert_eq!((&of_tenant["compared"], uids), (&json!(3), vec![&json!("rcpt-1001"), &json!("rcpt-1003")]));
    let missing = json!([{ "first": 1001, "last": 1001 }, { "first": 1003, "last": 1003 }]);
    assert_eq!(of_tenant["numberSeries"][0]["missing"], missing);

    let backfill = [&["backfill", "--from-flow", "--publish", "--json"], &period[..]].concat();
    let done: Value = serde_json::from_str(&env.ok(&backfill)).expect("JSON");
    assert_eq!(
        (&done["published"], &done["alreadyThere"], &done["broken"]),
        (&json!(2), &json!(1), &json!(0))
    );
    eventually("all are complete", async || (env.records(State::Complete).await == 3).then_some(())).await;
    let (code, found) = check();
    assert_eq!((code, &found["tenants"][0]["receipts"]), (0, &json!([])));
    assert!(env.sandbox.omnium.summary().violations.is_empty());
}
