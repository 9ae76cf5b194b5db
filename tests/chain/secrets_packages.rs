//! The secrets of the services for packages, and the people named in packages and receipts,
//! appear in no log at any level, no header, page or trace, whatever fails.

use bilag_tests::{Collector, Health, TIMEOUT, TestEnv, eventually_within, package, receipt, sample};
use sandbox::invoice_service::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;
const SECRETS: [(&str, &str); 3] = [
    ("INVOICE_SERVICE_PASSWORD", "s3cret-of-the-service"),
    ("OMS_API_TOKEN", "s3cret-of-the-oms"),
    ("ERP_INVOICE_AUTHORIZATION", "Bearer s3cret-of-the-erp"),
];

/// `a-user:s3cret-of-the-service`, as basic authentication sends it.
const BASIC: &str = "YS11c2VyOnMzY3JldC1vZi10aGUtc2VydmljZQ";

/// Of the packages below, of the receipts that the sandbox makes, and of the sample.
const PEOPLE: [&str; 6] =
    ["Yağmur Gizli", "Gizli Sokak", "yagmur.gizli", "Deniz Örnek", "deniz.ornek", "Gülşah İğdeci"];

/// A package with personal data.
fn with_personal_data(id: u64) -> Value {
    let mut event = package(id);
    event["payload"]["customer"] =
        json!({ "name": PEOPLE[0], "email": format!("{}@shop.example", PEOPLE[2]) });
    event["payload"]["shipping_address"] = json!({ "line": format!("{} 5", PEOPLE[1]) });
    event
}

fn answers(status: u16) -> Rule {
    Rule::new(Fault::Status { status: status.try_into().expect("a status"), retry_after: None, done: false })
}

/// Every fault of a package, transient or permanent.
fn faults(env: &TestEnv) {
    let (service, oms, erp) = (&env.sandbox.invoice_service, &env.sandbox.oms, &env.sandbox.erp);
    for (id, status) in [(1, 401), (2, 500), (3, 429)] {
        service.add_fault(answers(status).of_package(id).times(1));
        oms.add_fault(answers(status).of_package(id).times(1));
        erp.add_fault(answers(status).of_package(id).times(1));
    }
    service.add_fault(Rule::new(Fault::AnswerLost).of_package(14).times(1));
    service.add_fault(answers(422).of_package(11));
    let ok = || 200.try_into().expect("a status");
    let mut wrong = sample("receipt-package.json");
    wrong["package"]["id"] = json!(999);
    service.add_fault(Rule::new(Fault::Body { status: ok(), body: wrong.to_string() }).of_package(12));
    wrong["orderReceipt"]["settledAt"] = json!(PEOPLE[5]);
    service.add_fault(Rule::new(Fault::Body { status: ok(), body: wrong.to_string() }).of_package(13));
    oms.add_fault(answers(400).of_package(14));
    erp.add_fault(answers(422).of_package(15));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn package_secrets_and_personal_data_never_leak() {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    let (collector, health) = (Collector::start().await, Health::of(&mut env));
    for (name, value) in SECRETS.into_iter().chain([
        ("BILAG_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
    ]) {
        env.set(name, value);
    }
    faults(&env);
    let all = env.consume(&["all"]).await;
    let mut broken = with_personal_data(16);
    broken["payload"]["packageitem_set"][0]["quantity"] = json!(PEOPLE[0]);
    for event in [1, 2, 3, 11, 12, 13, 14, 15].map(with_personal_data).into_iter().chain([broken]) {
        env.publish_package(&event).await;
    }
    env.wait_for_standing(3, "written back").await;
    let mut second = receipt(5);
    second["package"] = json!({ "id": 3, "number": PEOPLE[0] });
    second["orderReceipt"]["order"]["address"]["displayName"] = json!(PEOPLE[0]);
    env.publish(&second).await;
    eventually_within(TIMEOUT, "all have ended", async || {
        (env.records(State::Complete).await == 3 * 3 + 2 + 2 && env.dead_letters().len() == 7).then_some(())
    })
    .await;

    let (_, page) = health.get("/readyz").await.expect("health is served");
    let exported = collector.raw().concat();
    assert!(
        !collector.spans().is_empty() && !collector.metrics().is_empty(),
        "traces and metrics were exported"
    );
    let mut places = vec![
        ("the log".to_owned(), all.log()),
        ("/readyz".to_owned(), page),
        ("traces and metrics".to_owned(), String::from_utf8_lossy(&exported).into_owned()),
    ];
    for lists in
        [&["packages", "list", "--json"][..], &["dead", "list", "--json"], &["sync", "list", "--json"]]
    {
        places.push((lists.join(" "), env.ok(lists)));
    }
    for (queue, count) in [("packed", 4), ("receipt", 1), ("writeback", 1), ("erp", 1)] {
        let letters = env.vhost.peek(&format!("bilag.{queue}.dead"), 10).await;
        assert_eq!(letters.len(), count, "{queue}");
        for letter in letters {
            places.push((format!("a dead letter of {queue}"), format!("{:?}", letter.headers_for_people())));
        }
    }
    let secrets = SECRETS.iter().map(|(_, secret)| secret.trim_start_matches("Bearer "));
    let forbidden: Vec<_> = secrets.chain(PEOPLE).chain([BASIC, "Basic ", "Bearer ", "Token "]).collect();
    for (place, text) in places {
        for forbidden in &forbidden {
            let found = text.lines().find(|line| line.contains(forbidden));
            assert_eq!(found, None, "{place} contains {forbidden}");
        }
    }
    // The log could contain them: the failures are in it.
    for status in ["TRACE", "401", "500", "429", "422", "400"] {
        assert!(all.log().contains(status), "{status}");
    }
}
