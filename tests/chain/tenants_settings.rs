//! Settings per tenant (prefix, template, language, `send`, credentials), and unknown tenants.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bilag_tests::{TestEnv, eventually, exit_output};
use receipt_pdf::{Language, Look, Template};
use serde_json::{Value, json};
use sync_store::{Key, State};

use crate::any_version::dead_letter_output::assert_golden;
use crate::tenants::receipt_of;

const FILE: &str = r#"
[tenant.7]
prefix = "nordlys"
language = "nb"

[tenant.8]
language = "sv"
template = "roll-80mm"

[tenant.9]
send = false
"#;

fn with_tenants(mut env: TestEnv, file: &str) -> TestEnv {
    let file = env.file("tenants.toml", file).display().to_string();
    env.set("BILAG_TENANTS", &file);
    env
}

fn look(template: &str, language: Language) -> Look {
    let template = Template::builtin(template).expect("it is built in");
    Look { template, language: Some(language), zone: None }
}

async fn state(env: &TestEnv, tenant: &str, number: u32, wanted: State) {
    let key = Key::new(tenant, format!("rcpt-{number}"));
    eventually(&format!("receipt {key} is {wanted}"), async || {
        let record = env.store().await.record(&key, "omnium").await.expect("the store answers")?;
        (record.state == wanted).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tenant_has_its_prefix_template_and_language() {
    let env = with_tenants(TestEnv::new().await, FILE);
    let _topology = env.ok(&["topology", "apply"]);
    let _consumers = env.consume(&["receipt", "render"]).await;
    let receipts = [receipt_of("7", 7), receipt_of("8", 8)];
    for receipt in &receipts {
        env.publish(receipt).await;
    }
    let rendered = eventually("both are rendered", async || {
        let mut rendered = env.vhost.peek("bilag.upload", 10).await;
        rendered.sort_by_key(|message| message.header_text("x-bilag-tenant"));
        (rendered.len() == 2).then_some(rendered)
    })
    .await;
    let looks = [look("a4", Language::Nb), look("roll-80mm", Language::Sv)];
    for (((message, receipt), look), prefix) in
        rendered.iter().zip(&receipts).zip(looks).zip(["nordlys", "flow"])
    {
        let event: Value = serde_json::from_slice(&message.body).expect("JSON");
        let content = event["pdf"]["content"].as_str().expect("base64");
        let pdf = BASE64_STANDARD.decode(content).expect("base64");
        let settled = events::decode(receipt.to_string().as_bytes()).expect("a receipt");
        assert_eq!(pdf, look.render(&settled, None).expect("a PDF").pdf, "{prefix}");
        let properties = event["invoice"]["properties"].as_array().expect("properties");
        assert!(!properties.is_empty());
        for property in properties {
            let key = property["key"].as_str().expect("a key");
            assert!(key.starts_with(prefix), "{key}");
        }
        // The tools show the same as was sent.
        let file = env.file("receipt.json", receipt.to_string());
        let file = file.display().to_string();
        let mapped: Value = serde_json::from_str(&env.ok(&["map", &file])).expect("JSON");
        assert_eq!(mapped, event["invoice"]);
        let printed = env.run(&["render", &file, "-o", "-"]);
        assert_eq!(printed.stdout, pdf, "{}", String::from_utf8_lossy(&printed.stderr));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_tenant_dies_until_it_is_configured() {
    let env = with_tenants(TestEnv::new().await, FILE);
    let mut all = env.consume(&["all"]).await;
    for (tenant, number) in [("11", 1), ("7", 2), ("9", 3)] {
        env.publish(&receipt_of(tenant, number)).await;
    }
    state(&env, "11", 1, State::Dead).await;
    state(&env, "7", 2, State::Complete).await;
    state(&env, "9", 3, State::Skipped).await;
    let letters = env.dead_letters();
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!((&letters[0]["reason"], &letters[0]["stage"]), (&json!("unknown_tenant"), &json!("receipt")));
    let shown = env.ok(&["dead", "show", letters[0]["id"].as_str().expect("an id")]);
    assert!(
        shown.contains("tenant 11 has no table in") && shown.contains("restart the consumers"),
        "{shown}"
    );
    env.publish(&receipt_of("11", 1)).await;
    env.assert_exactly_once([2]);

    env.file("tenants.toml", format!("{FILE}\n[default]\nprefix = \"others\"\n"));
    all.terminate();
    eventually("it ends", async || all.has_ended()).await;
    let _all = env.consume(&["all"]).await;
    env.ok(&["dead", "redrive", "--reason", "unknown_tenant"]);
    env.complete(2).await;
    env.assert_exactly_once([1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn disabled_tenants_receipts_wait_and_resume() {
    let env = with_tenants(TestEnv::new().await, FILE);
    {
        let _topology = env.ok(&["topology", "apply"]);
        let _first = env.consume(&["receipt", "render"]).await;
        env.publish(&receipt_of("8", 1)).await;
        eventually("it is rendered", async || (env.vhost.ready("bilag.upload").await? == 1).then_some(()))
            .await;
    }
    env.file("tenants.toml", FILE.replace("[tenant.8]", "[tenant.8]\nsend = false"));
    let mut all = env.consume(&["all"]).await;
    env.publish(&receipt_of("7", 2)).await;
    env.complete(1).await;
    state(&env, "8", 1, State::Pending).await;
    assert!(env.dead_letters().is_empty());
    env.assert_exactly_once([2]);
    all.terminate();
    eventually("it ends", async || all.has_ended()).await;

    env.file("tenants.toml", FILE);
    let _all = env.consume(&["all"]).await;
    env.complete(2).await;
    env.assert_exactly_once([1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verify_uses_each_tenants_credentials() {
    const USERS: &str = r#"
[tenant.7]
client-id = {env="SEVEN_ID"}
client-secret = {env="SEVEN_ID"}
[tenant.8]
[tenant.9]
send = false
"#;
    let mut env = with_tenants(TestEnv::new().await, USERS);
    env.set("SEVEN_ID", "user-7");
    let all = env.consume(&["all"]).await;
    env.publish(&receipt_of("7", 1)).await;
    env.publish(&receipt_of("8", 2)).await;
    env.complete(2).await;
    drop(all);
    let before = env.sandbox.omnium.ledger().len();
    let output = env.ok(&["sync", "verify"]);
    assert!(output.contains("2 receipt(s) compared with Omnium: 0 difference(s)"), "{output}");
    let ledger = env.sandbox.omnium.ledger();
    let asked = ledger[before..].iter().filter_map(|entry| {
        Some((entry.about.subject.invoice_id.clone()?, entry.about.subject.client_id.clone()?))
    });
    let mut asked: Vec<_> = asked.collect();
    asked.sort();
    asked.dedup();
    let pair = |invoice: &str, user: &str| (invoice.to_owned(), user.to_owned());
    assert_eq!(asked, [pair("rcpt-1", "user-7"), pair("rcpt-2", "a-client")]);

    env.file("tenants.toml", "[tenant.7]\n");
    let (code, output, _) = exit_output(&env.run(&["sync", "verify"]));
    assert_eq!(code, 3, "nothing differs, and one could not be compared");
    assert!(output.contains("BILAG_TENANTS gives its tenant no API user"), "{output}");
}

#[tokio::test]
async fn invalid_tenants_file_stops_startup_with_its_line() {
    const SECRET: &str = "hunter2-secret";
    let mut env = with_tenants(TestEnv::new().await, "");
    env.set("HUNTER", SECRET);
    env.file("empty.secret", "\n");
    env.file("swedish.toml", "language = \"sv\"\n[[block]]\ntype = \"text\"\ntext = \"Hej\"\n");
    let mut output = String::new();
    for file in [
        "",
        "[tenant.7]\nclient-secret = \"hunter2-secret\"",
        "[tenant.7]\nbase-url = \"omnium\"\nclient-id = { env = \"HUNTER\" }\nclient-secret = { env = \"HUNTER\" }",
        "[tenant.7]\nbase-url = \"https://hunter2-secret@omnium.example\"\nclient-id = { env = \"HUNTER\" }\nclient-secret = { env = \"HUNTER\" }",
        "[tenant.7]\nclient-id = { env = \"HUNTER\" }\nclient-secret = { env = \"NOT_SET\" }",
        "[tenant.7]\nclient-id = { env = \"HUNTER\" }\nclient-secret = { file = \"nowhere.secret\" }",
        "[default]\nclient-id = { env = \"HUNTER\" }\nclient-secret = { file = \"empty.secret\" }",
        "[tenant.7]\ntemplate = \"nowhere.toml\"",
        "[tenant.7]\n\nlanguage = \"de\"",
        "[tenant.7]\ntemplate = \"swedish.toml\"\nlanguage = \"nb\"",
        "[tenant.7\n",
    ] {
        let path = env.file("tenants.toml", file).display().to_string();
        let (code, error) = env.ends(&["consume", "all"]).await;
        assert_eq!((code, error.lines().count()), (2, 1), "{file}: {error}");
        assert!(!error.contains(SECRET), "{error}");
        let folder = path.strip_suffix("tenants.toml").expect("its name");
        output.push_str(&format!("{}\n", error.trim_end().replace(folder, "/etc/bilag/")));
    }
    env.set("BILAG_TENANTS", "/nowhere/tenants.toml");
    let (code, error) = env.ends(&["consume", "all"]).await;
    assert_eq!(code, 2, "{error}");
    output.push_str(&error);
    assert_golden("tenants_files", &output);
}
