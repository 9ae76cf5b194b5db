//! Secrets and customer data appear in no log at any level, no header, no health page, no trace and
//! no metric, whatever fails.

use bilag_tests::{Collector, Health, TestEnv, eventually, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

const CLIENT_SECRET: &str = "s3cret-of-the-client";
const AMQP_PASSWORD: &str = "s3cret-of-the-broker";
const CUSTOMER: [&str; 3] = ["Solveig Plantet", "solveig.plantet", "Plantetveien"];

/// A receipt with personal data of a customer.
fn with_customer(number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["order"]["address"] = json!({
        "displayName": CUSTOMER[0], "firstname": "Solveig", "lastname": "Plantet",
        "address": "Plantetveien 1", "postalCode": "0155", "city": "Oslo", "countryCode": "NO",
        "email": format!("{}@shop.example", CUSTOMER[1]),
    });
    event
}

fn answers(call: Call, status: StatusCode, times: u64) -> Rule {
    Rule::new(Fault::Status { status, retry_after: None, done: false }).on(call).times(times)
}

#[tokio::test]
async fn secrets_and_customer_data_never_leak() {
    let mut env = TestEnv::new().await;
    let (collector, health) = (Collector::start().await, Health::of(&mut env));
    let url = env.vhost.user(AMQP_PASSWORD).await;
    for (name, value) in [
        ("BILAG_AMQP_URL", url.as_str()),
        ("OMNIUM_CLIENT_SECRET", CLIENT_SECRET),
        ("BILAG_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
    ] {
        env.set(name, value);
    }
    let omnium = &env.sandbox.omnium;
    omnium.add_fault(answers(Call::Token, StatusCode::INTERNAL_SERVER_ERROR, 1));
    omnium.add_fault(answers(Call::Token, StatusCode::UNAUTHORIZED, 1));
    omnium.add_fault(answers(Call::Upsert, StatusCode::UNAUTHORIZED, 1));
    omnium.add_fault(answers(Call::Upsert, StatusCode::INTERNAL_SERVER_ERROR, 2));
    omnium.add_fault(answers(Call::Attach, StatusCode::NOT_FOUND, 1));
    omnium.add_fault(answers(Call::Upsert, StatusCode::CONFLICT, 1));
    let mut refused =
        Rule::new(Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false });
    refused.subject.invoice_id = Some("rcpt-9".to_owned());
    omnium.add_fault(refused);
    let all = env.consume(&["all"]).await;
    let mut broken = with_customer(8);
    broken["orderReceipt"]["settledAt"] = json!(CUSTOMER[0]);
    for event in [with_customer(1), with_customer(2), with_customer(3), with_customer(9), broken] {
        env.publish(&event).await;
    }
    eventually("all have ended", async || {
        (env.records(State::Complete).await == 3 && env.dead_letters().len() == 2).then_some(())
    })
    .await;
    omnium.revoke_tokens();
    env.publish(&with_customer(4)).await;
    eventually("the last completes", async || (env.records(State::Complete).await == 4).then_some(())).await;

    let (_, page) = health.get("/readyz").await.expect("health is served");
    let exported = collector.raw().concat();
    assert!(
        !collector.spans().is_empty() && !collector.metrics().is_empty(),
        "traces and metrics were exported"
    );
    let mut places = vec![
        ("the log", all.log()),
        ("/readyz", page),
        ("traces and metrics", String::from_utf8_lossy(&exported).into_owned()),
    ];
    for queue in ["bilag.receipt.dead", "bilag.upload.dead"] {
        let letters = env.vhost.peek(queue, 10).await;
        assert_eq!(letters.len(), 1, "{queue}");
        places.push((queue, format!("{:?}", letters[0].headers_for_people())));
    }
    let secrets = [CLIENT_SECRET, AMQP_PASSWORD, "clientSecret", "accessToken", "Bearer "];
    for (place, text) in places {
        for forbidden in secrets.iter().chain(&CUSTOMER) {
            assert!(!text.contains(forbidden), "{place} contains {forbidden}:\n{}", around(&text, forbidden));
        }
    }
    // The log could contain them: the failures are in it.
    assert!(all.log().contains("TRACE") && all.log().contains("401") && all.log().contains("500"));
}

/// The lines of a text that contain another.
fn around(text: &str, found: &str) -> String {
    text.lines().filter(|line| line.contains(found)).take(3).collect::<Vec<_>>().join("\n")
}
