//! Response bodies of services are kept with the dead letter only: names, e-mail addresses and credentials in them are
//! in no log, trace, metric or health page, and credentials not even in the dead letter.

use bilag_tests::{Collector, Health, Ingress, TestEnv, eventually, package, receipt};
use sandbox::invoice_service::{self, Fault};
use sandbox::omnium;
use serde_json::json;
use sync_store::State;

const NAME: &str = "Solveig Plantet";
const EMAIL: &str = "solveig.plantet@shop.example";

/// Credentials of the consumers, which services may echo.
const SECRETS: [(&str, &str); 4] = [
    ("OMNIUM_CLIENT_SECRET", "s3cret/of the client"),
    ("INVOICE_SERVICE_PASSWORD", "s3cret-of-the-service"),
    ("OMS_API_TOKEN", "s3cret-of-the-oms"),
    ("ERP_INVOICE_AUTHORIZATION", "Bearer s3cret-of-the-erp"),
];

/// The ingress's credential for the hydrate hook.
const HOOK: &str = "s3cret-of-the-hook";

/// Encodings of the credentials.
const WRITTEN: [&str; 5] = [
    "s3cret%2Fof%20the%20client",
    "s3cret%2fof+the+client",
    "s3cret\\/of the client",
    // `a-user:s3cret-of-the-service`, and `s3cret-of-the-oms`.
    "YS11c2VyOnMzY3JldC1vZi10aGUtc2VydmljZQ",
    "czNjcmV0LW9mLXRoZS1vbXM",
];

/// An answer with all of it, and the caller's own header.
fn echoing_answer(status: u16) -> Fault {
    let secrets = SECRETS.map(|(_, secret)| secret).join(" ");
    let body = format!("{NAME} <{EMAIL}> called with {{authorization}}; {secrets} {}", WRITTEN.join(" "));
    Fault::Body { status: status.try_into().expect("a status"), body }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn response_body_is_only_in_the_dead_letter_without_secrets() {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    let (collector, health) = (Collector::start().await, Health::of(&mut env));
    let hook = env.sandbox.hydrate_url();
    for (name, value) in SECRETS.into_iter().chain([
        ("BILAG_INGRESS_HYDRATE_AUTHORIZATION", &*format!("Bearer {HOOK}")),
        ("BILAG_INGRESS_HYDRATE_URL", &*hook),
        ("BILAG_LOG", "trace"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint),
        ("OTEL_BSP_SCHEDULE_DELAY", "100"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "100"),
    ]) {
        env.set(name, value);
    }
    let omnium = &env.sandbox.omnium;
    let mut refused = omnium::Rule::new(echoing_answer(400));
    refused.subject.invoice_id = Some("rcpt-9".to_owned());
    omnium.add_fault(refused);
    omnium.add_fault(omnium::Rule::new(echoing_answer(500)).on(omnium::Call::Token).times(1));
    omnium.add_fault(omnium::Rule::new(echoing_answer(500)).on(omnium::Call::Upsert).times(2));
    let of = |id, status| invoice_service::Rule::new(echoing_answer(status)).of_package(id);
    env.sandbox.invoice_service.add_fault(of(11, 422));
    env.sandbox.invoice_service.add_fault(of(12, 500).times(2));
    env.sandbox.oms.add_fault(of(14, 400));
    env.sandbox.erp.add_fault(of(15, 422));
    let hook_refuses = json!({ "fault": echoing_answer(404) });
    env.sandbox.hydrate.add_fault(serde_json::from_value(hook_refuses).expect("a rule"));

    let all = env.consume(&["all"]).await;
    let ingress: Ingress = env.ingress().await;
    env.publish(&receipt(9)).await;
    for id in [11, 12, 14, 15] {
        env.publish_package(&package(id)).await;
    }
    let ids = json!({
        "action": "ORDER_RECEIPT_SETTLED", "tenant": { "Id": 7, "Uid": "7" },
        "store": { "Id": 1, "Uid": "70" }, "orderReceipt": { "Id": 1, "Uid": "rcpt-404" }
    });
    assert_eq!(ingress.flow(&ids).await.expect("an answer"), 202);
    eventually("all have ended", async || {
        // Each issued one has a record at Omnium, the package and the ERP; two of these are rejected.
        let complete = env.records(State::Complete).await;
        (complete >= 3 * 3 - 2 && env.dead_letters().len() == 5).then_some(())
    })
    .await;

    let (_, page) = health.get("/readyz").await.expect("health is served");
    let exported = String::from_utf8_lossy(&collector.raw().concat()).into_owned();
    assert!(
        !collector.spans().is_empty() && !collector.metrics().is_empty(),
        "traces and metrics were exported"
    );
    let places =
        [("the log", all.log()), ("ingress", ingress.process.log()), ("/readyz", page), ("otlp", exported)];
    for (place, text) in &places {
        let people = [NAME, EMAIL, HOOK, "Bearer ", "Token "];
        for forbidden in people.into_iter().chain(SECRETS.map(|(_, secret)| secret)).chain(WRITTEN) {
            let found = text.lines().find(|line| line.contains(forbidden));
            assert_eq!(found, None, "{place} contains {forbidden}");
        }
    }
    for status in ["400", "422", "500", "404"] {
        assert!(places[0].1.contains(status) || places[1].1.contains(status), "{status} is logged");
    }

    // The dead letter itself has the response body, without secrets.
    let listed = env.ok(&["dead", "list", "--json"]);
    let mut letters = vec![listed, env.ok(&["sync", "list", "--json"])];
    let mut with_words = 0;
    for queue in ["packed", "upload", "writeback", "erp"] {
        for letter in env.vhost.peek(&format!("bilag.{queue}.dead"), 10).await {
            let headers = format!("{:?}", letter.headers_for_people());
            assert!(headers.contains(NAME) && headers.contains("[secret]"), "{queue}: {headers}");
            with_words += 1;
            letters.push(headers);
        }
    }
    assert_eq!(with_words, 4);
    for text in letters {
        let bare = SECRETS.map(|(_, secret)| secret.trim_start_matches("Bearer "));
        for secret in bare.into_iter().chain(WRITTEN) {
            assert!(!text.contains(secret), "{secret} is kept: {text}");
        }
    }
}
