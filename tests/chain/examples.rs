//! `examples/`: each publisher publishes a receipt as it should be published, and each webhook gets the status that the
//! file of requests states.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bilag_tests::{Ingress, TestEnv, eventually, exit_output, installed, receipt, unset_settings};
use lapin::BasicProperties;
use lapin::options::BasicGetOptions;
use reqwest::Method;
use sync_store::State;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

fn publishers() -> PathBuf {
    root().join("examples/publishers")
}

/// A language, and how its publisher is run for a file.
type Run = Box<dyn Fn(&str) -> Command>;

fn python() -> Run {
    let packages = fs::read_to_string(publishers().join("python/requirements.txt")).expect("packages");
    let python = installed("python.sh", &packages.split_whitespace().collect::<Vec<_>>());
    Box::new(move |file| {
        let mut command = Command::new(&python);
        command.arg(publishers().join("python/publish.py")).arg(file);
        command
    })
}

fn node(env: &TestEnv) -> Run {
    let packages = installed("npm.sh", &[publishers().join("node").to_str().expect("a path")]);
    let program =
        env.file("publish.mjs", fs::read(publishers().join("node/publish.mjs")).expect("a program"));
    symlink(Path::new(&packages).join("node_modules"), env.folder().join("node_modules")).expect("linked");
    Box::new(move |file| {
        let mut command = Command::new("node");
        command.arg(&program).arg(file);
        command
    })
}

/// With the client of Debian's package: an older version than the one in the example's pom.xml.
fn java() -> Run {
    Box::new(|file| {
        let mut command = Command::new("java");
        command.args(["-cp", "/usr/share/java/amqp-client.jar:/usr/share/java/slf4j-api.jar"]);
        command.arg(publishers().join("java/Publish.java")).args(["evt-3", file]);
        command
    })
}

fn publish(env: &TestEnv, run: &Run, file: &Path) -> Output {
    let mut command = run(file.to_str().expect("a path"));
    unset_settings(&mut command);
    command.env("AMQP_URL", &env.vhost.url).env("EXCHANGE", "events").output().expect("the publisher runs")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn published_receipts_become_invoices() {
    let env = TestEnv::new().await;
    let publishers = [python(), node(&env), java()];
    let file = |number: u32| env.file(&format!("{number}.json"), receipt(number).to_string());
    for (number, run) in (1..).zip(&publishers) {
        let (code, printed, error) = exit_output(&publish(&env, run, &file(number)));
        assert_eq!((code, &*printed), (1, ""), "no queue is bound: {error}");
        assert!(error.contains("no queue is bound to events"), "{error}");
    }
    env.ok(&["topology", "apply"]);
    let channel = env.vhost.channel().await;
    for (number, run) in (1..).zip(&publishers) {
        let file = file(number);
        let (code, printed, error) = exit_output(&publish(&env, run, &file));
        assert_eq!((code, printed), (0, format!("{}: published\n", file.display())), "{error}");
        let got = channel.basic_get("bilag.receipt".into(), BasicGetOptions::default()).await;
        let got = got.expect("the queue can be read").expect("the receipt is in it");
        assert_event_properties(&got.delivery.properties, &format!("evt-{number}"));
    }
    // Closed, it gives them back.
    channel.close(200, "read".into()).await.expect("closed");
    let _all = env.consume(&["all"]).await;
    eventually("all are complete", async || (env.records(State::Complete).await == 3).then_some(())).await;
    let omnium = env.sandbox.omnium.summary();
    assert!(omnium.violations.is_empty(), "{:?}", omnium.violations);
    assert_eq!(omnium.invoices.len(), 3);
}

fn assert_event_properties(properties: &BasicProperties, id: &str) {
    assert_eq!(properties.message_id().as_ref().map(|id| id.as_str()), Some(id));
    assert_eq!(properties.kind().as_ref().map(|kind| kind.as_str()), Some("receipt.settled.v1"), "{id}");
    let content_type = properties.content_type().as_ref().map(|kind| kind.as_str());
    assert_eq!((content_type, *properties.delivery_mode()), (Some("application/json"), Some(2)), "{id}");
    assert!(properties.timestamp().is_some(), "{id}");
}

/// A request of an HTTP file.
struct Request {
    name: String,
    /// Stated in the name: `### 202 a receipt`.
    status: u16,
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

/// The requests of an HTTP file, with its variables replaced: those of the file, or others of the same name.
fn requests(file: &Path, instead: &[(&str, &str)]) -> Vec<Request> {
    let text = fs::read_to_string(file).expect("the file of requests");
    let (head, _) = text.split_once("\n###").expect("requests");
    let variables = head.lines().filter_map(|line| line.strip_prefix('@')?.split_once('='));
    let variables: Vec<_> = variables
        .map(|(name, value)| (name.trim(), value.trim()))
        .map(|(name, value)| {
            (name, instead.iter().find(|(known, _)| *known == name).map_or(value, |found| found.1))
        })
        .collect();
    let replaced = |text: &str| {
        let replace =
            |text: String, (name, value): &(&str, &str)| text.replace(&format!("{{{{{name}}}}}"), value);
        variables.iter().fold(text.to_owned(), replace)
    };
    text.split("\n###").skip(1).map(|block| request(file, &replaced(block))).collect()
}

fn request(file: &Path, block: &str) -> Request {
    let (head, body) = block.split_once("\n\n").unwrap_or((block, ""));
    let mut lines = head.lines().filter(|line| !line.starts_with('#'));
    let name = lines.next().expect("a name").trim().to_owned();
    let line = lines.next().expect("a request line");
    let (method, url) = line.split_once(' ').unwrap_or_else(|| panic!("{name}: {line}"));
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let body = match body.trim().strip_prefix("< ") {
        Some(path) => fs::read(file.with_file_name(path)).unwrap_or_else(|error| panic!("{path}: {error}")),
        None => body.trim().as_bytes().to_vec(),
    };
    let status = name.split(' ').next().and_then(|word| word.parse().ok());
    let status = status.unwrap_or_else(|| panic!("{name} does not begin with a status"));
    let method = method.parse().unwrap_or_else(|error| panic!("{method}: {error}"));
    Request { name, status, method, url: url.to_owned(), headers, body }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhook_requests_get_the_stated_status() {
    let mut env = TestEnv::new().await;
    env.enable_packages();
    env.ok(&["topology", "apply"]);
    env.set("BILAG_INGRESS_OMS_USERNAME", "oms");
    env.set("BILAG_INGRESS_OMS_PASSWORD", "oms-password-change-me");
    let ingress = env.ingress().await;
    let instead = [
        ("host", &*ingress.url),
        ("flow-secret", Ingress::FLOW),
        ("akinon-secret", Ingress::AKINON),
        ("oms-credentials", "b21zOm9tcy1wYXNzd29yZC1jaGFuZ2UtbWU="),
    ];
    let requests = requests(&root().join("examples/webhooks/webhooks.http"), &instead);
    let (http, mut accepted) = (reqwest::Client::new(), 0);
    for Request { name, status, method, url, headers, body } in requests {
        let sent = headers
            .into_iter()
            .fold(http.request(method, &url), |sent, (name, value)| sent.header(name, value));
        let answer = sent.body(body).send().await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(answer.status().as_u16(), status, "{name}: {url}");
        accepted += usize::from(status == 202);
    }
    let (receipts, packages) =
        (env.vhost.peek("bilag.receipt", 20).await, env.vhost.peek("bilag.packed", 20).await);
    assert!(!receipts.is_empty() && !packages.is_empty());
    assert_eq!(receipts.len() + packages.len(), accepted, "what was accepted is published");
}
