//! Notifications: once per cause, after the limit and not before, kept while the webhook or the SMTP server is down,
//! at most repeated where a sender is killed, and a tenant's to that tenant alone.

use std::collections::BTreeSet;
use std::ops::Range;

use bilag_tests::{SmtpServer, TestEnv, eventually, exit_output, receipt};
use lapin::BasicProperties;
use reqwest::StatusCode;
use sandbox::chat::{Fault, Rule};
use sandbox::omnium::{self, Call};
use serde_json::{Value, json};

use crate::tenants::receipt_of;

async fn notifying() -> TestEnv {
    let mut env = TestEnv::new().await;
    env.enable_notifications();
    env.set("BILAG_NOTIFY_AFTER", "1s");
    env
}

/// The texts that begin with this title.
fn texts(env: &TestEnv, title: &str) -> Vec<String> {
    let begin = format!("*{title}");
    env.sandbox.chat.summary().texts.iter().filter(|text| text.starts_with(&begin)).cloned().collect()
}

async fn notified(env: &TestEnv, title: &str) -> String {
    eventually(&format!("a notification: {title}"), async || texts(env, title).pop()).await
}

/// Waits for a whole look at the store: what was so before would have been notified of.
async fn looked(env: &TestEnv, stage: &str) {
    env.ok(&["pause", stage]);
    notified(env, &format!("Stage {stage} is paused by an operator")).await;
}

async fn broken(env: &TestEnv, numbers: Range<u32>) {
    for number in numbers {
        env.publish_bytes(format!("{{\"id\": {number}").as_bytes(), BasicProperties::default()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cause_is_notified_once_until_it_comes_back() {
    let env = notifying().await;
    let refuses = omnium::Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(omnium::Rule::new(refuses).on(Call::Upsert));
    let _all = env.consume(&["all"]).await;
    broken(&env, 0..3).await;
    for number in 1..=2 {
        env.publish(&receipt(number)).await;
    }
    env.wait_for_dead_letters(5).await;
    let (undecodable, rejected) = (
        "New cause of dead letters in receipt: undecodable",
        "New cause of dead letters in upload: omnium_rejected",
    );
    for (title, next) in
        [(undecodable, "bilag dead list receipt --group"), (rejected, "bilag dead list upload --group")]
    {
        let text = notified(&env, title).await;
        assert!(text.ends_with(&format!("Next: `{next}`")), "{text}");
    }
    broken(&env, 3..5).await;
    env.wait_for_dead_letters(7).await;
    looked(&env, "erp").await;
    assert_eq!((texts(&env, undecodable).len(), texts(&env, rejected).len()), (1, 1));

    env.ok(&["dead", "discard", "--stage", "receipt"]);
    looked(&env, "render").await;
    broken(&env, 5..6).await;
    eventually("it came back", async || (texts(&env, undecodable).len() == 2).then_some(())).await;
    assert_eq!(texts(&env, rejected).len(), 1);
    assert!(env.sandbox.chat.summary().violations.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_is_notified_after_the_limit_though_the_webhook_fails_meanwhile() {
    let mut env = notifying().await;
    env.set("BILAG_NOTIFY_AFTER", "10s");
    let unavailable =
        omnium::Fault::Status { status: StatusCode::SERVICE_UNAVAILABLE, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(omnium::Rule::new(unavailable).on(Call::Upsert));
    let chat = env.sandbox.chat.clone();
    let fails = |status: StatusCode, retry_after| {
        chat.add_fault(Rule::new(Fault::Status { status, retry_after, done: false }).times(1));
    };
    fails(StatusCode::SERVICE_UNAVAILABLE, None);
    let _all = env.consume(&["all"]).await;
    for number in 1..=20 {
        env.publish(&receipt(number)).await;
    }
    let since = eventually("upload is paused", async || {
        let stages: Value = serde_json::from_str(&env.ok(&["stages", "--json"])).expect("JSON");
        let upload = stages.as_array()?.iter().find(|stage| stage["stage"] == "upload")?.clone();
        let since = upload["processes"][0]["pause"]["since"].as_str()?.to_owned();
        chrono::DateTime::parse_from_rfc3339(&since).ok()
    })
    .await;
    eventually("the webhook fails", async || (!chat.ledger().is_empty()).then_some(())).await;
    fails(StatusCode::TOO_MANY_REQUESTS, Some(1));
    let text = notified(&env, "Stage upload is paused: what it calls is unavailable").await;
    assert!(text.contains("Next: `bilag stages`"), "{text}");
    // The text is there before its answer is written down.
    let calls = eventually("all calls are answered", async || {
        Some(chat.ledger()).filter(|calls| calls.iter().all(|call| call.status.is_some()))
    })
    .await;
    let statuses: Vec<_> = calls.iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(503), Some(429), Some(200)]);
    let first = i64::try_from(calls[0].at_ms).expect("a time");
    assert!(first >= since.timestamp_millis() + 10_000, "{first}, paused {since}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_summary_is_sent_once_and_repeated_only_after_a_kill() {
    let mut env = notifying().await;
    env.set("BILAG_NOTIFY_SUMMARY_AT", "00:00");
    env.sandbox.chat.add_fault(Rule::new(Fault::SlowAnswer { ms: 5_000 }).times(1));
    let mut first = env.consume(&["dead"]).await;
    eventually("it is being sent", async || (!env.sandbox.chat.summary().texts.is_empty()).then_some(()))
        .await;
    first.kill();
    // What a minute does.
    env.sqlite("update notification set lease_until = 1; update reconcile_lease set until = 1");
    let mut second = env.consume(&["dead"]).await;
    let _third = env.consume(&["dead"]).await;
    let unsent = async || env.store().await.unsent_notifications().await.expect("counted");
    eventually("it is marked sent", async || (unsent().await == (0, 0)).then_some(())).await;
    looked(&env, "erp").await;
    second.kill();
    env.sqlite("update reconcile_lease set until = 1");
    looked(&env, "upload").await;
    let summaries = texts(&env, "Receipts of ");
    assert_eq!(summaries.len(), 2, "{summaries:?}");
    assert_eq!(summaries[0], summaries[1]);
    assert!(summaries[0].contains("\nReceived: 0\n"), "{summaries:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notify_test_says_what_the_webhook_answers_and_never_its_url() {
    let mut env = TestEnv::new().await;
    let (code, _, error) = exit_output(&env.run(&["notify", "--test"]));
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("nobody is notified: set BILAG_NOTIFY_WEBHOOK_URL"), "{error}");
    env.enable_notifications();
    assert_eq!(env.ok(&["notify", "--test"]), "the notification webhook answered 200\n");
    notified(&env, "Test of Bilag's notifications").await;
    let (_, looked, _) = exit_output(&env.run(&["doctor", "dead"]));
    assert!(looked.contains("notifications: the notification webhook answers 405 to OPTIONS"), "{looked}");
    let nowhere = env.sandbox.chat_url() + "/nobody/hunter2-secret";
    env.set("BILAG_NOTIFY_WEBHOOK_URL", &nowhere);
    let (code, _, error) = exit_output(&env.run(&["notify", "--test"]));
    assert_eq!(code, 1, "{error}");
    assert!(error.contains("check BILAG_NOTIFY_WEBHOOK_URL") && !error.contains("hunter2"), "{error}");

    let chat = env.sandbox.chat_url();
    env.set("BILAG_NOTIFY_WEBHOOK_URL", &chat);
    env.set("BILAG_NOTIFY_WEBHOOK_FORM", "teams");
    let (code, _, error) = exit_output(&env.run(&["notify", "--test"]));
    assert_eq!(code, 1, "a chat that takes Slack's form alone: {error}");
    assert_eq!(json!(env.sandbox.chat.ledger().last().and_then(|call| call.status)), json!(400));
}

/// Who gets e-mail. The first time, the server has no time for the second; the third is gone.
const ADDRESSES: [&str; 3] = ["ops@nordlys.example", "busy@nordlys.example", "gone@nordlys.example"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_address_gets_its_own_email_though_others_are_refused() {
    let mut env = TestEnv::new().await;
    let server = SmtpServer::start(&env);
    server.enable(&mut env, "hunter2-secret");
    env.set("BILAG_NOTIFY_EMAIL_TO", &ADDRESSES.join(","));
    env.set("BILAG_CONSOLE_URL", "https://bilag.nordlys.example");
    let dead = env.consume(&["receipt", "dead"]).await;
    broken(&env, 0..3).await;
    let subject = "New cause of dead letters in receipt: undecodable";
    for address in &ADDRESSES[..2] {
        let message = server.message(address, subject).await;
        assert_eq!((&message["secure"], &message["sender"]), (&json!(true), &json!("bilag@nordlys.example")));
        let headers = &message["headers"];
        assert_eq!((&headers["to"], &headers["auto-submitted"]), (&json!(address), &json!("auto-generated")));
        let id = headers["message-id"].as_str().expect("an id");
        assert!(id.ends_with("@nordlys.example>"), "{id}");
        let text = message["text"].as_str().expect("a text");
        assert!(text.starts_with(&format!("{subject}\n\nDead letters: ")), "{text}");
        let end = "\n\nNext: bilag dead list receipt --group\nConsole: https://bilag.nordlys.example";
        assert!(text.trim_end().ends_with(end), "{text}");
    }
    eventually("who is gone is logged without the address", async || {
        let log = dead.log();
        let line = log.lines().find(|line| line.contains("550 5.1.1"))?;
        assert!(line.contains("does not take the message") && !log.contains("@nordlys"), "{log}");
        Some(())
    })
    .await;
    let sent = ADDRESSES.map(|address| server.messages(address).len());
    assert_eq!(sent, [1, 1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notify_test_says_what_is_wrong_with_the_smtp_server_and_never_its_password() {
    let mut env = TestEnv::new().await;
    let server = SmtpServer::start(&env);
    server.enable(&mut env, "hunter2-secret");
    let (code, _, error) = exit_output(&env.run(&["notify", "--test"]));
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("BILAG_NOTIFY_SMTP_URL: set, and nobody gets e-mail"), "{error}");
    env.set("BILAG_NOTIFY_EMAIL_TO", "ops@nordlys.example");
    let said = env.ok(&["notify", "--test"]);
    let email = said.strip_suffix(" was taken by the SMTP server\n").expect("it was taken");
    assert!(email.starts_with("e-mail ") && email.ends_with(" to ops@nordlys.example"), "{said}");
    server.message("ops@nordlys.example", "Test of Bilag's notifications").await;
    let (_, looked, _) = exit_output(&env.run(&["doctor", "dead"]));
    let found = format!("notifications: {email} has an SMTP server that accepts the login");
    assert!(looked.contains(&found), "{looked}");

    let refused = |env: &TestEnv, said: &str| {
        let (code, _, error) = exit_output(&env.run(&["notify", "--test"]));
        assert_eq!(code, 1, "{error}");
        assert!(error.contains(said) && !error.contains("wrong-secret"), "{error}");
    };
    server.enable(&mut env, "wrong-secret");
    refused(&env, "does not accept the login; check BILAG_NOTIFY_SMTP_URL: it answered 535");
    server.enable(&mut env, "hunter2-secret");
    env.set("SSL_CERT_FILE", "/nowhere.pem");
    refused(&env, "its certificate and the network");
    env.set("BILAG_NOTIFY_SMTP_URL", "smtp://bilag:wrong-secret@localhost:1?tls=required");
    refused(&env, "its certificate and the network");
    assert_eq!(server.messages("ops@nordlys.example").len(), 1);

    let plain = SmtpServer::start_plain();
    env.set("BILAG_NOTIFY_SMTP_URL", &format!("smtp://localhost:{}?tls=required", plain.port()));
    refused(&env, "STARTTLS is not supported");
    assert_eq!(plain.messages("ops@nordlys.example").len(), 0);
    env.set("BILAG_NOTIFY_SMTP_URL", &format!("smtp://localhost:{}", plain.port()));
    env.ok(&["notify", "--test"]);
    let message = plain.message("ops@nordlys.example", "Test of Bilag's notifications").await;
    assert_eq!(message["secure"], false);
    let (_, looked, _) = exit_output(&env.run(&["doctor", "dead"]));
    assert!(looked.contains("has an SMTP server that answers; its URL has no login"), "{looked}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_is_notified_of_its_own_alone() {
    let mut env = TestEnv::new().await;
    let server = SmtpServer::start(&env);
    server.enable(&mut env, "hunter2-secret");
    let chat = env.sandbox.chat_url();
    let file = "[tenant.7.notify]\nemail-to = [\"seven@nordlys.example\"]\n\
                [tenant.8.notify]\nwebhook-url = {env=\"EIGHT_CHAT\"}\nwebhook-form = \"slack\"\n[default]\n";
    let file = env.file("tenants.toml", file).display().to_string();
    for (name, value) in [
        ("BILAG_TENANTS", &*file),
        ("BILAG_NOTIFY_EMAIL_TO", "all@nordlys.example"),
        ("BILAG_NOTIFY_WEBHOOK_FORM", "teams"),
        ("BILAG_NOTIFY_AFTER", "1h"),
        ("EIGHT_CHAT", &chat),
    ] {
        env.set(name, value);
    }
    let refuses = omnium::Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(omnium::Rule::new(refuses).on(Call::Attach));
    let _all = env.consume(&["all"]).await;
    broken(&env, 0..1).await;
    for (tenant, number) in [("7", 1), ("8", 2), ("8", 3)] {
        env.publish(&receipt_of(tenant, number)).await;
    }
    env.wait_for_dead_letters(4).await;
    // What hours do.
    env.sqlite("update external_order_receipt_sync set updated_at = 1");

    let without_file = "Invoices without their file in omnium";
    let text = notified(&env, without_file).await;
    assert!(text.contains("\nInvoices: 2\n"), "{text}");
    for (address, count, of) in [("all@nordlys.example", 3, ""), ("seven@nordlys.example", 1, " --tenant 7")]
    {
        let message = server.message(address, without_file).await;
        let text = message["text"].as_str().expect("a text");
        assert!(text.contains(&format!("\nInvoices: {count}\n")), "{text}");
        let next = format!("\nNext: bilag dead list upload --text WITHOUT{of}\n");
        assert!(text.contains(&next), "{text}");
    }
    let listed = env.ok(&["dead", "list", "upload", "--text", "WITHOUT", "--tenant", "7", "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed["letters"].as_array().map(Vec::len), Some(1), "{listed}");

    // Messages are sent in the order in which they were noted, so this is the last of each.
    env.ok(&["pause", "erp"]);
    env.sqlite("update stage_hold set since = 1");
    let (rejected, undecodable) = (
        "New cause of dead letters in upload: omnium_rejected",
        "New cause of dead letters in receipt: undecodable",
    );
    let pause = "Stage erp is paused by an operator";
    for (address, expected) in [
        ("all@nordlys.example", &[pause, rejected, undecodable, without_file][..]),
        ("seven@nordlys.example", &[pause, rejected, without_file]),
    ] {
        server.message(address, pause).await;
        let messages = server.messages(address);
        let subjects = messages.iter().map(|message| message["headers"]["subject"].as_str().expect("a text"));
        assert_eq!(subjects.collect::<BTreeSet<_>>(), expected.iter().copied().collect());
    }
    notified(&env, pause).await;
    assert_eq!(texts(&env, undecodable).len(), 0);
    let own = server.message("seven@nordlys.example", rejected).await;
    assert!(own["text"].as_str().is_some_and(|text| text.contains("\nDead letters: 1\n")), "{own}");
}
