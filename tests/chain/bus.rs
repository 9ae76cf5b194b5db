//! The user's bus: what Bilag requires of its exchange, broker and keys, and the error where a
//! requirement is not met.

use bilag_tests::{TestEnv, eventually, exit_output, receipt};
use lapin::BasicProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use serde_json::{Value, json};
use sync_store::State;

fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

#[tokio::test]
async fn missing_bus_is_reported_with_its_variable_not_declared() {
    let mut env = TestEnv::new().await;
    env.set("BILAG_BUS_EXCHANGE", "till-events");
    let missing = "exchange \"till-events\" does not exist at the broker";
    for arguments in [&["consume", "receipt"][..], &["consume", "all"], &["topology", "apply"]] {
        let (code, log) = env.ends(arguments).await;
        let line = last_line(&log);
        assert_eq!(code, 1, "{arguments:?}: {log}");
        assert!(line.starts_with("error: ") && line.contains(missing), "{line}");
        assert!(line.contains("set BILAG_BUS_EXCHANGE"), "{line}");
    }
    let (code, differences, _) = exit_output(&env.run(&["topology", "check"]));
    assert_eq!(code, 1);
    assert!(differences.contains("exchange till-events: missing; it is the bus"), "{differences}");

    let exchanges = env.vhost.get("exchanges/{vhost}").await;
    let names = exchanges.as_array().expect("exchanges").iter().map(|exchange| &exchange["name"]);
    assert!(!names.clone().any(|name| name == "till-events"), "{:?}", names.collect::<Vec<_>>());
}

#[tokio::test]
async fn broker_connection_errors_omit_the_password() {
    let mut env = TestEnv::new().await;
    let right = env.vhost.url.clone();
    for (url, says) in [
        (right.replace(":guest@", ":open-sesame@"), "refuses the login: check user and password"),
        (format!("{right}-elsewhere"), "refuses the vhost: it does not exist"),
        ("amqp://guest:open-sesame@127.0.0.1:1/%2f".to_owned(), "cannot be reached"),
        (right.replace("amqp://", "amqps://"), "check that this port speaks TLS"),
    ] {
        env.set("BILAG_AMQP_URL", &url);
        let (code, _, error) = exit_output(&env.run(&["topology", "check"]));
        assert_eq!(code, 1, "{error}");
        assert!(error.starts_with("error: ") && error.contains(says), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(!error.contains("open-sesame"), "{error}");
    }
    env.set("BILAG_AMQP_URL", &right.replace(":guest@", ":open-sesame@"));
    let (code, log) = env.ends(&["consume", "render"]).await;
    assert_eq!(code, 1);
    assert!(last_line(&log).contains("refuses the login") && !log.contains("open-sesame"), "{log}");
}

#[tokio::test]
async fn bus_that_ignores_keys_is_rejected_before_binding() {
    let mut env = TestEnv::new().await;
    let management = env.vhost.management.clone();
    for (kind, keys, says) in [
        ("fanout", "receipt.settled.v1", "keys are ignored there"),
        ("headers", "receipt.settled.v1", "keys are ignored there"),
        ("direct", "receipt.settled.*", "* and # in a key stand for themselves there"),
    ] {
        let bus = format!("a-{kind}");
        let exchange = json!({ "type": kind, "durable": true });
        env.vhost.put(&format!("exchanges/{{vhost}}/{bus}"), exchange).await;
        env.set("BILAG_BUS_EXCHANGE", &bus);
        env.set("BILAG_RECEIPT_KEYS", keys);
        let expected = format!("is of type {kind}: {says}");
        for arguments in [&["consume", "receipt"][..], &["consume", "all"], &["topology", "apply"]] {
            let (code, log) = env.ends(arguments).await;
            assert_eq!(code, 1, "{arguments:?}: {log}");
            assert!(last_line(&log).contains(&expected), "{arguments:?}: {log}");
        }
        for arguments in [&["topology", "check"][..], &["topology", "check", "--management-url", &management]]
        {
            let (code, differences, _) = exit_output(&env.run(arguments));
            assert_eq!(code, 1);
            assert!(differences.contains(&format!("exchange {bus}: {expected}")), "{differences}");
        }
        let (code, findings, _) = exit_output(&env.run(&["doctor"]));
        assert!(code == 1 && findings.contains(&expected), "{findings}");
        let bound = env.vhost.get(&format!("exchanges/{{vhost}}/{bus}/bindings/source")).await;
        assert_eq!(bound, json!([]), "{kind}");
    }
}

#[tokio::test]
async fn rejects_keys_that_no_event_can_have() {
    let mut env = TestEnv::new().await;
    for (name, keys, says) in [
        ("BILAG_RECEIPT_KEYS", "", "a key is empty"),
        ("BILAG_RECEIPT_KEYS", "receipt.settled.v1,,", "a key is empty"),
        ("BILAG_PACKED_KEYS", " , ", "a key is empty"),
        ("BILAG_PACKED_KEYS", "package.a package.b", "separate keys with commas"),
    ] {
        env.set(name, keys);
        let (code, _, error) = exit_output(&env.run(&["topology", "check"]));
        assert!(code == 2 && error.contains(says), "{keys:?}: {code} {error}");
        env.unset(name);
    }
}

#[tokio::test]
async fn accepts_any_exchange_and_keys_as_the_bus() {
    let mut env = TestEnv::new().await;
    env.vhost.put("exchanges/{vhost}/till-events", json!({ "type": "topic", "durable": true })).await;
    env.set("BILAG_BUS_EXCHANGE", "till-events");
    env.set("BILAG_RECEIPT_KEYS", " shop.*.receipt, till.# ,receipt.settled.v1\n");
    let _all = env.consume(&["all"]).await;
    let keys = ["shop.oslo.receipt", "till", "till.4.receipt.settled", "receipt.settled.v1"];
    for (number, key) in (1..).zip(keys) {
        let event = receipt(number).to_string();
        env.publish_to("till-events", key, event.as_bytes(), BasicProperties::default()).await;
    }
    eventually("a receipt of each key is complete", async || {
        (env.records(State::Complete).await == 4).then_some(())
    })
    .await;

    let file = env.file("receipt.json", receipt(5).to_string());
    let file = file.to_str().expect("a path");
    let (code, _, error) = exit_output(&env.run(&["publish", file, "--key", "shop.oslo.return"]));
    assert_eq!(code, 1);
    assert!(
        error.contains("no queue is bound to exchange \"till-events\" with key \"shop.oslo.return\""),
        "{error}"
    );
}

#[tokio::test]
async fn queue_with_other_arguments_is_reported_and_left_alone() {
    let env = TestEnv::new().await;
    let channel = env.vhost.channel().await;
    let options = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare("bilag.render".into(), options, FieldTable::default()).await.expect("declared");

    let (code, log) = env.ends(&["consume", "render"]).await;
    assert_eq!(code, 1);
    let line = last_line(&log);
    assert!(line.contains("queue bilag.render exists with other arguments"), "{line}");
    assert!(line.contains("`bilag topology check` names the differences"), "{line}");
    let queue = env.vhost.get("queues/{vhost}/bilag.render").await;
    assert_eq!(queue["type"], "classic");
}

#[tokio::test]
async fn declares_only_queues_of_enabled_stages() {
    let env = TestEnv::new().await;
    let render = env.consume(&["render"]).await;
    let retry_queues = ["300ms", "600ms", "1s", "2s"].map(|delay| format!("bilag.render.retry.{delay}"));
    let mut expected =
        ["bilag.render", "bilag.render.dead", "bilag.render.discarded"].map(str::to_owned).to_vec();
    expected.extend(retry_queues);
    expected.sort();
    assert_eq!(env.vhost.queues().await, expected);
    drop(render);

    let output = env.ok(&["topology", "apply", "render", "upload"]);
    assert!(output.starts_with("declared and bound 14 queues at 127.0.0.1:"), "{output}");
    assert_eq!(env.vhost.queues().await.len(), 14);
}

#[tokio::test]
async fn applying_the_topology_is_idempotent() {
    let env = TestEnv::new().await;
    let first = env.ok(&["topology", "apply"]);
    let (queues, bindings) = (env.vhost.queues().await, bindings(&env).await);
    assert_eq!(env.ok(&["topology", "apply"]), first);
    assert_eq!((env.vhost.queues().await, self::bindings(&env).await), (queues, bindings));
    let applied: Value = serde_json::from_str(&env.ok(&["topology", "apply", "--json"])).expect("JSON");
    assert_eq!(applied["queues"].as_array().map(Vec::len), Some(28));
}

async fn bindings(env: &TestEnv) -> Vec<String> {
    let bindings = env.vhost.get("bindings/{vhost}").await;
    let mut texts: Vec<_> = bindings.as_array().expect("bindings").iter().map(Value::to_string).collect();
    texts.sort();
    texts
}
