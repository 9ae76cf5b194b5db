//! What is PostgreSQL's own: a server that goes away in the middle of the work, and comes back.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use config::Secret;
use futures_util::future::join_all;
use sqlx::{Connection as _, Executor as _, PgConnection};
use sync_store::{Lease, NewAuditEntry, State, StoreError, connect, connect_by, connect_to_existing};

use crate::fresh::Fresh;
use crate::given::{LONG, TARGET, granted, in_state, key, receipt, record};
use crate::in_time;

/// A server of this test's own.
struct Server {
    folder: PathBuf,
    url: String,
}

impl Server {
    fn start() -> Self {
        let folder = std::env::temp_dir().join(format!("bilag-{}", uuid::Uuid::new_v4().simple()));
        let mut server = Self { folder, url: String::new() };
        server.start_again();
        server
    }

    fn start_again(&mut self) {
        let output = self.script("start");
        self.url = String::from_utf8(output.stdout).expect("a URL").trim().to_owned();
        assert!(!self.url.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// As a power cut would: no process of it gets to say goodbye.
    fn kill(&self) {
        let pids = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).expect("it runs");
        let pid = pids.lines().next().expect("its pid comes first");
        let killed = Command::new("kill").args(["-9", pid]).status().expect("kill runs");
        assert!(killed.success());
    }

    fn script(&self, command: &str) -> Output {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../dev/postgres.sh");
        Command::new(script).arg(command).arg(&self.folder).output().expect("the script runs")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.script("stop");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_a_killed_server_without_loss() {
    let mut server = Server::start();
    let fresh = Fresh::on_server(&server.url).await;
    let store = fresh.connect().await;
    let (answered, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let stop = AtomicBool::new(false);

    let callers = (0..16).map(|caller| {
        let (store, answered, refused, stop) = (&store, &answered, &refused, &stop);
        async move {
            let mut kept = Vec::new();
            for i in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let key = key(&format!("{caller}-{i}"));
                match store.open(&receipt(&key, "f", b"{}"), TARGET, true).await {
                    Ok(_) => {
                        kept.push(key);
                        answered.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(StoreError::Unavailable { .. }) => {
                        refused.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    Err(error) => panic!("neither answered nor unavailable: {error:?}"),
                }
            }
            kept
        }
    });
    let grow = async |counter: &AtomicUsize, by: usize| {
        let enough = counter.load(Ordering::Relaxed) + by;
        while counter.load(Ordering::Relaxed) < enough {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let happenings = async {
        grow(&answered, 200).await;
        server.kill();
        grow(&refused, 1).await;
        tokio::task::block_in_place(|| server.start_again());
        grow(&answered, 200).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (kept, ()) = in_time(async { tokio::join!(join_all(callers), happenings) }).await;
    for key in kept.concat() {
        record(&*store, &key).await;
    }
}

#[tokio::test]
async fn a_missing_server_is_unavailable_without_naming_the_password() {
    // Port 1 is reserved, and nobody listens there.
    let url = "postgres://bilag:hunter2@127.0.0.1:1/bilag";
    let Err(error) = connect(url).await else { panic!("it connected") };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("postgres://127.0.0.1:1/bilag"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

/// A user of this test's own, who may read and write the tables, and not change them.
async fn without_rights_on_tables(fresh: &Fresh) -> String {
    let user = format!("bilag_{}", uuid::Uuid::new_v4().simple());
    for sql in [
        "revoke create on schema public from public".to_owned(),
        format!("create role {user} login password '{user}'"),
        format!("grant select, insert, update, delete on all tables in schema public to {user}"),
        format!("revoke insert, update, delete on _sqlx_migrations, bilag_schema from {user}"),
    ] {
        fresh.run(&sql).await;
    }
    let (_, place) = fresh.url.rsplit_once('@').or(fresh.url.split_once("://")).expect("a URL");
    format!("postgres://{user}:{user}@{place}")
}

#[tokio::test]
async fn works_without_the_right_to_change_tables() {
    let fresh = Fresh::postgres().await;
    fresh.connect().await;
    let url = without_rights_on_tables(&fresh).await;
    let store = connect(&url).await.expect("nothing is to be done");
    in_state(&*store, "r", State::Complete).await;
    store
        .write_audit(&NewAuditEntry {
            who: "kari",
            act: "redrive",
            stage: "upload",
            letters: &[],
            detail: "",
        })
        .await
        .expect("noted");

    fresh
        .run("delete from _sqlx_migrations where version = (select max(version) from _sqlx_migrations)")
        .await;
    let Err(error) = connect(&url).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Behind { missing: 1, .. }), "{error:?}");
    assert!(error.to_string().contains("bilag sync migrate"), "{error}");
    // Who runs already goes on.
    store.ping().await.expect("answered");
    in_state(&*store, "s", State::Pending).await;
}

#[tokio::test]
async fn a_migration_waits_for_a_lock_without_blocking_others() {
    let fresh = Fresh::postgres().await;
    fresh.at_version(4).await;
    let mut reader = PgConnection::connect(&fresh.url).await.expect("the server lets us in");
    reader.execute("begin; select * from dead_letter").await.expect("it reads on and on");
    let url = fresh.url.clone();
    let migrated = tokio::spawn(async move { connect(&url).await.map(drop) });
    let mut other = PgConnection::connect(&fresh.url).await.expect("the server lets us in");
    let waits = "select count(*) from pg_locks where not granted
        and database = (select oid from pg_database where datname = current_database())";
    in_time(async {
        while sqlx::query_scalar::<_, i64>(waits).fetch_one(&mut other).await.expect("asked") == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // Behind the migration it waits no longer than that is let wait itself.
        other.execute("select * from dead_letter").await.expect("read");
        reader.execute("commit").await.expect("let go");
        migrated.await.expect("no panic").expect("migrated once the table was free");
    })
    .await;
}

#[tokio::test]
async fn prepares_again_after_a_schema_change() {
    let fresh = Fresh::postgres().await;
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    granted(&*store, &key, "a", LONG).await;
    store.release(&key, TARGET, "a").await.expect("released");
    fresh.run("alter table external_order_receipt_sync alter file_name type varchar").await;
    let lease = store.lease(&key, TARGET, "b", LONG).await.expect("asked");
    assert!(matches!(lease, Lease::Granted(_)), "{lease:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_connections_use_the_reloaded_url() {
    let fresh = Fresh::postgres().await;
    let id = uuid::Uuid::new_v4().simple().to_string();
    let [old, new] = ["old", "new"].map(|name| format!("bilag_{name}_{id}"));
    fresh.run(&format!("create role {old} login superuser password 'a-password'; create role {new} nologin superuser password 'a-password'")).await;
    let (_, place) = fresh.url.rsplit_once('@').expect("a URL with a login");
    let url = |role: &str| format!("postgres://{role}:a-password@{place}\n");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("database-url");
    std::fs::write(&file, url(&old)).expect("written");
    let store = connect_by(&Secret::file(&file).expect("a URL")).await.expect("the store opens");
    store.ping().await.expect("it answers");

    fresh
        .run(&format!(
            "alter role {old} nologin; alter role {new} login;
             select pg_terminate_backend(pid) from pg_stat_activity where usename = '{old}'"
        ))
        .await;
    std::fs::write(&file, url(&new)).expect("written");
    in_time(async {
        while let Err(error) = store.ping().await {
            assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    drop(store);
    fresh.run(&format!("reassign owned by {old} to current_user; drop role {old}; drop role {new}")).await;
}

#[tokio::test]
async fn opening_an_existing_store_makes_no_tables() {
    let fresh = Fresh::postgres().await;
    let Err(error) = connect_to_existing(&Secret::new(&*fresh.url)).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Absent { .. }), "{error:?}");
    assert_eq!(sync_store::schema(&fresh.url).await.expect("it can be looked at").version, None);
    fresh.connect().await;
    connect_to_existing(&Secret::new(&*fresh.url)).await.expect("its tables are there by now");
}
