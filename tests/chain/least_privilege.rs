//! A broker user per component, with the permissions that `bilag topology users` prints: the chain works with
//! them, and no user can access another's queues.

use bilag_tests::{
    Bilag, Ingress, TIMEOUT, TestEnv, eventually, eventually_within, exit_output, flow_ids, flow_receipt,
    package, receipt,
};
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

const STAGES: [&str; 8] = ["hydrate", "packed", "receipt", "render", "upload", "writeback", "erp", "dead"];

/// The broker users of one test; a broker has users for all its vhosts.
struct Users {
    of: String,
}

impl Users {
    /// Creates the printed users after the exchanges are declared: from RabbitMQ 4.3 on, topic permissions
    /// require an existing exchange.
    async fn make(env: &TestEnv) -> Self {
        env.ok(&["topology", "apply"]);
        let printed: Value =
            serde_json::from_str(&env.ok(&["topology", "users", "--json"])).expect("users are JSON");
        let users = Self { of: uuid::Uuid::new_v4().simple().to_string() };
        for user in printed["users"].as_array().expect("users") {
            let name = users.name(user["name"].as_str().expect("a name"));
            let account = json!({ "password": "a-password", "tags": user["tags"] });
            env.vhost.put(&format!("users/{name}"), account).await;
            env.vhost.put(&format!("permissions/{{vhost}}/{name}"), user["permissions"].clone()).await;
            for keys in user["topic_permissions"].as_array().expect("rights") {
                env.vhost.put(&format!("topic-permissions/{{vhost}}/{name}"), keys.clone()).await;
            }
        }
        users
    }

    fn name(&self, name: &str) -> String {
        format!("{name}-{}", self.of)
    }

    /// The broker's URL with the login of a user.
    fn url(&self, env: &TestEnv, part: &str) -> String {
        let login = format!("{}:a-password@", self.name(&format!("bilag-{part}")));
        env.vhost.url.replacen("guest:guest@", &login, 1)
    }

    async fn remove(self, env: &TestEnv) {
        for part in STAGES.iter().chain(&["topology", "ingress", "backfill", "console", "keda"]) {
            env.vhost.delete(&format!("users/{}", self.name(&format!("bilag-{part}")))).await;
        }
    }
}

async fn test_env() -> TestEnv {
    let mut env = TestEnv::with_packages().await;
    env.enable_erp();
    let flow = env.sandbox.flow_url();
    env.set("FLOW_BASE_URL", &flow);
    env.set("FLOW_API_TOKEN", "a-flow-token");
    env
}

/// Every process started from now on logs in as this user.
fn log_in(env: &mut TestEnv, users: &Users, part: &str) {
    let url = users.url(env, part);
    env.set("BILAG_AMQP_URL", &url);
}

async fn consumers(env: &mut TestEnv, users: &Users) -> Vec<Bilag> {
    env.set("BILAG_DECLARE", "false");
    let mut running = Vec::new();
    for stage in STAGES {
        log_in(env, users, stage);
        running.push(env.consume(&[stage]).await);
    }
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_consumer_works_with_minimal_permissions() {
    let mut env = test_env().await;
    let users = Users::make(&env).await;
    log_in(&mut env, &users, "topology");
    env.ok(&["topology", "apply"]);
    let _consumers = consumers(&mut env, &users).await;

    // Long enough to reach the retry queues, and for fewer messages than trip the circuit breaker.
    let fails = Fault::Status { status: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(Rule::new(fails).on(Call::Upsert).times(6));
    log_in(&mut env, &users, "ingress");
    let ingress = env.ingress().await;
    let request = ingress.request("/webhooks/flow").bearer_auth(Ingress::FLOW).json(&receipt(1));
    assert_eq!(request.send().await.expect("an answer").status(), 202);
    env.publish_package(&package(74)).await;
    env.sandbox.flow.add_receipt("7", flow_receipt(2));
    env.publish_to("events", "ORDER_SETTLED", flow_ids(2).to_string().as_bytes(), Default::default()).await;
    env.publish_bytes(b"no receipt", BasicProperties::default()).await;
    // Omnium has three, the package and the ERP one each.
    eventually_within(TIMEOUT, "everything has its invoice", async || {
        (env.records(State::Complete).await == 5).then_some(())
    })
    .await;
    env.assert_one_invoice(74);

    log_in(&mut env, &users, "console");
    let letters = env.wait_for_dead_letters(1).await;
    let id = letters[0]["id"].as_str().expect("an id");
    env.ok(&["dead", "show", id]);
    env.ok(&["dead", "discard", id]);
    env.ok(&["dead", "restore", id]);
    env.ok(&["dead", "redrive", id]);
    env.wait_for_dead_letters(1).await;
    let management = env.vhost.management.clone();
    let (code, printed, error) =
        exit_output(&env.run(&["topology", "check", "--management-url", &management]));
    assert_eq!(code, 0, "{printed}{error}");
    users.remove(&env).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn non_declaring_consumer_waits_for_and_names_its_queues() {
    let mut env = test_env().await;
    let users = Users::make(&env).await;
    env.vhost.delete("queues/{vhost}/bilag.render").await;
    env.set("BILAG_DECLARE", "false");
    log_in(&mut env, &users, "render");
    let mut render = env.start(&["consume", "render"]);
    let missing =
        "queue bilag.render is not declared yet, and BILAG_DECLARE is false: `bilag topology apply`";
    eventually("it reports the missing queue", async || render.log().contains(missing).then_some(())).await;
    assert_eq!(render.has_ended(), None);

    log_in(&mut env, &users, "topology");
    env.ok(&["topology", "apply"]);
    eventually("it consumes", async || render.log().contains(" consuming ").then_some(())).await;
    users.remove(&env).await;
}

/// A channel opened as a user.
async fn channel(url: &str) -> Channel {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(url, properties).await.expect("the user may log in");
    let channel = connection.create_channel().await.expect("a channel");
    channel.confirm_select(ConfirmSelectOptions::default()).await.expect("confirms");
    channel
}

/// Whether a user may publish.
async fn may_publish(url: &str, exchange: &str, key: &str) -> bool {
    let options = BasicPublishOptions { mandatory: true, ..Default::default() };
    let properties = BasicProperties::default();
    let channel = channel(url).await;
    let published = channel.basic_publish(exchange.into(), key.into(), options, b"{}", properties).await;
    match published.expect("it is sent").await {
        Ok(_) => true,
        Err(error) if error.to_string().contains("ACCESS_REFUSED") => false,
        Err(error) => panic!("{exchange} {key}: {error}"),
    }
}

/// Whether a user may consume.
async fn may_read(url: &str, queue: &str) -> bool {
    let channel = channel(url).await;
    let got = channel.basic_get(queue.into(), BasicGetOptions::default()).await;
    got.map_err(|error| assert!(error.to_string().contains("ACCESS_REFUSED"), "{queue}: {error}")).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn consumer_user_cannot_access_other_stages() {
    let mut env = test_env().await;
    let users = Users::make(&env).await;
    log_in(&mut env, &users, "topology");
    env.ok(&["topology", "apply"]);
    env.ok(&["sync", "migrate"]);

    let upload = users.url(&env, "upload");
    for (queue, may) in [
        ("bilag.upload", true),
        ("bilag.render", false),
        ("bilag.upload.dead", false),
        ("bilag.upload.retry.300ms", false),
    ] {
        assert_eq!(may_read(&upload, queue).await, may, "{queue}");
    }
    for (exchange, key, may) in [
        ("bilag.requeue", "bilag.upload.retry.300ms", true),
        ("bilag.requeue", "bilag.upload", true),
        ("bilag.requeue", "bilag.upload.dead", false),
        ("bilag.requeue", "bilag.render", false),
        ("bilag.requeue", "bilag.writeback.retry.300ms", false),
        ("bilag.retry", "bilag.upload", false),
        ("bilag.retry", "bilag.writeback", false),
        ("", "bilag.upload", false),
        ("bilag.dead", "upload", true),
        ("bilag.dead", "render", false),
        ("bilag.dead", "upload.discarded", false),
        ("bilag", "invoice.ready.v1", false),
        ("events", "receipt.settled.v1", false),
    ] {
        assert_eq!(may_publish(&upload, exchange, key).await, may, "upload to {exchange} with {key}");
    }
    let receipts = users.url(&env, "receipt");
    assert!(may_publish(&receipts, "bilag", "invoice.ready.v1").await);
    assert!(!may_publish(&receipts, "bilag", "invoice.rendered.v1.omnium").await);

    let backfill = users.url(&env, "backfill");
    assert!(!may_publish(&backfill, "bilag", "invoice.ready.v1").await);
    assert!(!may_read(&backfill, "bilag.receipt").await);
    log_in(&mut env, &users, "backfill");
    env.file("receipts.json", receipt(1).to_string());
    env.ok(&["backfill", "receipts.json", "--from", "2000-01-01", "--to", "2099-12-31", "--publish"]);

    env.unset("BILAG_DECLARE");
    log_in(&mut env, &users, "upload");
    let (code, log) = env.ends(&["consume", "upload"]).await;
    assert_eq!(code, 1, "a consumer that must declare and may not reports it: {log}");
    assert!(log.contains("may not declare or bind exchange bilag"), "{log}");
    assert!(may_read(&users.url(&env, "console"), "bilag.upload.dead").await);
    assert!(!may_read(&users.url(&env, "console"), "bilag.upload").await);
    let keda = users.url(&env, "keda");
    assert!(!may_read(&keda, "bilag.upload").await);
    let (_, vhost) = keda.rsplit_once('/').expect("the URL ends in a vhost");
    let queue = format!("{}/api/queues/{vhost}/bilag.upload", env.vhost.management);
    let asked = reqwest::Client::new().get(queue).basic_auth(users.name("bilag-keda"), Some("a-password"));
    assert_eq!(asked.send().await.expect("the management API answers").status(), StatusCode::OK);
    users.remove(&env).await;
}
