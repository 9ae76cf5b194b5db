//! `bilag doctor`: no problems, or each fault with its fix.

use bilag_tests::{TestEnv, exit_output};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};

/// A healthy environment.
async fn healthy_env() -> TestEnv {
    let mut env = TestEnv::new().await;
    let management = env.vhost.management.clone();
    env.set("BILAG_MANAGEMENT_URL", &management);
    env.ok(&["topology", "apply"]);
    env.ok(&["sync", "migrate"]);
    env
}

/// Failed checks: subject, finding and fix.
fn faults(env: &TestEnv) -> Vec<(String, String, String)> {
    let (code, printed, error) = exit_output(&env.run(&["doctor", "--json"]));
    let found: Value = serde_json::from_str(&printed).expect("JSON");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let faults: Vec<_> = found["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|check| check["level"] == "fail")
        .map(|check| (text(&check["what"]), text(&check["told"]), text(&check["mend"])))
        .collect();
    assert_eq!(code, i32::from(!faults.is_empty()), "{printed}{error}");
    assert_eq!(found["failed"], faults.len());
    faults
}

/// The only failed check.
fn only_fault(env: &TestEnv) -> (String, String, String) {
    let mut faults = faults(env);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_deployment_passes_and_nothing_is_left_behind() {
    let env = healthy_env().await;
    let queues = env.vhost.queues().await;
    let printed = env.ok(&["doctor"]);
    let lines: Vec<_> = printed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    for (line, expected) in lines.iter().zip([
        "ok stages receipt, render, upload, dead",
        "warn stages hydrate is not in use",
        "FLOW_API_TOKEN is not set",
        "warn stages packed is not in use",
        "INVOICE_SERVICE_URL is not set",
        "warn stages writeback is not in use",
        "OMS_BASE_URL is not set",
        "warn stages erp is not in use",
        "ERP_INVOICE_URL is not set",
        "ok broker 127.0.0.1:",
        "ok rights may access the exchange \"events\"",
        "ok rights may declare queues",
        "ok rights may bind a queue to the exchange \"events\"",
        "ok rights may consume from queues",
        "ok rights may publish to the exchange \"bilag\"",
        "ok topology matches, compared with bindings and policies",
        "ok store sqlite:///",
        "ok store can be written",
        "ok clock the clocks of the store and this machine agree",
        "ok render the template: a4 is valid",
        "ok upload Omnium: a token is granted, and invoices are readable",
        "no problems found, 4 warning(s)",
    ]) {
        assert!(line.starts_with(expected), "{line} is not {expected}\n{printed}");
    }
    assert_eq!(lines.len(), 22, "{printed}");
    assert_eq!(env.vhost.queues().await, queues);
    assert!(env.sandbox.omnium.ledger().iter().all(|entry| matches!(entry.call, Call::Token | Call::Get)));
    assert!(env.ok(&["sync", "list"]).starts_with("no receipts in"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reaches_package_services_without_requesting_anything() {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    env.ok(&["topology", "apply"]);
    env.ok(&["sync", "migrate"]);
    assert_eq!(faults(&env), []);
    assert!(env.sandbox.invoice_service.ledger().is_empty());
    assert!(env.sandbox.oms.ledger().is_empty() && env.sandbox.erp.ledger().is_empty());
    env.set("ERP_INVOICE_URL", "http://127.0.0.1:1/erp");
    let (what, reported, _) = only_fault(&env);
    assert_eq!(what, "erp");
    assert!(reported.starts_with("the ERP cannot be reached; check ERP_INVOICE_URL"), "{reported}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_warns_before_the_first_start() {
    let mut env = TestEnv::new().await;
    env.set("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "false");
    let printed = env.ok(&["doctor"]);
    for expected in [
        "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false",
        "has no tables yet",
        "are not declared yet",
        "not tried: publish to the exchange \"bilag\"",
    ] {
        assert!(printed.contains(expected), "{expected}\n{printed}");
    }
    assert!(env.sandbox.omnium.ledger().is_empty(), "Omnium is not in use");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_faults_are_reported_with_their_fix() {
    let mut env = healthy_env().await;
    let url = env.vhost.url.clone();
    env.set("BILAG_BUS_EXCHANGE", "evnets");
    let (what, reported, fix) = only_fault(&env);
    assert_eq!(
        (&*what, &*reported),
        ("rights", "could not access the exchange \"evnets\": it does not exist")
    );
    assert!(fix.starts_with("set BILAG_BUS_EXCHANGE"), "{fix}");
    env.set("BILAG_BUS_EXCHANGE", "events");

    let (_, host) = url.rsplit_once('@').expect("a login");
    env.set("BILAG_AMQP_URL", &format!("amqp://nobody:wrong@{host}"));
    let (what, reported, fix) = only_fault(&env);
    assert!(what == "broker" && reported.contains("refuses the login"), "{reported}");
    assert!(!reported.contains("wrong") && fix.contains("BILAG_AMQP_URL"), "{reported} {fix}");

    env.set("BILAG_AMQP_URL", &format!("{url}-elsewhere"));
    let (what, reported, _) = only_fault(&env);
    assert!(what == "broker" && reported.contains("refuses the vhost: it does not exist"), "{reported}");

    env.set("BILAG_AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f");
    let (what, reported, _) = only_fault(&env);
    assert!(what == "broker" && reported.contains("cannot be reached"), "{reported}");

    let narrow = env.vhost.user("a-password").await;
    let (_, rest) = narrow.split_once("://").expect("a URL");
    let (name, _) = rest.split_once(':').expect("a login");
    let ours = "^bilag(\\..*)?$";
    let rights = json!({ "configure": ours, "write": ours, "read": ours });
    env.vhost.put(&format!("permissions/{{vhost}}/{name}"), rights).await;
    env.set("BILAG_AMQP_URL", &narrow);
    let (what, reported, fix) = only_fault(&env);
    assert_eq!((&*what, &*reported), ("rights", "may not bind a queue to the exchange \"events\""));
    assert_eq!(fix, "give BILAG_AMQP_URL's user write on ^bilag, and read on \"events\"");
    let rights = json!({ "configure": "", "write": "", "read": "" });
    env.vhost.put(&format!("permissions/{{vhost}}/{name}"), rights).await;
    let reported: Vec<_> = faults(&env).into_iter().map(|(_, reported, _)| reported).collect();
    assert_eq!(reported, ["may not declare queues", "may not publish to the exchange \"bilag\""]);
}

/// The URL is reported as wrong, not the permissions that the other service would require.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn url_of_another_service_is_reported() {
    let mut env = TestEnv::with_packages().await;
    env.ok(&["topology", "apply"]);
    env.ok(&["sync", "migrate"]);
    let elsewhere = env.sandbox.base_url();
    env.set("BILAG_MANAGEMENT_URL", &elsewhere);
    let (what, reported, _) = only_fault(&env);
    assert!(what == "topology" && reported.contains("is not RabbitMQ's management API"), "{reported}");
    env.set("BILAG_MANAGEMENT_URL", &env.vhost.management.clone());
    assert_eq!(faults(&env), []);

    for (setting, stage) in [("OMS_BASE_URL", "writeback"), ("INVOICE_SERVICE_URL", "packed")] {
        let right = env.settings.iter().find(|(name, _)| name == setting).expect("it is set").1.clone();
        env.set(setting, &format!("{elsewhere}/elsewhere"));
        let found: Value = serde_json::from_str(&env.ok(&["doctor", "--json"])).expect("JSON");
        let of_stage =
            found["checks"].as_array().expect("a list").iter().find(|check| check["what"] == stage);
        let (level, fix) = (&of_stage.expect("it is looked at")["level"], &of_stage.expect("it is")["mend"]);
        assert_eq!(*level, "warn", "{found}");
        assert_eq!(*fix, json!(format!("nothing may be at that URL: check {setting}")));
        env.set(setting, &right);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_login_or_vhost_is_not_reported_as_a_missing_tag() {
    let mut env = healthy_env().await;
    let right = env.vhost.url.clone();
    for (url, says) in [
        (format!("{right}-elsewhere"), "refuses the vhost"),
        (right.replace(":guest@", ":wrong@"), "refuses the login"),
    ] {
        env.set("BILAG_AMQP_URL", &url);
        let (code, _, error) = exit_output(&env.run(&["topology", "check"]));
        assert!(code == 1 && error.contains(says) && !error.contains("tag"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_faults_are_reported_with_their_fix() {
    let mut env = healthy_env().await;
    let url =
        env.settings.iter().find(|(name, _)| name == "BILAG_DATABASE_URL").expect("it is set").1.clone();
    let (mut connection, run) = (sqlx_connection(&url).await, sqlx::raw_sql);
    run("delete from _sqlx_migrations where version = 1").execute(&mut connection).await.expect("written");
    let (what, reported, fix) = only_fault(&env);
    assert!(what == "store" && reported.contains("1 migration(s) behind"), "{reported}");
    assert_eq!(fix, "run `bilag sync migrate` as the owner of the tables");

    run("insert into bilag_schema values (9999, 9999)").execute(&mut connection).await.expect("written");
    let (_, reported, _) = only_fault(&env);
    assert!(reported.contains("requires a newer version"), "{reported}");

    env.set("BILAG_DATABASE_URL", "postgres://bilag:hunter2@127.0.0.1:1/bilag");
    let (what, reported, fix) = only_fault(&env);
    assert!(
        what == "store" && reported.contains("does not answer") && !reported.contains("hunter2"),
        "{reported}"
    );
    assert_eq!(fix, "check BILAG_DATABASE_URL");
}

async fn sqlx_connection(url: &str) -> sqlx::SqliteConnection {
    <sqlx::SqliteConnection as sqlx::Connection>::connect(url).await.expect("the file opens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_faults_are_reported_with_their_fix() {
    let mut env = healthy_env().await;
    let answers = |status| Fault::Status { status, retry_after: None, done: false };
    for (call, status, expected) in [
        (Call::Token, StatusCode::UNAUTHORIZED, "check OMNIUM_CLIENT_ID and OMNIUM_CLIENT_SECRET"),
        (Call::Get, StatusCode::FORBIDDEN, "check the API user's roles, and its store and market scope"),
        (Call::Get, StatusCode::SERVICE_UNAVAILABLE, "Omnium is not available"),
    ] {
        env.sandbox.omnium.clear_faults();
        env.sandbox.omnium.add_fault(Rule::new(answers(status)).on(call));
        let (what, reported, _) = only_fault(&env);
        assert!(what == "upload" && reported.contains(expected), "{status}: {reported}");
        assert!(!reported.contains("a-secret"), "{reported}");
    }
    env.sandbox.omnium.clear_faults();
    env.set("OMNIUM_BASE_URL", "http://127.0.0.1:1");
    let (_, reported, _) = only_fault(&env);
    assert!(reported.contains("check OMNIUM_BASE_URL"), "{reported}");
    env.unset("OMNIUM_CLIENT_SECRET");
    let (_, reported, _) = only_fault(&env);
    assert!(reported.starts_with("OMNIUM_CLIENT_SECRET: needed to send receipts to Omnium"), "{reported}");
    env.set("OMNIUM_CLIENT_SECRET", "a-secret");
    env.set("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "false");
    env.set("BILAG_TEMPLATE", "nowhere.toml");
    let (what, reported, _) = only_fault(&env);
    assert!(
        what == "render" && reported.starts_with("the template: ") || reported.contains("nowhere.toml"),
        "{reported}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_missing_queues_of_consumers_that_do_not_declare() {
    let mut env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    env.set("BILAG_DECLARE", "false");
    let (what, reported, fix) = only_fault(&env);
    assert_eq!(what, "topology");
    assert!(reported.contains("is not declared yet"), "{reported}");
    assert_eq!(fix, "run `bilag topology apply` as the user that declares");
    env.ok(&["topology", "apply"]);
    assert_eq!(faults(&env), []);
}
