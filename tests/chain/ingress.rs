//! Webhooks: the status of each, and that accepted ones are on the bus.

use std::time::Duration;

use bilag_tests::{Ingress, TestEnv, eventually, exit_output, package, receipt, transitioned};
use serde_json::{Value, json};
use sync_store::State;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const FLOW: &str = "/webhooks/flow";
const AKINON: &str = "/webhooks/akinon";

async fn declared() -> TestEnv {
    let mut env = TestEnv::new().await;
    env.enable_packages();
    env.ok(&["topology", "apply"]);
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_webhook_gets_its_status() {
    let mut env = declared().await;
    let ingress = env.ingress().await;
    let whole = receipt(1).to_string();
    let large = format!("{{\"type\":\"receipt.settled.v1\",\"x\":\"{}\"}}", "x".repeat(1024 * 1024));
    let enveloped = json!({ "specversion": "1.0", "id": "ce-1", "source": "/till", "type": "no.till.receipt", "data": receipt(2) });
    let (flow, akinon) = (Some(Ingress::FLOW), Some(Ingress::AKINON));
    for (what, path, secret, kind, body, expected) in [
        ("a receipt", FLOW, flow, "application/json", whole.clone(), 202),
        ("its type with a charset", FLOW, flow, "application/json; charset=utf-8", whole.clone(), 202),
        ("an envelope", FLOW, flow, "application/cloudevents+json", enveloped.to_string(), 202),
        ("a broken receipt", FLOW, flow, "application/json", r#"{"type":"receipt.settled.v1"}"#.into(), 202),
        ("another event", FLOW, flow, "application/json", r#"{"action":"TILL_CLOSED"}"#.into(), 204),
        ("no event", FLOW, flow, "application/json", "{}".into(), 400),
        ("no JSON", FLOW, flow, "application/json", "<receipt/>".into(), 400),
        ("nothing", FLOW, flow, "application/json", String::new(), 400),
        ("no secret", FLOW, None, "application/json", whole.clone(), 401),
        ("a wrong secret", FLOW, Some("flow-secret-of-testz"), "application/json", whole.clone(), 401),
        ("the other vendor's secret", FLOW, akinon, "application/json", whole.clone(), 401),
        ("a large body", FLOW, flow, "application/json", large.clone(), 413),
        ("a large body of a stranger", FLOW, None, "application/json", "{}".into(), 401),
        ("a form", FLOW, flow, "application/x-www-form-urlencoded", whole.clone(), 415),
        ("a packed package", AKINON, akinon, "application/json", package(73).to_string(), 202),
        ("its other event", AKINON, akinon, "application/json", transitioned(73).to_string(), 202),
        ("a receipt at Akinon's", AKINON, akinon, "application/json", whole.clone(), 204),
        ("Flow's secret at Akinon's", AKINON, flow, "application/json", package(73).to_string(), 401),
        ("another path", "/webhooks/other", flow, "application/json", whole.clone(), 404),
    ] {
        let mut request = ingress.request(path).header("content-type", kind).body(body);
        if let Some(secret) = secret {
            request = request.bearer_auth(secret);
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(answer.status().as_u16(), expected, "{what}");
    }
    let basic = ingress.request(FLOW).basic_auth("flow", Some(Ingress::FLOW)).body(whole);
    assert_eq!(basic.send().await.expect("an answer").status(), 202, "basic authentication, no content type");
    let receipts = env.vhost.peek("bilag.receipt", 20).await;
    assert_eq!(receipts.len(), 5);
    let packages = env.vhost.peek("bilag.packed", 20).await;
    assert_eq!(packages.len(), 2);
    assert_eq!(packages[0].id(), "packed-73");
    assert_eq!(receipts[2].body, enveloped.to_string().as_bytes(), "the body is published as received");
    let log = ingress.process.log();
    for personal in ["Nordmann", Ingress::FLOW, Ingress::AKINON, "rcpt-1"] {
        assert!(!log.contains(personal), "{personal} in the log:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn repeated_webhooks_complete_once() {
    let mut env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    let ingress = env.ingress().await;
    for _ in 0..3 {
        for number in 1..=3 {
            assert_eq!(ingress.flow(&receipt(number)).await.expect("an answer"), 202);
        }
        assert_eq!(ingress.akinon(&package(73)).await.expect("an answer"), 202);
        assert_eq!(ingress.akinon(&transitioned(73)).await.expect("an answer"), 202);
    }
    // Three receipts in Omnium; the package's in Omnium and written back.
    eventually("all are complete", async || (env.records(State::Complete).await == 5).then_some(())).await;
    let omnium = env.sandbox.omnium.summary();
    assert!(omnium.violations.is_empty(), "{:?}", omnium.violations);
    assert_eq!(omnium.invoices.len(), 4);
    assert_eq!(env.sandbox.invoice_service.summary().violations, []);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unroutable_event_gets_503_and_logs_the_fix() {
    let mut env = TestEnv::new().await;
    let ingress = env.ingress().await;
    assert_eq!(ingress.flow(&receipt(1)).await.expect("an answer"), 503);
    let log = ingress.process.log();
    assert!(log.contains("topology apply") && log.contains("no queue is bound"), "{log}");
    env.ok(&["topology", "apply"]);
    ingress.flow_until_accepted(&receipt(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn continues_the_trace_of_a_webhook() {
    let mut env = declared().await;
    let ingress = env.ingress().await;
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (number, given) in [(1, traceparent), (2, "not-a-trace")] {
        let request = ingress.request(FLOW).bearer_auth(Ingress::FLOW).header("traceparent", given);
        assert_eq!(request.json(&receipt(number)).send().await.expect("an answer").status(), 202);
    }
    let messages = env.vhost.peek("bilag.receipt", 2).await;
    assert_eq!(messages[0].header_text("traceparent").as_deref(), Some(traceparent));
    assert_eq!(messages[0].id(), "evt-1");
    assert_eq!(messages[1].header_text("traceparent"), None);
}

/// Sends the head of a request and the start of its body.
async fn begun(ingress: &Ingress) -> TcpStream {
    let address = ingress.url.strip_prefix("http://").expect("an address");
    let mut stream = TcpStream::connect(address).await.expect("it listens");
    let head = format!(
        "POST {FLOW} HTTP/1.1\r\nhost: tests.example\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{",
        Ingress::FLOW
    );
    stream.write_all(head.as_bytes()).await.expect("it reads");
    stream
}

async fn status_line(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let mut chunk = [0; 1024];
    while !answer.contains(&b'\n') {
        match stream.read(&mut chunk).await.expect("it answers") {
            0 => break,
            read => answer.extend_from_slice(&chunk[..read]),
        }
    }
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stalled_body_times_out_with_503() {
    let mut env = declared().await;
    env.set("BILAG_INGRESS_TIMEOUT", "500ms");
    let ingress = env.ingress().await;
    let slow = begun(&ingress).await;
    assert!(status_line(slow).await.contains(" 503 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn excess_concurrent_webhooks_get_503() {
    let mut env = declared().await;
    env.set("BILAG_INGRESS_MAX_CONCURRENT_REQUESTS", "2");
    env.set("BILAG_INGRESS_TIMEOUT", "10m");
    let ingress = env.ingress().await;
    let slow = [begun(&ingress).await, begun(&ingress).await];
    ingress.in_flight(2).await;
    assert_eq!(ingress.flow(&receipt(1)).await.expect("an answer"), 503);
    drop(slow);
    ingress.flow_until_accepted(&receipt(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_answers_in_flight_webhooks_first() {
    let mut env = declared().await;
    let mut ingress = env.ingress().await;
    let mut stream = begun(&ingress).await;
    ingress.in_flight(1).await;
    ingress.process.terminate();
    eventually("it is stopping", async || ingress.process.log().contains("stopping").then_some(())).await;
    let mut rest = r#""type":"receipt.settled.v1""#.to_owned();
    rest.push_str(&" ".repeat(98 - rest.len()));
    rest.push('}');
    stream.write_all(rest.as_bytes()).await.expect("it still reads");
    assert!(status_line(stream).await.contains(" 202 "), "{}", ingress.process.log());
    let ended = eventually("it ends", async || ingress.process.has_ended()).await;
    assert_eq!(ended.code(), Some(0));
    assert_eq!(env.vhost.peek("bilag.receipt", 5).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_settings_are_one_line_and_exit_2() {
    let mut env = TestEnv::new().await;
    let problem = |env: &TestEnv| {
        let (code, _, error) = exit_output(&env.run(&["ingress", "--ingress-addr", "127.0.0.1:0"]));
        assert_eq!(code, 2, "{error}");
        assert_eq!(error.trim_end().lines().count(), 1, "{error}");
        error
    };
    assert!(problem(&env).contains("BILAG_INGRESS_FLOW_SECRET"));
    env.set("BILAG_INGRESS_FLOW_SECRET", "hush");
    let error = problem(&env);
    assert!(error.contains("BILAG_INGRESS_FLOW_SECRET") && !error.contains("hush"), "{error}");
    env.set("BILAG_INGRESS_FLOW_SECRET", Ingress::FLOW);
    env.set("BILAG_INGRESS_HYDRATE_URL", "till.example");
    assert!(problem(&env).contains("BILAG_INGRESS_HYDRATE_URL"));
    env.unset("BILAG_INGRESS_HYDRATE_URL");
    env.set("BILAG_AMQP_URL", &env.vhost.url.replace("amqp://", "amqp://nobody-"));
    assert!(problem(&env).contains("refuses the login"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn vendor_without_a_secret_has_no_endpoint() {
    let mut env = declared().await;
    let ingress = env.ingress().await;
    env.unset("BILAG_INGRESS_AKINON_SECRET");
    drop(ingress);
    let process = env.start(&["ingress", "--ingress-addr", "127.0.0.1:0"]);
    let url = eventually("it listens", async || {
        let log = process.log();
        let (_, output) = log.split_once("accepting webhooks at ")?;
        output.split_once(": ").map(|(url, _)| url.to_owned())
    })
    .await;
    let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
    let event: Value = package(73);
    let request = client.post(format!("{url}{AKINON}")).bearer_auth(Ingress::AKINON).json(&event);
    assert_eq!(request.send().await.expect("an answer").status(), 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepts_either_secret_during_rotation_but_no_weak_one() {
    const NEW: &str = "flow-secret-to-come";
    let mut env = declared().await;
    let write = |env: &TestEnv, content: &str| env.file("flow.secret", content).display().to_string();
    let file = write(&env, Ingress::FLOW);
    env.set("BILAG_INGRESS_FLOW_SECRET_FILE", &file);
    let ingress = env.ingress_with_settings("127.0.0.1:0").await;
    eventually("it is ready", async || (ingress.ready().await? == 200).then_some(())).await;
    let status = async |secret: &str| {
        let request = ingress.request(FLOW).bearer_auth(secret).json(&receipt(1));
        request.send().await.expect("an answer").status().as_u16()
    };
    let becomes = async |secret: &str, expected: u16| {
        eventually("the file is read", async || (status(secret).await == expected).then_some(())).await;
    };
    assert_eq!((status(Ingress::FLOW).await, status(NEW).await), (202, 401));
    write(&env, &format!("{} {NEW}\n", Ingress::FLOW));
    becomes(NEW, 202).await;
    assert_eq!(status(Ingress::FLOW).await, 202, "the vendor's retries are accepted");
    write(&env, "weak\n");
    let reported = "the webhook secret was changed to an unusable one";
    eventually("the log reports it", async || {
        assert_eq!(status("weak").await, 401);
        ingress.process.log().contains(reported).then_some(())
    })
    .await;
    assert_eq!((status(Ingress::FLOW).await, status(NEW).await, status("weak").await), (202, 202, 401));
    write(&env, NEW);
    becomes(Ingress::FLOW, 401).await;
    assert_eq!(status(NEW).await, 202);
    let log = ingress.process.log();
    assert_eq!(log.matches(reported).count(), 1, "{log}");
    assert!(!log.contains(NEW) && !log.contains(Ingress::FLOW), "{log}");
}
