//! Several processes' permits from one store, before the stand-in for Omnium.

use std::sync::Arc;
use std::time::Duration;

use events::Uid;
use omnium::{AttachBy, CallError, Config, Omnium, Secret, TenantLimit};
use permits::Permits;
use sandbox::omnium::{Call, Fault, Limits, Options, Rule};
use sandbox::{Sandbox, serve};
use sync_store::PermitLimits;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

async fn sandbox(limits: Limits) -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let omnium = Options { limits, ..Options::default() };
    serve(listener, sandbox::Options { omnium, ..Default::default() }).expect("it serves")
}

/// One process's store, permits and client.
async fn process(
    folder: &TempDir,
    sandbox: &Sandbox,
    limits: Option<PermitLimits>,
) -> (Arc<Permits>, Omnium) {
    let url = format!("sqlite://{}", folder.path().join("bilag.db").display());
    let store = sync_store::connect(&url).await.expect("the store opens");
    let permits = match limits {
        Some(limits) => Permits::with_limits(store, limits),
        None => Permits::new(store),
    };
    let omnium = client(sandbox, &permits, "an-id", None);
    (permits, omnium)
}

fn client(sandbox: &Sandbox, permits: &Arc<Permits>, id: &str, tenant: Option<TenantLimit>) -> Omnium {
    let config = Config {
        base_url: sandbox.base_url(),
        client_id: Secret::new(id),
        client_secret: Secret::new("a-secret"),
        max_concurrent: 16,
        timeout: Duration::from_secs(5),
        attach_by: AttachBy::File,
        tenant,
    };
    Omnium::new(config, permits.clone()).expect("a client")
}

async fn find(omnium: Omnium) -> Result<(), CallError> {
    let id = Uid::new("r-1").expect("an identifier");
    omnium.find_invoice(&id).await.map(drop)
}

/// So many calls of each, all at once; every one has to be answered.
async fn call(clients: &[Omnium], calls: usize) {
    let mut tasks = JoinSet::new();
    for omnium in clients {
        (0..calls).for_each(|_| drop(tasks.spawn(find(omnium.clone()))));
    }
    for result in tasks.join_all().await {
        result.expect("answered");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_processes_use_the_limit_and_never_exceed_it() {
    let (folder, sandbox) = (TempDir::new().expect("a folder"), sandbox(Limits::default()).await);
    sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 20 }));
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(process(&folder, &sandbox, None).await.1);
    }
    call(&clients, 150).await;
    let summary = sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert!((17..=20).contains(&summary.max_in_flight), "{} at once", summary.max_in_flight);
    assert_eq!(summary.count(Call::Get, 404), 600);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_process_gets_unused_permits() {
    let (folder, sandbox) = (TempDir::new().expect("a folder"), sandbox(Limits::default()).await);
    let mut idle = Vec::new();
    for _ in 0..3 {
        idle.push(process(&folder, &sandbox, None).await);
    }
    let clients: Vec<_> = idle.iter().map(|(_, omnium)| omnium.clone()).collect();
    sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 20 }));
    call(&clients, 40).await;
    let (_permits, busy) = process(&folder, &sandbox, None).await;
    let before = sandbox.omnium.ledger().len();
    // What the others hold they give back a few seconds after their last call.
    let most = async || {
        let ledger = sandbox.omnium.ledger();
        ledger.iter().skip(before).map(|entry| entry.in_flight).max().unwrap_or(0)
    };
    let reached = async {
        while most().await < 16 {
            call(std::slice::from_ref(&busy), 40).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), reached).await.expect("it gets 16 permits");
    assert!(sandbox.omnium.summary().violations.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_share_a_small_bucket_without_a_429() {
    // Theirs comes back in steps; ours holds less by a step, and by what is drawn for a second.
    let theirs = Limits { concurrent: 20, capacity: 60, refill: 20, period: Duration::from_secs(1) };
    let ours = PermitLimits { concurrent: 20, capacity: 60 - 20 - 20, refill_per_second: 20 };
    let (folder, sandbox) = (TempDir::new().expect("a folder"), sandbox(theirs).await);
    let (_a, one) = process(&folder, &sandbox, Some(ours)).await;
    let (_b, other) = process(&folder, &sandbox, Some(ours)).await;
    call(&[one, other], 50).await;
    let summary = sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert_eq!((summary.count(Call::Get, 404), summary.count(Call::Get, 429)), (100, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_429_holds_other_processes() {
    let (folder, sandbox) = (TempDir::new().expect("a folder"), sandbox(Limits::default()).await);
    let (_a, one) = process(&folder, &sandbox, None).await;
    let status = 429.try_into().expect("a status");
    let fault = Fault::Status { status, retry_after: Some(60), done: false };
    sandbox.omnium.add_fault(Rule::new(fault).on(Call::Get).times(1));
    find(one).await.expect_err("throttled");
    let throttled = async {
        loop {
            let (_b, other) = process(&folder, &sandbox, None).await;
            match find(other).await {
                Ok(()) => {}
                Err(error) => break error,
            }
        }
    };
    let error = tokio::time::timeout(Duration::from_secs(60), throttled).await.expect("it gets to know");
    let retry_after = match &error {
        CallError::NoToken(_, source) => match &**source {
            CallError::Throttled { retry_after, .. } => retry_after.as_secs(),
            other => panic!("{other:?}"),
        },
        CallError::Throttled { retry_after, .. } => retry_after.as_secs(),
        other => panic!("{other:?}"),
    };
    assert!((30..=60).contains(&retry_after), "{retry_after}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permits_given_back_are_free_at_once() {
    let (folder, sandbox) = (TempDir::new().expect("a folder"), sandbox(Limits::default()).await);
    sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 500 }));
    let (permits, first) = process(&folder, &sandbox, None).await;
    call(&[first], 40).await;
    permits.give_back().await;
    let before = sandbox.omnium.ledger().len();
    let (_permits, second) = process(&folder, &sandbox, None).await;
    call(&[second], 16).await;
    let ledger = sandbox.omnium.ledger();
    let (first_at, most) =
        (ledger[before].at_ms, ledger.iter().skip(before).map(|entry| entry.in_flight).max());
    let last_at = ledger.last().expect("calls").at_ms;
    assert_eq!(most, Some(16), "from {first_at} to {last_at}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn api_users_of_one_omnium_tenant_share_its_limit() {
    let (folder, sandbox) = (TempDir::new().expect("a folder"), sandbox(Limits::default()).await);
    sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 20 }));
    let mut kept = Vec::new();
    let mut clients = Vec::new();
    for id in ["a-till", "a-shop"] {
        let (permits, _) = process(&folder, &sandbox, None).await;
        let tenant = TenantLimit { name: Some("nordlys".to_owned()), concurrent: 6 };
        clients.push(client(&sandbox, &permits, id, Some(tenant)));
        kept.push(permits);
    }
    call(&clients, 60).await;
    let summary = sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert!((4..=6).contains(&summary.max_in_flight), "{} at once", summary.max_in_flight);
    assert_eq!(summary.count(Call::Get, 404), 120);
}
