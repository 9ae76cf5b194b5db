//! Messages of other publishers: transforms make receipts of them, split batches, and what fails dies with the
//! message as it came and is redriven once the transform is right.

use amqp::header_names as names;
use bilag_tests::{Bilag, TestEnv, eventually, exit_output, sample, sample_path};
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};
use sync_store::State;

/// An order of the web shop in the samples.
fn order(number: u32) -> Value {
    let mut order = sample("transforms/orders/sale.json");
    order["number"] = json!(number);
    order
}

fn filter() -> String {
    std::fs::read_to_string(sample_path("transforms/webshop.jq")).expect("the sample is there")
}

/// An environment with the samples' transforms, whose filter is this.
async fn env_with(filter: &str) -> TestEnv {
    let mut env = TestEnv::new().await;
    let transforms = std::fs::read(sample_path("transforms/transforms.toml")).expect("the sample is there");
    let transforms = env.file("transforms.toml", transforms);
    env.file("webshop.jq", filter);
    env.set("BILAG_TRANSFORMS", &transforms.display().to_string());
    env.set("BILAG_RECEIPT_KEYS", "receipt.settled.v1,shop.#");
    env
}

async fn publish(env: &TestEnv, key: &str, body: &str) {
    env.publish_to("events", key, body.as_bytes(), BasicProperties::default()).await;
}

fn show(env: &TestEnv, letter: &Value) -> Value {
    let id = letter["id"].as_str().expect("an id");
    serde_json::from_str(&env.ok(&["dead", "show", id, "--json"])).expect("JSON")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn transformed_order_becomes_an_invoice_and_others_are_read_as_they_come() {
    let env = env_with(&filter()).await;
    let _all = env.consume(&["all"]).await;
    publish(&env, "shop.order.paid", &order(1).to_string()).await;
    env.publish(&bilag_tests::receipt(2)).await;
    let mut cancelled = order(3);
    cancelled["status"] = json!("cancelled");
    publish(&env, "shop.order.paid", &cancelled.to_string()).await;
    env.wait_until_complete(2).await;
    env.assert_exactly_once(1..=2);
    assert!(env.dead_letters().is_empty());
    let key = sync_store::Key { tenant_uid: "7".to_owned(), receipt_uid: "rcpt-1".to_owned() };
    let kept = env.store().await.receipt(&key).await.expect("asked").expect("it is kept");
    let kept: Value = serde_json::from_slice(&kept.body).expect("JSON");
    assert_eq!(kept["orderReceipt"]["settledAt"], "2026-11-02T10:15:42+01:00");
    assert_eq!(kept["orderReceipt"]["orderTotals"], json!({ "grandTotal": 383_650, "vatTotal": 76_189 }));
    eventually("the cancelled order is acked", async || {
        (env.vhost.ready("bilag.receipt").await == Some(0)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batch_is_split_and_its_broken_event_dies_alone() {
    let env = env_with(&filter()).await;
    let _all = env.consume(&["all"]).await;
    let mut broken = order(2);
    broken["lines"][1]["vat_percent"] = json!("Kari");
    let items = json!({ "items": [order(1), broken, order(3)] }).to_string();
    publish(&env, "shop.orders.paid", &items).await;
    // The same again, as after a lost connection, makes no second invoice.
    publish(&env, "shop.orders.paid", &json!([order(1), order(3)]).to_string()).await;
    let lines = format!("{}\n{{\"number\": 5,\n{}\n", order(4), order(6));
    publish(&env, "shop.orders.paid", &lines).await;
    env.wait_until_complete(4).await;
    let letters = env.wait_for_dead_letters(2).await;
    env.assert_exactly_once([1, 3, 4, 6]);
    let mut seen = Vec::new();
    for letter in &letters {
        let shown = show(&env, letter);
        assert_eq!(letter["reason"], "transform_failed");
        assert_eq!(shown["headers"][names::SOURCE_KEY], "shop.orders.paid");
        assert_eq!(shown["headers"][names::OPENED], "1");
        seen.push((
            shown["error"].as_str().expect("an error").to_owned(),
            shown["body"].as_str().expect("a body").to_owned(),
        ));
    }
    seen.sort();
    let (error, body) = &seen[0];
    assert!(error.contains("transform `webshop-batch`: the body is not JSON"), "{error}");
    assert_eq!(body, "{\"number\": 5,");
    let (error, body) = &seen[1];
    assert!(error.contains("cannot use the string at lines[1].vat_percent as a number"), "{error}");
    assert!(!error.contains("Kari"), "{error}");
    assert_eq!(serde_json::from_str::<Value>(body).expect("the source"), broken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redriving_after_a_fixed_transform_works() {
    let env = env_with(&filter().replace(".vat_percent | hundredths", ".vat | hundredths")).await;
    let _all = env.consume(&["all"]).await;
    let mut headers = FieldTable::default();
    headers.insert("tenant".into(), AMQPValue::LongString("7".into()));
    let source = order(1).to_string();
    let properties = BasicProperties::default().with_headers(headers).with_type("OrderPaid".into());
    env.publish_to("events", "shop.order.paid", source.as_bytes(), properties).await;
    let letter = env.wait_for_dead_letters(1).await.remove(0);
    assert_eq!(letter["reason"], "invalid_event");
    let shown = show(&env, &letter);
    assert_eq!(shown["receipt"], "rcpt-1", "it is found by what the transform made");
    let error = shown["error"].as_str().expect("an error");
    let expected = "orderReceipt.items[0].vatRate: expected";
    assert!(
        error.contains("transform `webshop` makes an event that is wrong") && error.contains(expected),
        "{error}"
    );
    assert!(error.contains("(made from lines[0].vat of the message)"), "{error}");
    let kept = env.vhost.peek("bilag.receipt.dead", 1).await.remove(0);
    assert_eq!(kept.body, source.as_bytes(), "the message as it came");
    let shown_body: Value = serde_json::from_str(shown["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(shown_body, order(1));
    for (name, value) in [
        (names::SOURCE_KEY, "shop.order.paid"),
        (names::SOURCE_TYPE, "OrderPaid"),
        (names::SOURCE_TENANT, "7"),
    ] {
        assert_eq!(shown["headers"][name], value);
    }
    assert_eq!(shown["transformed"]["transform"], "webshop");
    let event = |shown: &Value| -> Value {
        serde_json::from_str(shown["transformed"]["event"].as_str().expect("an event")).expect("JSON")
    };
    assert_eq!(event(&shown)["orderReceipt"]["items"][0]["vatRate"], 69_980);

    let console = env.console(&[]).await;
    let page = console.at(&format!("/letters/{}", letter["id"].as_str().expect("an id")));
    let on_page = async || {
        let page = reqwest::get(&page).await.expect("an answer").text().await.expect("a text");
        let (_, section) = page.split_once("id=\"transformed\"").expect("a section");
        section.split("</section>").next().unwrap_or_default().to_owned()
    };
    let section = on_page().await;
    assert!(section.contains("<code>webshop</code>, as it is now"), "{section}");
    assert!(section.contains("&quot;vatRate&quot;: 69980"), "{section}");

    env.file("webshop.jq", filter());
    assert_eq!(event(&show(&env, &letter))["orderReceipt"]["items"][0]["vatRate"], 2_500, "as it is now");
    eventually("so does the console", async || on_page().await.contains("vatRate&quot;: 2500").then_some(()))
        .await;
    // The consumers look at the file once a second: a letter that came back too early is redriven again.
    eventually("it is redriven and completes", async || {
        if let Some(letter) = env.dead_letters().pop() {
            exit_output(&env.run(&["dead", "redrive", letter["id"].as_str().expect("an id")]));
        }
        (env.records(State::Complete).await == 1).then_some(())
    })
    .await;
    env.assert_exactly_once(1..=1);
    assert!(env.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edited_source_is_checked_through_the_transform() {
    let env = env_with(&filter()).await;
    let all = env.consume(&["all"]).await;
    let mut broken = order(1);
    broken["total"] = json!("a lot");
    publish(&env, "shop.order.paid", &broken.to_string()).await;
    let letter = env.wait_for_dead_letters(1).await.remove(0);
    drop(all);
    let id = letter["id"].as_str().expect("an id");
    let edit = |body: &Value| env.edit(id, &body.to_string());
    let mut still_broken = order(1);
    still_broken["lines"][0]["amount"] = Value::Null;
    let (code, _, problem) = edit(&still_broken);
    assert_eq!(code, 1);
    assert!(problem.contains("cannot use null at lines[0].amount as a number"), "{problem}");
    let (code, _, problem) = edit(&json!({ "status": "cancelled" }));
    assert_eq!(code, 1);
    assert!(problem.contains("the transform makes no event of it"), "{problem}");
    let (code, _, problem) = edit(&order(1));
    assert_eq!(code, 0, "{problem}");
    let _all = env.consume(&["all"]).await;
    env.wait_until_complete(1).await;
    env.assert_exactly_once(1..=1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn envelopes_of_other_systems_are_unwrapped() {
    let mut env = TestEnv::new().await;
    let entry =
        |name: &str| format!("[[transform]]\nname = \"{name}\"\nkey = \"{name}\"\nunwrap = [\"{name}\"]\n");
    let transforms = ["masstransit", "debezium", "batch"].map(entry).concat();
    let transforms = env.file("transforms.toml", transforms);
    env.set("BILAG_TRANSFORMS", &transforms.display().to_string());
    env.set("BILAG_RECEIPT_KEYS", "masstransit,debezium,batch");
    let _all = env.consume(&["all"]).await;
    for (key, file) in
        [("masstransit", "masstransit.json"), ("debezium", "debezium-outbox.json"), ("batch", "ndjson.jsonl")]
    {
        let body = std::fs::read(sample_path("foreign").join(file)).expect("the sample is there");
        env.publish_to("events", key, &body, BasicProperties::default()).await;
    }
    env.wait_until_complete(4).await;
    assert!(env.dead_letters().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_names_transforms_that_no_message_reaches() {
    let mut env = env_with(&filter()).await;
    let looked = |env: &TestEnv| exit_output(&env.run(&["doctor", "receipt"])).1;
    let all_reached = looked(&env);
    assert!(
        all_reached.lines().any(|line| line.starts_with("ok    transforms        2 in ")),
        "{all_reached}"
    );
    assert!(!all_reached.contains("no message reaches"), "{all_reached}");
    env.set("BILAG_RECEIPT_KEYS", "receipt.settled.v1,shop.orders.#");
    let one_is_not = looked(&env);
    let expected = "no message reaches transform webshop: bilag.receipt is not bound to its key";
    assert!(one_is_not.contains(expected), "{one_is_not}");
    assert!(one_is_not.contains("add the key to BILAG_RECEIPT_KEYS"), "{one_is_not}");
    assert!(!one_is_not.contains("reaches transform webshop-batch"), "{one_is_not}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_shows_the_event_after_each_save() {
    let env = env_with(&filter()).await;
    let sample = sample_path("transforms/orders/sale.json").display().to_string();
    let mut watching = env.start(&["transform", "--watch", &sample]);
    let shown = async |watching: &Bilag, what: &str, count: usize| {
        eventually(&format!("it shows {what}"), async || {
            (watching.log().matches(what).count() == count).then_some(())
        })
        .await;
    };
    shown(&watching, "\"grandTotal\": 383650", 1).await;
    env.file("webshop.jq", "{");
    shown(&watching, "webshop.jq:1: expected closing brace", 2).await;
    env.file("webshop.jq", "\n[");
    shown(&watching, "webshop.jq:2: expected closing bracket", 2).await;
    env.file("webshop.jq", filter() + "\n");
    shown(&watching, "\"grandTotal\": 383650", 2).await;
    watching.terminate();
    let ended = eventually("it ends", async || watching.has_ended()).await;
    assert!(ended.success(), "{ended}");
    assert_eq!(watching.log().matches("grandTotal").count(), 2, "only when a file changes");
}

#[test]
fn samples_are_checked_with_a_line_each() {
    let env = tempfile::tempdir().expect("a folder");
    let bilag = |arguments: &[&str]| {
        let ran = std::process::Command::new(bilag_tests::binary())
            .args(arguments)
            .current_dir(sample_path("transforms"))
            .env("BILAG_TRANSFORMS", "transforms.toml")
            .output();
        exit_output(&ran.expect("it runs"))
    };
    let (code, output, problem) = bilag(&["transform", "--check", "orders"]);
    assert_eq!((code, problem.as_str()), (0, ""));
    assert_eq!(
        output,
        "orders/cancelled.json: no event, by transform webshop\n\
         orders/refund.json: receipt.settled.v1, by transform webshop\n\
         orders/sale.json: receipt.settled.v1, by transform webshop\n"
    );
    let broken = env.path().join("broken.json");
    std::fs::write(&broken, r#"{"status": "paid", "paid_at": "yesterday"}"#).expect("written");
    let broken = broken.display().to_string();
    let (code, output, problem) = bilag(&["transform", "--check", &broken, "orders/sale.json"]);
    assert_eq!(code, 1);
    assert!(output.contains("the filter fails: cannot use the string at paid_at as a time"), "{output}");
    assert!(problem.contains("1 of 2 messages are wrong"), "{problem}");
    let mistyped = env.path().join("mistyped.toml");
    let filter =
        r#". * {typo: 1} | .orderReceipt.items[].colour = "red" | .orderReceipt.vouchernumber = "1""#;
    std::fs::write(&mistyped, format!("[[transform]]\nname = \"typo\"\nfilter = '{filter}'\n"))
        .expect("written");
    let (mistyped, receipt) = (mistyped.display().to_string(), sample_path("receipt-standard.json"));
    let receipt = receipt.display().to_string();
    let (code, output, _) = bilag(&["transform", "--transforms", &mistyped, "--check", &receipt]);
    let unread = "nothing reads orderReceipt.items[].colour, orderReceipt.vouchernumber, typo";
    assert_eq!((code, output), (0, format!("{receipt}: receipt.settled.v1, by transform typo; {unread}\n")));
    let packages = env.path().join("packages.toml");
    let entry = "[[transform]]\nname = \"p\"\nmakes = \"package.status.packed\"\nfilter = '.payload.colour = 1 | .typo = 1'\n";
    std::fs::write(&packages, entry).expect("written");
    let (packages, packed) = (packages.display().to_string(), sample_path("package-packed.json"));
    let packed = packed.display().to_string();
    let (_, output, _) = bilag(&["transform", "--transforms", &packages, "--check", &packed]);
    assert_eq!(output, format!("{packed}: package.status.packed, by transform p; nothing reads typo\n"));
    let (code, output, _) = bilag(&["transform", "orders/sale.json", "--key", "shop.order.paid"]);
    assert_eq!(code, 0);
    let event: Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(event["orderReceipt"]["orderTotals"]["grandTotal"], 383_650);
    let (code, _, problem) = bilag(&["transform", "orders/sale.json", "--key", "shop.order.sent"]);
    assert_eq!(code, 1);
    assert!(problem.contains("no transform is for this key, type and tenant"), "{problem}");
}
