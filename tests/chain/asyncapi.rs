//! `schemas/asyncapi.yaml` matches the topology and the events.

use bilag_tests::TestEnv;
use serde_json::Value;

#[tokio::test]
async fn committed_document_matches_the_topology() {
    let mut env = TestEnv::new().await;
    env.unset("BILAG_RETRY_DELAYS");
    // The document names the default vhost, not the test's.
    env.set("BILAG_AMQP_URL", "amqp://127.0.0.1/%2f");
    let generated = env.ok(&["topology", "asyncapi"]);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/asyncapi.yaml");
    let committed = std::fs::read_to_string(path).expect("it is there");
    assert!(committed == generated, "schemas/asyncapi.yaml differs from the topology: run make generate");
}

#[tokio::test]
async fn describes_every_queue_key_and_header() {
    let env = TestEnv::new().await;
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&env.ok(arguments)).expect("JSON") };
    let document = json(&["topology", "asyncapi", "--json"]);
    let stages: Vec<_> =
        ["hydrate", "packed", "receipt", "render", "upload", "writeback", "erp", "dead"].to_vec();
    let definitions = json(&[&["topology", "export"], &stages[..]].concat());
    let bindings = definitions["bindings"].as_array().expect("bindings");
    let documented = |exchange: &Value, key: &Value| {
        document["channels"].as_object().expect("channels").values().any(|channel| {
            channel["bindings"]["amqp"]["exchange"]["name"] == *exchange && channel["address"] == *key
        })
    };
    let mut seen = 0;
    for binding in bindings
        .iter()
        .filter(|binding| binding["source"] != "bilag.retry" && binding["source"] != "bilag.requeue")
    {
        let key = binding["routing_key"].as_str().expect("a key");
        if !key.ends_with(".discarded") {
            assert!(documented(&binding["source"], &binding["routing_key"]), "{binding}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{definitions}");
    for stage in &stages {
        assert!(document["channels"][format!("bilag.{stage}")].is_object(), "{stage}");
        assert_eq!(document["operations"][format!("{stage}.receive")]["action"], "receive", "{stage}");
    }
    // Every internal event that the chain consumes has a sender.
    for binding in bindings.iter().filter(|binding| binding["source"] == "bilag") {
        let reference = format!("#/channels/bilag.key.{}", binding["routing_key"].as_str().expect("a key"));
        let operations = document["operations"].as_object().expect("operations");
        let sent =
            |operation: &Value| operation["action"] == "send" && operation["channel"]["$ref"] == *reference;
        assert!(operations.values().any(sent), "no operation sends {reference}");
    }
}
