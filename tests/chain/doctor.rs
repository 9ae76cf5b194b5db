//! `bilag doctor`: no problems found, or each fault by itself with what to mend.

use bilag_tests::{World, told};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};

/// A world in which all is well.
async fn well() -> World {
    let mut world = World::new().await;
    let management = world.vhost.management.clone();
    world.set("BILAG_MANAGEMENT_URL", &management);
    world.ok(&["topology", "apply"]);
    world.ok(&["sync", "migrate"]);
    world
}

/// What is wrong: what, what is told of it, and what to mend.
fn faults(world: &World) -> Vec<(String, String, String)> {
    let (code, printed, error) = told(&world.run(&["doctor", "--json"]));
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

/// The only fault there is.
fn only_fault(world: &World) -> (String, String, String) {
    let mut faults = faults(world);
    assert_eq!(faults.len(), 1, "{faults:#?}");
    faults.remove(0)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn healthy_deployment_passes_and_nothing_is_left_behind() {
    let world = well().await;
    let queues = world.vhost.queues().await;
    let printed = world.ok(&["doctor"]);
    let lines: Vec<_> = printed
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.is_empty())
        .collect();
    for (line, expected) in lines.iter().zip([
        "ok stages receipt, render, upload, dead",
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
        "no problems found, 3 warning(s)",
    ]) {
        assert!(line.starts_with(expected), "{line} is not {expected}\n{printed}");
    }
    assert_eq!(lines.len(), 20, "{printed}");
    assert_eq!(world.vhost.queues().await, queues);
    assert!(world.sandbox.omnium.ledger().iter().all(|entry| matches!(entry.call, Call::Token | Call::Get)));
    assert!(world.ok(&["sync", "list"]).starts_with("no receipts in"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reaches_package_services_without_requesting_anything() {
    let mut world = World::with_packages().await;
    world.deliver_to_erp();
    world.ok(&["topology", "apply"]);
    world.ok(&["sync", "migrate"]);
    assert_eq!(faults(&world), []);
    assert!(world.sandbox.invoice_service.ledger().is_empty());
    assert!(world.sandbox.oms.ledger().is_empty() && world.sandbox.erp.ledger().is_empty());
    world.set("ERP_INVOICE_URL", "http://127.0.0.1:1/erp");
    let (what, told, _) = only_fault(&world);
    assert_eq!(what, "erp");
    assert!(told.starts_with("the ERP cannot be reached; check ERP_INVOICE_URL"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_warns_before_the_first_start() {
    let mut world = World::new().await;
    world.set("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "false");
    let printed = world.ok(&["doctor"]);
    for expected in [
        "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false",
        "has no tables yet",
        "are not declared yet",
        "not tried: publish to the exchange \"bilag\"",
    ] {
        assert!(printed.contains(expected), "{expected}\n{printed}");
    }
    assert!(world.sandbox.omnium.ledger().is_empty(), "Omnium is not in use");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_faults_are_reported_with_their_fix() {
    let mut world = well().await;
    let url = world.vhost.url.clone();
    world.set("BILAG_BUS_EXCHANGE", "evnets");
    let (what, told, mend) = only_fault(&world);
    assert_eq!((&*what, &*told), ("rights", "could not access the exchange \"evnets\": it does not exist"));
    assert!(mend.starts_with("set BILAG_BUS_EXCHANGE"), "{mend}");
    world.set("BILAG_BUS_EXCHANGE", "events");

    let (_, host) = url.rsplit_once('@').expect("a login");
    world.set("BILAG_AMQP_URL", &format!("amqp://nobody:wrong@{host}"));
    let (what, told, mend) = only_fault(&world);
    assert!(what == "broker" && told.contains("refuses the login"), "{told}");
    assert!(!told.contains("wrong") && mend.contains("BILAG_AMQP_URL"), "{told} {mend}");

    world.set("BILAG_AMQP_URL", &format!("{url}-elsewhere"));
    let (what, told, _) = only_fault(&world);
    assert!(what == "broker" && told.contains("refuses the vhost: it does not exist"), "{told}");

    world.set("BILAG_AMQP_URL", "amqp://guest:guest@127.0.0.1:1/%2f");
    let (what, told, _) = only_fault(&world);
    assert!(what == "broker" && told.contains("cannot be reached"), "{told}");

    let narrow = world.vhost.user("a-password").await;
    let (_, rest) = narrow.split_once("://").expect("a URL");
    let (name, _) = rest.split_once(':').expect("a login");
    let ours = "^bilag(\\..*)?$";
    let rights = json!({ "configure": ours, "write": ours, "read": ours });
    world.vhost.put(&format!("permissions/{{vhost}}/{name}"), rights).await;
    world.set("BILAG_AMQP_URL", &narrow);
    let (what, told, mend) = only_fault(&world);
    assert_eq!((&*what, &*told), ("rights", "may not bind a queue to the exchange \"events\""));
    assert_eq!(mend, "give BILAG_AMQP_URL's user write on ^bilag, and read on \"events\"");
    let rights = json!({ "configure": "", "write": "", "read": "" });
    world.vhost.put(&format!("permissions/{{vhost}}/{name}"), rights).await;
    let told: Vec<_> = faults(&world).into_iter().map(|(_, told, _)| told).collect();
    assert_eq!(told, ["may not declare queues", "may not publish to the exchange \"bilag\""]);
}

/// What is wrong with a URL is told, and not what somebody else at that URL would need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn url_of_another_service_is_reported() {
    let mut world = World::with_packages().await;
    world.ok(&["topology", "apply"]);
    world.ok(&["sync", "migrate"]);
    let elsewhere = world.sandbox.base_url();
    world.set("BILAG_MANAGEMENT_URL", &elsewhere);
    let (what, told, _) = only_fault(&world);
    assert!(what == "topology" && told.contains("is not RabbitMQ's management API"), "{told}");
    world.set("BILAG_MANAGEMENT_URL", &world.vhost.management.clone());
    assert_eq!(faults(&world), []);

    for (setting, stage) in [("OMS_BASE_URL", "writeback"), ("INVOICE_SERVICE_URL", "packed")] {
        let right = world.settings.iter().find(|(name, _)| name == setting).expect("it is set").1.clone();
        world.set(setting, &format!("{elsewhere}/elsewhere"));
        let found: Value = serde_json::from_str(&world.ok(&["doctor", "--json"])).expect("JSON");
        let of_stage =
            found["checks"].as_array().expect("a list").iter().find(|check| check["what"] == stage);
        let (level, mend) = (&of_stage.expect("it is looked at")["level"], &of_stage.expect("it is")["mend"]);
        assert_eq!(*level, "warn", "{found}");
        assert_eq!(*mend, json!(format!("nothing may be at that URL: check {setting}")));
        world.set(setting, &right);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_login_or_vhost_is_not_reported_as_a_missing_tag() {
    let mut world = well().await;
    let right = world.vhost.url.clone();
    for (url, says) in [
        (format!("{right}-elsewhere"), "refuses the vhost"),
        (right.replace(":guest@", ":wrong@"), "refuses the login"),
    ] {
        world.set("BILAG_AMQP_URL", &url);
        let (code, _, error) = told(&world.run(&["topology", "check"]));
        assert!(code == 1 && error.contains(says) && !error.contains("tag"), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_faults_are_reported_with_their_fix() {
    let mut world = well().await;
    let url =
        world.settings.iter().find(|(name, _)| name == "BILAG_DATABASE_URL").expect("it is set").1.clone();
    let (mut connection, run) = (sqlx_connection(&url).await, sqlx::raw_sql);
    run("delete from _sqlx_migrations where version = 1").execute(&mut connection).await.expect("written");
    let (what, told, mend) = only_fault(&world);
    assert!(what == "store" && told.contains("1 migration(s) behind"), "{told}");
    assert_eq!(mend, "run `bilag sync migrate` as the owner of the tables");

    run("insert into bilag_schema values (9999, 9999)").execute(&mut connection).await.expect("written");
    let (_, told, _) = only_fault(&world);
    assert!(told.contains("requires a newer version"), "{told}");

    world.set("BILAG_DATABASE_URL", "postgres://bilag:hunter2@127.0.0.1:1/bilag");
    let (what, told, mend) = only_fault(&world);
    assert!(what == "store" && told.contains("does not answer") && !told.contains("hunter2"), "{told}");
    assert_eq!(mend, "check BILAG_DATABASE_URL");
}

async fn sqlx_connection(url: &str) -> sqlx::SqliteConnection {
    <sqlx::SqliteConnection as sqlx::Connection>::connect(url).await.expect("the file opens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_faults_are_reported_with_their_fix() {
    let mut world = well().await;
    let answers = |status| Fault::Status { status, retry_after: None, done: false };
    for (call, status, expected) in [
        (Call::Token, StatusCode::UNAUTHORIZED, "check OMNIUM_CLIENT_ID and OMNIUM_CLIENT_SECRET"),
        (Call::Get, StatusCode::FORBIDDEN, "check the API user's roles, and its store and market scope"),
        (Call::Get, StatusCode::SERVICE_UNAVAILABLE, "Omnium is not available"),
    ] {
        world.sandbox.omnium.clear_faults();
        world.sandbox.omnium.add_fault(Rule::new(answers(status)).on(call));
        let (what, told, _) = only_fault(&world);
        assert!(what == "upload" && told.contains(expected), "{status}: {told}");
        assert!(!told.contains("a-secret"), "{told}");
    }
    world.sandbox.omnium.clear_faults();
    world.set("OMNIUM_BASE_URL", "http://127.0.0.1:1");
    let (_, told, _) = only_fault(&world);
    assert!(told.contains("check OMNIUM_BASE_URL"), "{told}");
    world.unset("OMNIUM_CLIENT_SECRET");
    let (_, told, _) = only_fault(&world);
    assert!(told.starts_with("OMNIUM_CLIENT_SECRET: needed to send receipts to Omnium"), "{told}");
    world.set("OMNIUM_CLIENT_SECRET", "a-secret");
    world.set("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "false");
    world.set("BILAG_TEMPLATE", "nowhere.toml");
    let (what, told, _) = only_fault(&world);
    assert!(
        what == "render" && told.starts_with("the template: ") || told.contains("nowhere.toml"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_missing_queues_of_consumers_that_do_not_declare() {
    let mut world = World::new().await;
    world.ok(&["sync", "migrate"]);
    world.set("BILAG_DECLARE", "false");
    let (what, told, mend) = only_fault(&world);
    assert_eq!(what, "topology");
    assert!(told.contains("is not declared yet"), "{told}");
    assert_eq!(mend, "run `bilag topology apply` as the user that declares");
    world.ok(&["topology", "apply"]);
    assert_eq!(faults(&world), []);
}
