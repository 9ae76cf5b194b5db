//! Several tenants in one installation: an outage of one does not delay the others.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bilag_tests::{Health, Store, TIMEOUT, TestEnv, Vhost, eventually, eventually_within, receipt};
use sandbox::omnium::{Call, Fault, Options, Rule};
use serde_json::{Value, json};

/// The secrets of the API users of tenants 7 and 8.
const SECRETS: [(&str, &str); 2] = [("user-7", "secret-7"), ("user-8", "secret-8")];

const FILE: &str = r#"
[tenant.7]
client-id = {env="SEVEN_ID"}
client-secret = {env="SEVEN_SECRET"}
send = true
max-concurrent-requests = 3

[tenant.8]
client-id = {env="EIGHT_ID"}
client-secret = {file="eight.secret"}
send = true
max-concurrent-requests = 2
"#;

/// The receipts of each tenant.
const SEVENS: RangeInclusive<u32> = 701..=730;
const EIGHTS: RangeInclusive<u32> = 801..=830;

pub(crate) fn receipt_of(tenant: &str, number: u32) -> Value {
    let mut event = receipt(number);
    event["tenant"]["uid"] = json!(tenant);
    event
}

/// Two tenants with their own API users, and two attempts per message: an outage that spent attempts would
/// kill them.
pub(crate) async fn test_env() -> (TestEnv, Health) {
    let credentials = SECRETS.map(|(id, secret)| (id.to_owned(), secret.to_owned())).to_vec();
    let omnium = Options { credentials, ..Options::default() };
    let options = sandbox::Options { omnium, ..Default::default() };
    let mut env = TestEnv::with(Vhost::new().await, Store::Sqlite, options).await;
    for name in ["OMNIUM_CLIENT_ID", "OMNIUM_CLIENT_SECRET", "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM"] {
        env.unset(name);
    }
    env.file("eight.secret", "secret-8\n");
    let file = env.file("tenants.toml", FILE).display().to_string();
    for (name, value) in [
        ("BILAG_TENANTS", &*file),
        ("SEVEN_ID", "user-7"),
        ("SEVEN_SECRET", "secret-7"),
        ("EIGHT_ID", "user-8"),
        ("BILAG_RETRY_DELAYS", "300ms,600ms"),
        ("BILAG_CONCURRENCY", "8"),
    ] {
        env.set(name, value);
    }
    let health = Health::of(&mut env);
    (env, health)
}

async fn publish_both(env: &TestEnv, sevens: RangeInclusive<u32>, eights: RangeInclusive<u32>) {
    for (seven, eight) in sevens.zip(eights) {
        env.publish(&receipt_of("8", eight)).await;
        env.publish(&receipt_of("7", seven)).await;
    }
}

/// The number of these receipts with their file attached.
fn attached(env: &TestEnv, numbers: RangeInclusive<u32>) -> usize {
    let invoices = env.sandbox.omnium.summary().facts.invoices;
    let has_file =
        |number: &u32| invoices.get(&format!("rcpt-{number}")).is_some_and(|it| it.files.len() == 1);
    numbers.filter(has_file).count()
}

async fn all_attached(env: &TestEnv, numbers: RangeInclusive<u32>) {
    let count = numbers.clone().count();
    eventually(&format!("{numbers:?} have their files"), async || {
        (attached(env, numbers.clone()) == count).then_some(())
    })
    .await;
}

/// Waits until a tenant's bulkhead is paused while the stage is not; returns the reason.
async fn bulkhead_paused(health: &Health, tenant: &str) -> String {
    eventually("/readyz shows since when and why the tenant is paused", async || {
        let stage = health.stage("upload").await?;
        assert_eq!(stage["pause"], Value::Null, "the stage is not paused: {stage}");
        stage["lanes"][tenant]["since"].as_str()?;
        stage["lanes"][tenant]["nextProbeAt"].as_str()?;
        stage["lanes"][tenant]["why"].as_str().map(str::to_owned)
    })
    .await
}

/// Nothing died; each invoice was sent by its tenant's API user, within that user's limit.
fn assert_kept_apart(env: &TestEnv) {
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for entry in env.sandbox.omnium.ledger() {
        // Calls with a revoked token have no known user.
        let Some(user) = entry.about.subject.client_id.clone() else { continue };
        let count = most.entry(user.clone()).or_default();
        *count = entry.in_flight.max(*count);
        if let Some(invoice) = &entry.about.subject.invoice_id {
            let tenant = user.strip_prefix("user-").expect("one of two");
            assert!(invoice.starts_with(&format!("rcpt-{tenant}")), "{entry:?}");
        }
    }
    assert!(most["user-7"] <= 3 && most["user-8"] <= 2, "{most:?}");
}

/// Tenant 8 has a fault; tenant 7 completes meanwhile, tenant 8 once the fault is cleared.
async fn assert_only_tenant_8_affected(fault: Fault, call: Option<Call>, says: &str) {
    let (env, health) = test_env().await;
    let all = env.consume(&["all"]).await;
    publish_both(&env, 701..=702, 801..=802).await;
    env.complete(4).await;

    env.sandbox.omnium.revoke_tokens();
    env.sandbox.omnium.add_fault(Rule { call, ..Rule::new(fault).of("user-8") });
    publish_both(&env, 703..=730, 803..=830).await;
    all_attached(&env, SEVENS).await;
    let why = bulkhead_paused(&health, "8").await;
    assert!(why.contains(says) && why.contains("tenant 8, by "), "{why}");
    let before = env.sandbox.omnium.ledger().len();
    eventually("more probes than there are attempts", async || {
        let ledger = env.sandbox.omnium.ledger();
        let asked = ledger
            .iter()
            .skip(before)
            .filter(|entry| entry.about.subject.client_id.as_deref() == Some("user-8"));
        (asked.count() >= 5).then_some(())
    })
    .await;
    assert_eq!(attached(&env, EIGHTS), 2, "nothing more of tenant 8 was sent");
    assert_kept_apart(&env);

    env.sandbox.omnium.clear_faults();
    env.complete(60).await;
    env.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&env);
    eventually("the pause has ended", async || {
        (health.stage("upload").await?["lanes"] == json!({})).then_some(())
    })
    .await;
    let log = all.log();
    for reported in ["bulkhead paused: different messages of it fail", "bulkhead resumed: a probe succeeded"]
    {
        assert_eq!(log.matches(reported).count(), 1, "{reported}:\n{log}");
    }
    assert!(!log.contains(" paused: different messages fail in a row"), "{log}");
}

pub(crate) fn status(status: u16) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after: None, done: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_credentials_pause_only_their_tenant() {
    assert_only_tenant_8_affected(status(401), Some(Call::Token), "does not accept the credentials").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_outage_of_one_tenant_pauses_only_it() {
    assert_only_tenant_8_affected(status(503), Some(Call::Upsert), "Omnium is not available").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_delays_only_its_tenant() {
    const SECONDS: u64 = 12;
    let (env, _) = test_env().await;
    let throttled =
        Fault::Status { status: 429.try_into().expect("a status"), retry_after: Some(SECONDS), done: false };
    env.sandbox.omnium.add_fault(Rule::new(throttled).on(Call::Upsert).of("user-8").times(1));
    let _all = env.consume(&["all"]).await;
    publish_both(&env, SEVENS, EIGHTS).await;
    all_attached(&env, SEVENS).await;
    env.complete(60).await;

    let ledger = env.sandbox.omnium.ledger();
    let throttled = ledger.iter().find(|entry| entry.status == Some(429)).expect("it got the 429");
    let held = throttled.at_ms + 1..throttled.at_ms + SECONDS * 1_000;
    let publish_during_outage = |user: &str| {
        let calls = ledger.iter().filter(|entry| entry.about.subject.client_id.as_deref() == Some(user));
        calls.filter(|entry| entry.n > throttled.n && held.contains(&entry.at_ms)).count()
    };
    assert!(publish_during_outage("user-8") <= 1, "tenant 8 waits, except for the call in flight");
    assert!(publish_during_outage("user-7") > 1, "tenant 7 does not wait");
    env.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&env);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_tenant_leaves_in_flight_capacity_for_others() {
    let (mut env, _) = test_env().await;
    env.set("OMNIUM_TIMEOUT", "5s");
    for call in [Call::Upsert, Call::Attach] {
        env.sandbox.omnium.add_fault(Rule::new(Fault::Delay { ms: 1_500 }).on(call).of("user-8"));
    }
    let _all = env.consume(&["all"]).await;
    for number in EIGHTS {
        env.publish(&receipt_of("8", number)).await;
    }
    for number in SEVENS {
        env.publish(&receipt_of("7", number)).await;
    }
    all_attached(&env, SEVENS).await;
    let slow = attached(&env, EIGHTS);
    assert!(slow < EIGHTS.count(), "tenant 7 waited for all {slow} of tenant 8");
    env.complete(60).await;
    env.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&env);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_secret_is_shown_until_its_file_is_fixed() {
    let (env, health) = test_env().await;
    env.file("eight.secret", "another-secret");
    let mut all = env.consume(&["all"]).await;
    publish_both(&env, SEVENS, EIGHTS).await;
    all_attached(&env, SEVENS).await;
    bulkhead_paused(&health, "8").await;
    let reported = eventually("bilag stages shows it", async || {
        let reported = env.ok(&["stages"]);
        reported.contains("tenant 8 paused automatically at").then_some(reported)
    })
    .await;
    assert!(
        reported.contains("running, but for 1 tenant(s)") && reported.contains("next probe"),
        "{reported}"
    );
    let stages: Value = serde_json::from_str(&env.ok(&["stages", "--json"])).expect("JSON");
    let upload = stages.as_array().expect("stages").iter().find(|stage| stage["stage"] == "upload");
    let upload = upload.expect("it runs");
    assert_eq!((&upload["paused"], &upload["processes"][0]["lanes"][0]["lane"]), (&Value::Null, &json!("8")));
    let parked = eventually_within(TIMEOUT, "messages of tenant 8 wait, with no attempt spent", async || {
        let mut parked = env.vhost.peek("bilag.upload.retry.300ms", 100).await;
        parked.extend(env.vhost.peek("bilag.upload.retry.600ms", 100).await);
        (!parked.is_empty()).then_some(parked)
    })
    .await;
    assert!(parked.iter().all(|message| message.attempt() == 0));
    assert!(!all.log().contains("another-secret"), "{}", all.log());

    env.file("eight.secret", "secret-8");
    all.terminate();
    eventually("it ends", async || all.has_ended()).await;
    let _all = env.consume(&["all"]).await;
    env.complete(60).await;
    env.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&env);
}
