//! `bilag topology check` and `export`: each difference is reported, and a broker set up
//! from the export has none.

use bilag_tests::{TestEnv, eventually, exit_output};
use lapin::options::{QueueBindOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use serde_json::{Value, json};

/// The output of `topology check`, with or without the management API.
fn differences(env: &TestEnv, with_management: bool) -> (i32, Vec<String>) {
    let mut arguments = vec!["topology", "check"];
    if with_management {
        arguments.extend(["--management-url", &env.vhost.management]);
    }
    let (code, printed, _) = exit_output(&env.run(&arguments));
    (code, printed.lines().map(str::to_owned).collect())
}

#[tokio::test]
async fn matching_broker_exits_0() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let (code, printed) = differences(&env, true);
    assert_eq!((code, printed.len()), (0, 1), "{printed:?}");
    assert!(printed[0].starts_with("no differences at 127.0.0.1:"), "{printed:?}");

    let (code, printed) = differences(&env, false);
    assert_eq!(code, 0);
    assert_eq!(
        printed[0],
        "bindings and policies were not compared, because AMQP cannot list them: set BILAG_MANAGEMENT_URL"
    );
}

#[tokio::test]
async fn every_difference_is_reported_with_its_fix() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    let channel = env.vhost.channel().await;
    let delete = |queue: &'static str| channel.queue_delete(queue.into(), QueueDeleteOptions::default());
    delete("bilag.render.dead").await.expect("deleted");
    delete("bilag.receipt.discarded").await.expect("deleted");
    let shorter = json!({ "durable": true, "arguments": {
        "x-queue-type": "quorum", "x-message-ttl": 7, "x-max-length": 9 } });
    env.vhost.put("queues/{vhost}/bilag.receipt.discarded", shorter).await;
    let none = FieldTable::default;
    channel
        .queue_unbind("bilag.upload".into(), "bilag".into(), "invoice.rendered.v1.omnium".into(), none())
        .await
        .expect("unbound");
    channel
        .queue_bind("bilag.receipt".into(), "events".into(), "#".into(), QueueBindOptions::default(), none())
        .await
        .expect("bound");

    let (code, printed) = differences(&env, false);
    assert_eq!(code, 1);
    let missing = "queue bilag.render.dead: missing; `bilag topology apply` declares it";
    assert_eq!(printed[1], missing, "{printed:#?}");
    assert!(printed[0].starts_with("queue bilag.receipt.discarded: "), "{printed:#?}");
    assert!(printed[0].contains("inequivalent arg"), "{printed:#?}");

    let (code, printed) = differences(&env, true);
    assert_eq!(code, 1);
    let expected = [
        "queue bilag.receipt: bound to events with #, which is none of ours; unbind it",
        "queue bilag.receipt.discarded: argument x-delivery-limit is missing, should be 2147483647; empty it, delete it and apply again",
        "queue bilag.receipt.discarded: argument x-message-ttl is 7, should be 2592000000; empty it, delete it and apply again",
        "queue bilag.receipt.discarded: argument x-max-length is 9, should not be set; empty it, delete it and apply again",
        "queue bilag.receipt.discarded: not bound to bilag.dead with receipt.discarded; `bilag topology apply` binds it",
        missing,
        "queue bilag.upload: not bound to bilag with invoice.rendered.v1.omnium; `bilag topology apply` binds it",
    ];
    assert_eq!(printed, expected);

    let (code, printed, _) = exit_output(&env.run(&["topology", "check", "--json"]));
    let found: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!((code, &found["differences"][1]["what"]), (1, &json!("queue bilag.render.dead")));
}

#[tokio::test]
async fn policy_that_loses_messages_is_reported() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply", "render"]);
    let policy = json!({ "pattern": ".*", "apply-to": "queues",
                         "definition": { "max-length": 1000, "message-ttl": 86_400_000 } });
    env.vhost.put("policies/{vhost}/everything", policy).await;
    let expected = "queue bilag.render.dead: policy \"everything\" sets max-length to 1000; \
                    narrow its pattern so that it spares ^bilag";
    eventually("the policy is reported", async || {
        let arguments = ["topology", "check", "render", "--management-url", &env.vhost.management];
        let (code, printed, _) = exit_output(&env.run(&arguments));
        (code == 1 && printed.lines().any(|line| line == expected)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn usage_errors_exit_2() {
    let env = TestEnv::new().await;
    for arguments in
        [&["topology", "check", "invoices"][..], &["topology", "check", "--retry-delays", "soon"]]
    {
        let (code, _, error) = exit_output(&env.run(arguments));
        assert_eq!((code, error.lines().count()), (2, 1), "{error}");
    }
    let (code, _, error) =
        exit_output(&env.run(&["topology", "check", "--management-url", "http://127.0.0.1:1"]));
    assert_eq!(code, 1);
    assert!(error.contains("did not answer: check BILAG_MANAGEMENT_URL"), "{error}");
}

#[tokio::test]
async fn broker_set_up_from_the_export_matches() {
    let env = TestEnv::new().await;
    let exported: Value = serde_json::from_str(&env.ok(&["topology", "export"])).expect("JSON");
    env.vhost.post("definitions/{vhost}", exported).await;
    let (code, printed) = differences(&env, true);
    assert_eq!(code, 0, "{printed:#?}");
}
