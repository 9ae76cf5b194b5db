//! A vhost per test, on the broker that `make test` starts or that the variables name.

use std::env;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use amqp::{Broker, Message};
use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, ExchangeKind};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// A vhost that is deleted when dropped.
pub struct Vhost {
    /// Its AMQP URL.
    pub url: String,
    /// The broker's management API.
    pub management: String,
    name: String,
    http: reqwest::Client,
}

const LOGIN: (&str, &str) = ("guest", "guest");

/// Old vhosts are deleted once per run.
static SWEPT: OnceCell<()> = OnceCell::const_new();

/// Timeout of the clean-up after a test.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A client for management APIs.
pub(crate) fn client() -> reqwest::Client {
    // Only the first test of a process can set it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The broker may close an idle connection at the moment it is reused.
    reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client")
}

/// A broker's version ("4.3.6").
pub(crate) async fn version(http: &reqwest::Client, management: &str) -> String {
    let request = http.get(format!("{management}/api/overview")).basic_auth(LOGIN.0, Some(LOGIN.1));
    let overview: Value =
        request.send().await.expect("the management API answers").json().await.expect("JSON");
    overview["rabbitmq_version"].as_str().expect("a version").to_owned()
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| {
        panic!("{name} is not set: run the tests with `make test`, which starts a private broker")
    })
}

impl Vhost {
    /// A new vhost on the tests' broker.
    pub async fn new() -> Self {
        Self::on(&variable("BILAG_TEST_AMQP_URL"), &variable("BILAG_TEST_MANAGEMENT_URL")).await
    }

    /// A new vhost on a broker, with the user's bus declared in it.
    pub async fn on(amqp: &str, management: &str) -> Self {
        let http = client();
        SWEPT.get_or_init(|| sweep(&http, management)).await;
        // Shown where the test fails.
        println!("on RabbitMQ {}", version(&http, management).await);
        let name = format!("test-{}-{}", seconds_since_1970(), Uuid::new_v4().simple());
        let (base, _) = amqp.rsplit_once('/').expect("the URL ends in a vhost");
        let vhost = Self { url: format!("{base}/{name}"), management: management.to_owned(), name, http };
        LIVE.fetch_add(1, Ordering::Relaxed);
        vhost.put(&format!("vhosts/{}", vhost.name), json!({})).await;
        let rights = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        vhost.put(&format!("permissions/{}/{}", vhost.name, LOGIN.0), rights).await;
        vhost.declare_bus().await;
        vhost
    }

    async fn declare_bus(&self) {
        let channel = self.channel().await;
        let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
        channel
            .exchange_declare("events".into(), ExchangeKind::Topic, options, FieldTable::default())
            .await
            .expect("the bus is declared");
    }

    /// PUT to the management API; `{vhost}` is replaced by this vhost.
    pub async fn put(&self, path: &str, body: Value) {
        let path = path.replace("{vhost}", &self.name);
        let url = format!("{}/api/{path}", self.management);
        let request = self.http.put(&url).basic_auth(LOGIN.0, Some(LOGIN.1)).json(&body);
        let answer = request.send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "PUT {url}: {}", answer.status());
    }

    /// DELETE at the management API; `{vhost}` is replaced by this vhost.
    pub async fn delete(&self, path: &str) {
        let path = path.replace("{vhost}", &self.name);
        let url = format!("{}/api/{path}", self.management);
        let request = self.http.delete(&url).basic_auth(LOGIN.0, Some(LOGIN.1));
        let answer = request.send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "DELETE {url}: {}", answer.status());
    }

    /// GET from the management API; `{vhost}` is replaced by this vhost.
    pub async fn get(&self, path: &str) -> Value {
        let path = path.replace("{vhost}", &self.name);
        let url = format!("{}/api/{path}", self.management);
        let request = self.http.get(&url).basic_auth(LOGIN.0, Some(LOGIN.1));
        let answer = request.send().await.expect("the management API answers");
        answer.json().await.expect("JSON")
    }

    /// POST to the management API; `{vhost}` is replaced by this vhost.
    pub async fn post(&self, path: &str, body: Value) {
        let path = path.replace("{vhost}", &self.name);
        let url = format!("{}/api/{path}", self.management);
        let request = self.http.post(&url).basic_auth(LOGIN.0, Some(LOGIN.1)).json(&body);
        let answer = request.send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "POST {url}: {}", answer.status());
    }

    /// Creates a user with all permissions on this vhost; returns the AMQP URL with its login.
    pub async fn user(&self, password: &str) -> String {
        let user = &self.name;
        self.put(&format!("users/{user}"), json!({ "password": password, "tags": "" })).await;
        let rights = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        self.put(&format!("permissions/{{vhost}}/{user}"), rights).await;
        self.url.replacen(&format!("{}:{}@", LOGIN.0, LOGIN.1), &format!("{user}:{password}@"), 1)
    }

    /// The first messages of a queue, read without changing it.
    pub async fn peek(&self, queue: &str, limit: usize) -> Vec<Message> {
        let broker = Broker::parse(&self.url, "a test").expect("the URL is right");
        amqp::peek(&broker, queue, limit).await.expect("the queue can be read").0
    }

    /// Removes the first message of a queue, like another tool; returns its id.
    pub async fn take(&self, queue: &str) -> String {
        let channel = self.channel().await;
        let options = BasicGetOptions { no_ack: true };
        let got = channel.basic_get(queue.into(), options).await.expect("the queue can be read");
        let got = got.expect("there is a message");
        let id = got.delivery.properties.message_id().as_ref().map(|id| id.as_str().to_owned());
        id.expect("it has an id")
    }

    /// The client-provided names of the connections to this vhost, sorted.
    pub async fn connections(&self) -> Vec<String> {
        let connections = self.get("vhosts/{vhost}/connections").await;
        let name = |connection: &Value| {
            connection["client_properties"]["connection_name"].as_str().map(str::to_owned)
        };
        let mut names: Vec<_> =
            connections.as_array().expect("connections").iter().filter_map(name).collect();
        names.sort();
        names
    }

    /// Forces the connections closed whose name starts with this; returns their number.
    pub async fn close_connections(&self, named: &str) -> usize {
        let connections = self.get("vhosts/{vhost}/connections").await;
        let mut closed = 0;
        for connection in connections.as_array().expect("connections") {
            let given = connection["client_properties"]["connection_name"].as_str();
            if given.is_some_and(|given| given.starts_with(named)) {
                let name =
                    connection["name"].as_str().expect("a name").replace(' ', "%20").replace('>', "%3E");
                let url = format!("{}/api/connections/{name}", self.management);
                let request = self.http.delete(&url).basic_auth(LOGIN.0, Some(LOGIN.1));
                // A connection may be listed for a moment after it is closed; then it is not found.
                closed += usize::from(
                    request.send().await.expect("the management API answers").status().is_success(),
                );
            }
        }
        closed
    }

    /// The names of all queues, sorted.
    pub async fn queues(&self) -> Vec<String> {
        let queues = self.get("queues/{vhost}").await;
        let name = |queue: &Value| queue["name"].as_str().expect("a name").to_owned();
        let mut names: Vec<_> = queues.as_array().expect("queues").iter().map(name).collect();
        names.sort();
        names
    }

    /// A channel on a new connection.
    pub async fn channel(&self) -> Channel {
        let properties = ConnectionProperties::default().with_connection_name("a test".into());
        let connection = Connection::connect(&self.url, properties).await.expect("the broker accepts us");
        connection.create_channel().await.expect("a channel")
    }

    /// Messages ready in a queue; `None` if the queue does not exist.
    pub async fn ready(&self, queue: &str) -> Option<u32> {
        let channel = self.channel().await;
        let options = QueueDeclareOptions { passive: true, ..Default::default() };
        let declared = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
        declared.ok().map(|queue| queue.message_count())
    }
}

impl Drop for Vhost {
    fn drop(&mut self) {
        let (management, name) = (self.management.clone(), self.name.clone());
        // In a separate thread: the test's runtime ends with the test.
        let deleting = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(tidy_up(&management, &name));
        });
        let pending = || PENDING.lock().unwrap_or_else(PoisonError::into_inner);
        pending().push(deleting);
        if LIVE.fetch_sub(1, Ordering::Relaxed) == 1 {
            // Possibly the last test of the run, whose end would end the threads as well.
            let all = std::mem::take(&mut *pending());
            all.into_iter().for_each(|deleting| drop(deleting.join()));
        }
    }
}

/// Vhosts in use, and threads that delete vhosts.
static LIVE: AtomicUsize = AtomicUsize::new(0);
static PENDING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// How long queues stay after their test. On RabbitMQ 3.10, deleting a queue while its
/// dead-lettering is still starting breaks dead-lettering of the whole broker.
const SETTLING: Duration = Duration::from_secs(5);

async fn tidy_up(management: &str, name: &str) {
    let http = reqwest::Client::new();
    let request = http.get(format!("{management}/api/queues/{name}?columns=name"));
    // A broker that was stopped has nothing left to delete.
    let Ok(answer) = request.basic_auth(LOGIN.0, Some(LOGIN.1)).timeout(TIMEOUT).send().await else {
        return;
    };
    let queues: Vec<Value> = answer.json().await.unwrap_or_default();
    if !queues.is_empty() {
        tokio::time::sleep(SETTLING).await;
    }
    delete(&http, management, name).await;
}

/// No test takes this long: older vhosts are left over from a killed run.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

/// Deletes a vhost, and the user of the same name where there is one.
async fn delete(http: &reqwest::Client, management: &str, name: &str) {
    for kind in ["vhosts", "users"] {
        let request = http.delete(format!("{management}/api/{kind}/{name}"));
        // If it fails, a later run deletes it; most vhosts have no user.
        let _ = request.basic_auth(LOGIN.0, Some(LOGIN.1)).timeout(TIMEOUT).send().await;
    }
}

fn seconds_since_1970() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Deletes leftovers of earlier runs; a vhost's name contains its creation time.
async fn sweep(http: &reqwest::Client, management: &str) {
    let request =
        http.get(format!("{management}/api/vhosts?columns=name")).basic_auth(LOGIN.0, Some(LOGIN.1));
    let answer = request.send().await.expect("the management API answers");
    let vhosts: Vec<Value> = answer.json().await.expect("JSON");
    let limit = seconds_since_1970() - LEFT_BEHIND.as_secs();
    for name in vhosts.iter().filter_map(|vhost| vhost["name"].as_str()) {
        let made: Option<u64> =
            name.strip_prefix("test-").and_then(|rest| rest.split('-').next()?.parse().ok());
        if made.is_some_and(|made| made < limit) {
            delete(http, management, name).await;
        }
    }
}
