//! Several tenants in one installation: what holds up one of them does not hold up the others.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bilag_tests::{Health, Store, TIMEOUT, Vhost, World, eventually, eventually_within, receipt};
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

/// Two tenants with an API user each, and two attempts for each message: an outage that spent any would
/// leave nothing alive.
pub(crate) async fn world() -> (World, Health) {
    let credentials = SECRETS.map(|(id, secret)| (id.to_owned(), secret.to_owned())).to_vec();
    let omnium = Options { credentials, ..Options::default() };
    let options = sandbox::Options { omnium, ..Default::default() };
    let mut world = World::with(Vhost::new().await, Store::Sqlite, options).await;
    for name in ["OMNIUM_CLIENT_ID", "OMNIUM_CLIENT_SECRET", "OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM"] {
        world.unset(name);
    }
    world.file("eight.secret", "secret-8\n");
    let file = world.file("tenants.toml", FILE).display().to_string();
    for (name, value) in [
        ("BILAG_TENANTS", &*file),
        ("SEVEN_ID", "user-7"),
        ("SEVEN_SECRET", "secret-7"),
        ("EIGHT_ID", "user-8"),
        ("BILAG_RETRY_DELAYS", "300ms,600ms"),
        ("BILAG_CONCURRENCY", "8"),
    ] {
        world.set(name, value);
    }
    let health = Health::of(&mut world);
    (world, health)
}

async fn publish_both(world: &World, sevens: RangeInclusive<u32>, eights: RangeInclusive<u32>) {
    for (seven, eight) in sevens.zip(eights) {
        world.publish(&receipt_of("8", eight)).await;
        world.publish(&receipt_of("7", seven)).await;
    }
}

/// How many of these receipts have their file.
fn attached(world: &World, numbers: RangeInclusive<u32>) -> usize {
    let invoices = world.sandbox.omnium.summary().facts.invoices;
    let has_file =
        |number: &u32| invoices.get(&format!("rcpt-{number}")).is_some_and(|it| it.files.len() == 1);
    numbers.filter(has_file).count()
}

async fn all_attached(world: &World, numbers: RangeInclusive<u32>) {
    let count = numbers.clone().count();
    eventually(&format!("{numbers:?} have their files"), async || {
        (attached(world, numbers.clone()) == count).then_some(())
    })
    .await;
}

/// Why the messages of a tenant wait, once they do; the stage itself goes on.
async fn bulkhead_paused(health: &Health, tenant: &str) -> String {
    eventually("/readyz says since when and why the tenant's messages wait", async || {
        let stage = health.stage("upload").await?;
        assert_eq!(stage["pause"], Value::Null, "the stage goes on: {stage}");
        stage["lanes"][tenant]["since"].as_str()?;
        stage["lanes"][tenant]["nextProbeAt"].as_str()?;
        stage["lanes"][tenant]["why"].as_str().map(str::to_owned)
    })
    .await
}

/// Nothing died; each invoice was sent by its own tenant's user, within that user's limit.
fn assert_kept_apart(world: &World) {
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    for entry in world.sandbox.omnium.ledger() {
        // Whoever calls with a token that was revoked is not known.
        let Some(user) = entry.about.client_id.clone() else { continue };
        let count = most.entry(user.clone()).or_default();
        *count = entry.in_flight.max(*count);
        if let Some(invoice) = &entry.about.invoice_id {
            let tenant = user.strip_prefix("user-").expect("one of two");
            assert!(invoice.starts_with(&format!("rcpt-{tenant}")), "{entry:?}");
        }
    }
    assert!(most["user-7"] <= 3 && most["user-8"] <= 2, "{most:?}");
}

/// Tenant 8 is in trouble; tenant 7 completes meanwhile, tenant 8 once it is over.
async fn one_is_in_trouble(fault: Fault, call: Option<Call>, says: &str) {
    let (world, health) = world().await;
    let all = world.consume(&["all"]).await;
    publish_both(&world, 701..=702, 801..=802).await;
    world.complete_within(TIMEOUT, 4).await;

    world.sandbox.omnium.revoke_tokens();
    world.sandbox.omnium.add_fault(Rule { call, ..Rule::new(fault).of("user-8") });
    publish_both(&world, 703..=730, 803..=830).await;
    all_attached(&world, SEVENS).await;
    let why = bulkhead_paused(&health, "8").await;
    assert!(why.contains(says) && why.contains("tenant 8, by "), "{why}");
    let before = world.sandbox.omnium.ledger().len();
    eventually("more probes than there are attempts", async || {
        let ledger = world.sandbox.omnium.ledger();
        let asked =
            ledger.iter().skip(before).filter(|entry| entry.about.client_id.as_deref() == Some("user-8"));
        (asked.count() >= 5).then_some(())
    })
    .await;
    assert_eq!(attached(&world, EIGHTS), 2, "nothing more of tenant 8 went through");
    assert_kept_apart(&world);

    world.sandbox.omnium.clear_faults();
    world.complete_within(TIMEOUT, 60).await;
    world.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&world);
    eventually("the pause has ended", async || {
        (health.stage("upload").await?["lanes"] == json!({})).then_some(())
    })
    .await;
    let log = all.log();
    for told in ["bulkhead paused: different messages of it fail", "bulkhead resumed: a probe succeeded"] {
        assert_eq!(log.matches(told).count(), 1, "{told}:\n{log}");
    }
    assert!(!log.contains(" paused: different messages fail in a row"), "{log}");
}

pub(crate) fn status(status: u16) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after: None, done: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rejected_credentials_pause_only_their_tenant() {
    one_is_in_trouble(status(401), Some(Call::Token), "does not accept the credentials").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn omnium_outage_of_one_tenant_pauses_only_it() {
    one_is_in_trouble(status(503), Some(Call::Upsert), "Omnium is not available").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_delays_only_its_tenant() {
    const SECONDS: u64 = 12;
    let (world, _) = world().await;
    let throttled =
        Fault::Status { status: 429.try_into().expect("a status"), retry_after: Some(SECONDS), done: false };
    world.sandbox.omnium.add_fault(Rule::new(throttled).on(Call::Upsert).of("user-8").times(1));
    let _all = world.consume(&["all"]).await;
    publish_both(&world, SEVENS, EIGHTS).await;
    all_attached(&world, SEVENS).await;
    world.complete_within(TIMEOUT, 60).await;

    let ledger = world.sandbox.omnium.ledger();
    let told = ledger.iter().find(|entry| entry.status == Some(429)).expect("it was told");
    let held = told.at_ms + 1..told.at_ms + SECONDS * 1_000;
    let meanwhile = |user: &str| {
        let calls = ledger.iter().filter(|entry| entry.about.client_id.as_deref() == Some(user));
        calls.filter(|entry| entry.n > told.n && held.contains(&entry.at_ms)).count()
    };
    assert!(meanwhile("user-8") <= 1, "tenant 8 obeys, but for the call that was on its way");
    assert!(meanwhile("user-7") > 1, "tenant 7 was told nothing");
    world.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_tenant_leaves_in_flight_capacity_for_others() {
    let (mut world, _) = world().await;
    world.set("OMNIUM_TIMEOUT", "5s");
    for call in [Call::Upsert, Call::Attach] {
        world.sandbox.omnium.add_fault(Rule::new(Fault::Delay { ms: 1_500 }).on(call).of("user-8"));
    }
    let _all = world.consume(&["all"]).await;
    for number in EIGHTS {
        world.publish(&receipt_of("8", number)).await;
    }
    for number in SEVENS {
        world.publish(&receipt_of("7", number)).await;
    }
    all_attached(&world, SEVENS).await;
    let slow = attached(&world, EIGHTS);
    assert!(slow < EIGHTS.count(), "tenant 7 waited for all {slow} of tenant 8");
    world.complete_within(TIMEOUT, 60).await;
    world.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&world);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_secret_is_shown_until_its_file_is_fixed() {
    let (world, health) = world().await;
    world.file("eight.secret", "another-secret");
    let mut all = world.consume(&["all"]).await;
    publish_both(&world, SEVENS, EIGHTS).await;
    all_attached(&world, SEVENS).await;
    bulkhead_paused(&health, "8").await;
    let told = eventually("bilag stages tells of it", async || {
        let told = world.ok(&["stages"]);
        told.contains("tenant 8 paused automatically at").then_some(told)
    })
    .await;
    assert!(told.contains("running, but for 1 tenant(s)") && told.contains("next probe"), "{told}");
    let stages: Value = serde_json::from_str(&world.ok(&["stages", "--json"])).expect("JSON");
    let upload = stages.as_array().expect("stages").iter().find(|stage| stage["stage"] == "upload");
    let upload = upload.expect("it runs");
    assert_eq!((&upload["paused"], &upload["processes"][0]["lanes"][0]["lane"]), (&Value::Null, &json!("8")));
    let parked = eventually_within(TIMEOUT, "messages of tenant 8 wait, with no attempt spent", async || {
        let mut parked = world.vhost.peek("bilag.upload.retry.300ms", 100).await;
        parked.extend(world.vhost.peek("bilag.upload.retry.600ms", 100).await);
        (!parked.is_empty()).then_some(parked)
    })
    .await;
    assert!(parked.iter().all(|message| message.attempt() == 0));
    assert!(!all.log().contains("another-secret"), "{}", all.log());

    world.file("eight.secret", "secret-8");
    all.terminate();
    eventually("it ends", async || all.has_ended()).await;
    let _all = world.consume(&["all"]).await;
    world.complete_within(TIMEOUT, 60).await;
    world.assert_exactly_once(SEVENS.chain(EIGHTS));
    assert_kept_apart(&world);
}
