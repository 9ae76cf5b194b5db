//! What a store can take: operations a second with many callers, in one process and in two, and how
//! long a lone one waits for the disk.
//!
//! `cargo bench -p sync-store` measures SQLite in a folder of the working directory's disk, and
//! PostgreSQL too where `BILAG_TEST_POSTGRES_URL` names a database that may be filled.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sync_store::{Attach, Key, Lease, NewReceipt, SyncStore, connect, fingerprint};

const CALLERS: usize = 32;
const RECEIPTS_A_CALLER: usize = 250;
const LONE: usize = 300;

/// What an uploaded receipt asks of the store.
const OPERATIONS_A_RECEIPT: usize = 4;

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    if let [_, flag, url, process] = args.as_slice()
        && flag == "--as-process"
    {
        let store = connect(url).await.expect("the store opens");
        let latencies = many(&*store, process).await;
        report("  one receipt in one of them", latencies);
        return;
    }
    let folder = tempfile::tempdir_in(".").expect("a folder");
    fsyncs(folder.path());
    measure(&format!("sqlite://{}", folder.path().join("bench.db").display())).await;
    if let Ok(url) = std::env::var("BILAG_TEST_POSTGRES_URL") {
        measure(&url).await;
    }
}

/// What the disk itself allows.
fn fsyncs(folder: &Path) {
    let mut file = std::fs::File::create(folder.join("fsync")).expect("a file");
    let latencies = (0..LONE)
        .map(|_| {
            let start = Instant::now();
            file.write_all(&[0; 4096]).expect("written");
            file.sync_data().expect("on the disk");
            start.elapsed()
        })
        .collect();
    report("the disk: append 4 KiB and fdatasync", latencies);
}

async fn measure(url: &str) {
    let scheme = url.split(':').next().unwrap_or_default();
    let store = connect(url).await.expect("the store opens");
    let run = uuid::Uuid::new_v4().to_string();

    let mut latencies = Vec::new();
    for i in 0..LONE {
        let uid = format!("{run}-lone-{i}");
        let start = Instant::now();
        open(&*store, &uid).await;
        latencies.push(start.elapsed());
    }
    report(&format!("{scheme}: one operation at a time"), latencies);

    let start = Instant::now();
    let latencies = many(&*store, &run).await;
    rate(&format!("{scheme}: {CALLERS} callers in one process"), 1, start.elapsed());
    report(&format!("{scheme}: one receipt of those, {OPERATIONS_A_RECEIPT} operations"), latencies);

    let start = Instant::now();
    let children: Vec<_> = (0..2)
        .map(|i| {
            Command::new(std::env::current_exe().expect("this program"))
                .args(["--as-process", url, &format!("{run}-{i}")])
                .stdin(Stdio::null())
                .spawn()
                .expect("started")
        })
        .collect();
    for mut child in children {
        assert!(child.wait().expect("ended").success(), "a process failed");
    }
    rate(&format!("{scheme}: {CALLERS} callers in each of two processes"), 2, start.elapsed());
}

/// Each caller takes receipt after receipt from received to complete; answers how long each took.
async fn many(store: &dyn SyncStore, run: &str) -> Vec<Duration> {
    let callers = (0..CALLERS).map(|caller| async move {
        let mut latencies = Vec::new();
        for i in 0..RECEIPTS_A_CALLER {
            let start = Instant::now();
            upload(store, &format!("{run}-{caller}-{i}")).await;
            latencies.push(start.elapsed());
        }
        latencies
    });
    join_all(callers).await.concat()
}

async fn upload(store: &dyn SyncStore, uid: &str) {
    let key = open(store, uid).await;
    let ttl = Duration::from_secs(60);
    let lease = store.lease(&key, "omnium", uid, ttl).await.expect("asked");
    assert!(matches!(lease, Lease::Granted(_)), "{lease:?}");
    let attach = Attach { owner: uid, invoice_id: uid, file_name: "1001.pdf", pdf_sha256: "5f70bf18", ttl };
    let _ = store.attaching(&key, "omnium", &attach).await.expect("written");
    let _ = store.complete(&key, "omnium", uid).await.expect("written");
}

async fn open(store: &dyn SyncStore, uid: &str) -> Key {
    let key = Key::new("tenant-1", uid);
    let body = [b'x'; 3000];
    let receipt = NewReceipt {
        key: &key,
        voucher_number: uid,
        order_number: "5001",
        store_uid: "store-1",
        currency: "NOK",
        amount: 24_900,
        fingerprint: &fingerprint(&body),
        body: &body,
        traceparent: None,
        particulars: None,
    };
    let _ = store.open(&receipt, "omnium", true).await.expect("opened");
    key
}

fn rate(what: &str, processes: usize, took: Duration) {
    let operations = processes * CALLERS * RECEIPTS_A_CALLER * OPERATIONS_A_RECEIPT;
    println!("{what}: {:.0} operations a second", operations as f64 / took.as_secs_f64());
}

fn report(what: &str, mut latencies: Vec<Duration>) {
    latencies.sort();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!("{what}: p50 {:.2?}, p99 {:.2?}, worst {:.2?}", at(0.5), at(0.99), at(1.0));
}
