//! `bilag pause`, `bilag resume` and `bilag stages`: an operator pauses a stage in all its processes.

use bilag_tests::{Bilag, Health, PrivatePostgres, Store, TestEnv, Vhost, eventually, exit_output, receipt};
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

/// A stage in `bilag stages --json`.
fn stage(env: &TestEnv, name: &str) -> Value {
    let stages: Value = serde_json::from_str(&env.ok(&["stages", "--json"])).expect("JSON");
    let mut of_name = stages.as_array().expect("stages").iter().filter(|stage| stage["stage"] == name);
    of_name.next().expect("every stage is listed").clone()
}

fn pids(stage: &Value, list: &str) -> Vec<u64> {
    let list = stage[list].as_array().expect("processes");
    let mut pids: Vec<_> = list.iter().map(|process| process["pid"].as_u64().expect("a pid")).collect();
    pids.sort();
    pids
}

/// Waits until exactly these processes report that they run a stage.
async fn run_by(env: &TestEnv, name: &str, processes: &[&Bilag]) {
    let mut expected: Vec<_> = processes.iter().map(|process| u64::from(process.id())).collect();
    expected.sort();
    eventually(&format!("{name} is run by {expected:?}"), async || {
        (pids(&stage(env, name), "processes") == expected).then_some(())
    })
    .await;
}

/// Waits until so many messages wait in a stage's queue.
async fn waiting(env: &TestEnv, name: &str, count: u32) {
    eventually(&format!("{count} messages wait for {name}"), async || {
        (env.vhost.ready(&format!("bilag.{name}")).await == Some(count)).then_some(())
    })
    .await;
}

async fn publish(env: &TestEnv, numbers: impl IntoIterator<Item = u32>) {
    for number in numbers {
        env.publish(&receipt(number)).await;
    }
}

async fn terminated(mut bilag: Bilag) {
    bilag.terminate();
    let ended = eventually("it has ended", async || bilag.has_ended()).await;
    assert_eq!(ended.code(), Some(0), "{}", bilag.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paused_stage_takes_nothing_and_resume_drains_it() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let all = env.consume(&["all"]).await;
    run_by(&env, "upload", &[&all]).await;
    let output = env.ok(&["pause", "upload", "--why", "Omnium moves house", "--as", "kari"]);
    assert_eq!(output, "upload is paused: its process has confirmed\n");

    publish(&env, 1..=20).await;
    waiting(&env, "upload", 20).await;
    assert!(env.sandbox.omnium.ledger().is_empty(), "a held stage called Omnium");
    let (status, body) = health.ready().await.expect("health is served");
    assert_eq!((status, &body["ready"]), (200, &json!(true)), "a hold is no fault: {body}");
    let upload = health.stage("upload").await.expect("upload runs");
    assert_eq!(
        (&upload["hold"]["who"], &upload["hold"]["why"]),
        (&json!("kari"), &json!("Omnium moves house"))
    );
    assert!(upload["hold"]["since"].is_string() && upload["pause"].is_null(), "{upload}");
    assert!(health.stage("render").await.expect("render runs")["hold"].is_null());

    let told_of = stage(&env, "upload");
    assert_eq!((&told_of["inHand"], &told_of["processes"][0]["held"]), (&json!(0), &json!(true)));
    let why = told_of["paused"].as_str().expect("a reason");
    assert!(why.starts_with("paused by kari since ") && why.ends_with(": Omnium moves house"), "{why}");
    let listed = env.ok(&["stages"]);
    for line in ["paused by kari", "Omnium moves house", "bilag resume upload"] {
        assert!(listed.contains(line), "{line}:\n{listed}");
    }

    let again = env.ok(&["pause", "upload", "--why", "lunch", "--as", "ola"]);
    assert!(again.starts_with("upload is already paused, by kari at "), "{again}");
    assert!(again.contains(": Omnium moves house\n"), "{again}");
    let resumed = env.ok(&["resume", "upload", "--as", "ola"]);
    assert_eq!(resumed, "upload is resumed: its process has confirmed\n");
    env.complete(20).await;
    env.assert_exactly_once(1..=20);
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    assert_eq!(env.ok(&["resume", "upload"]), "upload is not paused by an operator: nothing to do\n");

    let audit: Value = serde_json::from_str(&env.ok(&["audit", "--json"])).expect("JSON");
    let acts = audit.as_array().expect("acts").iter();
    let acts: Vec<_> = acts.map(|act| [&act["act"], &act["who"], &act["stage"], &act["detail"]]).collect();
    let expected = [["resume", "ola", "upload", ""], ["pause", "kari", "upload", "Omnium moves house"]];
    assert_eq!(json!(acts), json!(expected));
    assert!(env.ok(&["audit"]).contains("Omnium moves house"));
    terminated(all).await;
    let upload = stage(&env, "upload");
    assert_eq!((&upload["processes"], &upload["missing"]), (&json!([]), &json!([])), "it has signed off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_reaches_running_and_newly_started_processes() {
    let env = TestEnv::new().await;
    let _others = env.consume(&["receipt", "render", "dead"]).await;
    let one = env.consume(&["upload"]).await;
    let mut two = env.consume(&["upload"]).await;
    run_by(&env, "upload", &[&one, &two]).await;
    let output = env.ok(&["pause", "upload"]);
    assert_eq!(output, "upload is paused: its 2 processes have confirmed\n");

    publish(&env, 1..=10).await;
    waiting(&env, "upload", 10).await;
    two.kill();
    let restarted = env.consume(&["upload"]).await;
    let third = env.consume(&["upload"]).await;
    // A killed process counts until its reports are stale.
    run_by(&env, "upload", &[&one, &restarted, &third]).await;
    let upload = stage(&env, "upload");
    assert_eq!(pids(&upload, "missing"), [u64::from(two.id())]);
    assert!(upload["processes"].as_array().expect("processes").iter().all(|process| process["held"] == true));
    assert!(env.ok(&["stages"]).contains(&format!("missing: {} process {}", host(&upload), two.id())));
    waiting(&env, "upload", 10).await;
    assert!(env.sandbox.omnium.ledger().is_empty(), "a held stage called Omnium");
    terminated(third).await;

    let (code, output, warned) = exit_output(&env.run(&["resume", "upload"]));
    assert_eq!((code, &*output), (0, "upload is resumed: its 2 processes have confirmed\n"), "{warned}");
    assert!(warned.contains(&format!("process {}, which ran upload", two.id())), "{warned}");
    env.complete(10).await;
    env.assert_exactly_once(1..=10);
}

fn host(stage: &Value) -> String {
    let host = stage["processes"][0]["host"].as_str().expect("a host");
    assert!(!host.is_empty());
    host.to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pause_finishes_in_flight_messages() {
    let mut env = TestEnv::new().await;
    env.set("BILAG_CONCURRENCY", "4");
    env.set("OMNIUM_TIMEOUT", "5s");
    env.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 700 }).on(Call::Upsert));
    let all = env.consume(&["all"]).await;
    run_by(&env, "upload", &[&all]).await;
    publish(&env, 1..=40).await;
    env.complete(4).await;
    env.ok(&["pause", "upload"]);
    eventually("what was in flight is finished", async || {
        (stage(&env, "upload")["inHand"] == 0).then_some(())
    })
    .await;
    let complete = env.records(State::Complete).await;
    assert!((4..40).contains(&complete), "{complete} were complete: it was not under load");
    waiting(&env, "upload", 40 - u32::try_from(complete).expect("few")).await;
    let ledger = env.sandbox.omnium.ledger();
    let attached = ledger.iter().filter(|entry| entry.call == Call::Attach).count();
    assert_eq!(attached as u64, complete, "no call was interrupted");

    env.sandbox.omnium.clear_faults();
    env.ok(&["resume", "upload"]);
    env.complete(40).await;
    env.assert_exactly_once(1..=40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn render_continues_without_a_reachable_store() {
    let mut env = TestEnv::new().await;
    let _others = env.consume(&["receipt", "upload", "dead"]).await;
    env.ok(&["pause", "erp"]);
    let (_, url) =
        env.settings.iter().find(|(name, _)| name == "BILAG_DATABASE_URL").expect("a store").clone();
    let nowhere = ["postgres://bilag:hunter2@127.0.0.1:1/bilag", "sqlite://nobody-made-this.db"];
    for (number, nowhere) in (1..).zip(nowhere) {
        env.set("BILAG_DATABASE_URL", nowhere);
        let render = env.consume(&["render"]).await;
        env.set("BILAG_DATABASE_URL", &url);
        publish(&env, [number]).await;
        env.complete(number.into()).await;
        let log = render.log();
        assert_eq!(log.matches("operators' pauses cannot be read").count(), 1, "{log}");
        assert!(log.contains("BILAG_DATABASE_URL") && !log.contains("hunter2"), "{log}");
        assert_eq!(pids(&stage(&env, "render"), "processes"), [0; 0]);
        terminated(render).await;
    }
    env.assert_exactly_once(1..=2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn store_outage_neither_pauses_nor_resumes() {
    let postgres = PrivatePostgres::start();
    let env = TestEnv::on(Vhost::new().await, Store::Postgres(postgres.url.clone())).await;
    env.ok(&["topology", "apply", "receipt", "render", "upload", "dead"]);
    let receipts = env.consume(&["receipt"]).await;
    let render = env.consume(&["render"]).await;
    run_by(&env, "render", &[&render]).await;
    assert_eq!(env.ok(&["pause", "render"]), "render is paused: its process has confirmed\n");
    publish(&env, 1..=5).await;
    waiting(&env, "render", 5).await;

    postgres.kill();
    eventually("it notices the outage", async || {
        render.log().contains("operators' pauses cannot be read").then_some(())
    })
    .await;
    waiting(&env, "render", 5).await;
    postgres.restart();
    eventually("it reads the pauses again", async || {
        render.log().contains("operators' pauses are read again").then_some(())
    })
    .await;
    run_by(&env, "render", &[&render]).await;
    assert_eq!(stage(&env, "render")["processes"][0]["held"], true);
    waiting(&env, "render", 5).await;
    terminated(receipts).await;

    assert_eq!(env.ok(&["resume", "render"]), "render is resumed: its process has confirmed\n");
    waiting(&env, "upload", 5).await;
    let _rest = env.consume(&["receipt", "upload", "dead"]).await;
    env.complete(5).await;
    env.assert_exactly_once(1..=5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn automatic_pause_shows_reason_start_and_next_probe() {
    let mut env = TestEnv::new().await;
    let health = Health::of(&mut env);
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let down = Rule::new(Fault::Status { status, retry_after: None, done: false }).on(Call::Upsert);
    env.sandbox.omnium.add_fault(down);
    let _all = env.consume(&["all"]).await;
    publish(&env, 1..=8).await;
    let pause = eventually("it is reported", async || {
        let upload = stage(&env, "upload");
        let pause = upload["processes"][0]["pause"].clone();
        pause.is_object().then_some((upload, pause))
    })
    .await;
    let (upload, pause) = pause;
    let why = pause["why"].as_str().expect("a reason");
    assert!(why.contains("503"), "{why}");
    let time = |name: &str| {
        let time = pause[name].as_str().expect("a time");
        time.parse::<chrono::DateTime<chrono::Utc>>().expect("RFC 3339")
    };
    assert!(time("nextProbeAt") > time("since"), "{pause}");
    let words = upload["paused"].as_str().expect("words");
    assert!(words.starts_with("paused automatically since ") && words.contains("503"), "{words}");
    assert_eq!(upload["hold"], Value::Null);
    let listed = env.ok(&["stages"]);
    for text in ["paused automatically", "since", "503", "next probe"] {
        assert!(listed.contains(text), "{text}:\n{listed}");
    }
    let shown = health.stage("upload").await.expect("upload runs");
    assert!(shown["pause"]["nextProbeAt"].is_string(), "{shown}");

    // An operator's pause on top: no more probes, whatever Omnium answers.
    let output = env.ok(&["pause", "upload"]);
    assert!(output.starts_with("upload is paused: its process has confirmed\n"), "{output}");
    assert!(env.ok(&["stages"]).contains("after it is resumed"));
    env.sandbox.omnium.clear_faults();
    env.ok(&["resume", "upload"]);
    env.complete(8).await;
    eventually("the end of the pause is reported", async || {
        stage(&env, "upload")["paused"].is_null().then_some(())
    })
    .await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stage_without_processes_can_be_paused() {
    let env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    let output = env.ok(&["pause", "erp", "upload", "--as", "kari"]);
    let none = "is paused; it has no live consumers, and new ones will not consume\n";
    assert_eq!(output, format!("upload {none}erp {none}"));
    assert!(env.ok(&["stages"]).contains("no process reports to sqlite://"));
    assert_eq!(
        env.ok(&["resume", "erp"]),
        "erp is resumed; it has no live consumers\n",
        "the other one stays paused"
    );
    assert_eq!(stage(&env, "upload")["hold"]["who"], "kari");
    for wrong in [&["pause", "nobody"][..], &["pause", "all"], &["resume"], &["pause", "upload", "--as", ""]]
    {
        let (code, _, error) = exit_output(&env.run(wrong));
        assert_eq!(code, 2, "{wrong:?}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn doctor_and_the_receipt_name_a_pause() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    env.ok(&["pause", "upload", "--why", "maintenance", "--as", "kari"]);
    env.publish(&receipt(1)).await;
    waiting(&env, "upload", 1).await;

    let reported = "upload is paused by kari since ";
    let shown = env.ok(&["sync", "show", "1"]);
    assert!(shown.contains(reported) && shown.contains(": maintenance"), "{shown}");
    let json: Value = serde_json::from_str(&env.ok(&["sync", "show", "1", "--json"])).expect("JSON");
    assert!(json[0]["heldUpBy"][0].as_str().is_some_and(|why| why.starts_with(reported)), "{json}");
    let checked = env.ok(&["doctor"]);
    assert!(checked.contains(reported) && checked.contains("`bilag resume upload`"), "{checked}");
    let console = env.console(&[]).await;
    let page =
        reqwest::get(console.at("/receipts/7/rcpt-1")).await.expect("a page").text().await.expect("text");
    assert!(page.contains(&format!("Held up: <bdi>{reported}")), "{page}");

    env.ok(&["resume", "upload"]);
    env.complete(1).await;
    let shown = env.ok(&["sync", "show", "1"]);
    assert!(!shown.contains("held up by"), "{shown}");
    assert!(!env.ok(&["doctor"]).contains(reported));
}
