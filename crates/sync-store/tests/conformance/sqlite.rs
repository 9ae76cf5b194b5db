//! What is SQLite's own: several processes on one file, and the end of one in the middle.

use std::process::Stdio;

use config::Secret;
use futures_util::future::join_all;
use sqlx::{Connection as _, Executor as _, SqliteConnection};
use sync_store::{Opened, StoreError, connect, connect_to_existing};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

use crate::fresh::Fresh;
use crate::given::{TARGET, key, receipt, record};
use crate::in_time;

fn writer(fresh: &Fresh, name: &str, count: usize) -> (Child, Lines<BufReader<ChildStdout>>) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sync-store-writer"))
        .args([&fresh.url, name, &count.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the writer starts");
    let lines = BufReader::new(child.stdout.take().expect("it has an output")).lines();
    (child, lines)
}

#[tokio::test]
async fn answered_writes_survive_a_killed_process() {
    let fresh = Fresh::sqlite();
    let (mut child, mut lines) = writer(&fresh, "killed", usize::MAX);
    let mut answered = Vec::new();
    while let Some(uid) = lines.next_line().await.expect("read") {
        answered.push(uid);
        if answered.len() == 300 {
            child.start_kill().expect("killed");
        }
    }
    assert!(!child.wait().await.expect("ended").success(), "it ended by itself");
    let store = fresh.connect().await;
    for uid in &answered {
        record(&*store, &key(uid)).await;
    }
}

#[tokio::test]
async fn two_processes_write_one_file() {
    let fresh = Fresh::sqlite();
    let (mut one, mut lines_of_one) = writer(&fresh, "one", 500);
    let (mut two, mut lines_of_two) = writer(&fresh, "two", 500);
    let count = async |lines: &mut Lines<BufReader<ChildStdout>>| {
        let mut count = 0;
        while lines.next_line().await.expect("read").is_some() {
            count += 1;
        }
        count
    };
    let counts = in_time(async { tokio::join!(count(&mut lines_of_one), count(&mut lines_of_two)) }).await;
    assert_eq!(counts, (500, 500));
    assert!(one.wait().await.expect("ended").success());
    assert!(two.wait().await.expect("ended").success());
    assert_eq!(fresh.connect().await.counts().await.expect("counted")[0].count, 1000);
}

#[tokio::test]
async fn a_failed_write_undoes_no_other_of_its_group() {
    let fresh = Fresh::sqlite();
    let store = fresh.connect().await;
    fresh
        .run(
            "create trigger refuse before insert on external_order_receipt_sync
             when new.receipt_uid = '7' begin select raise(abort, 'refused'); end",
        )
        .await;
    let keys: Vec<_> = (0..16).map(|i| key(&i.to_string())).collect();
    let opened = join_all(keys.iter().map(|key| {
        let store = &store;
        async move { store.open(&receipt(key, "f", b"{}"), TARGET, true).await }
    }))
    .await;
    for (i, opened) in opened.into_iter().enumerate() {
        let kept = store.receipt(&keys[i]).await.expect("asked").is_some();
        match opened {
            Ok(_) => assert!(kept && i != 7, "{i} was answered and is not there"),
            Err(StoreError::Refused { .. }) => assert!(!kept && i == 7, "half of {i} is there"),
            Err(error) => panic!("the file is well: {error:?}"),
        }
    }
}

#[tokio::test]
async fn a_locked_file_is_unavailable_until_released() {
    let fresh = Fresh::sqlite();
    let store = fresh.connect().await;
    let mut other = SqliteConnection::connect(&fresh.url).await.expect("the file opens");
    other.execute("begin immediate").await.expect("taken");
    let refused = store.open(&receipt(&key("r"), "f", b"{}"), TARGET, true).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })), "{refused:?}");
    store.ping().await.expect("readers need not wait");
    other.execute("rollback").await.expect("let go");
    let opened = store.open(&receipt(&key("r"), "f", b"{}"), TARGET, true).await;
    assert_eq!(opened.expect("opened"), Opened::New);
}

#[tokio::test]
async fn distinguishes_unopenable_files_from_other_formats() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = format!("sqlite://{}", folder.path().join("missing/bilag.db").display());
    let Err(error) = connect(&missing).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert!(error.to_string().contains("missing/bilag.db"), "{error}");

    let other = folder.path().join("other.db");
    std::fs::write(&other, "no database, but a text that is long enough to be one ".repeat(100))
        .expect("written");
    let Err(error) = connect(&format!("sqlite://{}", other.display())).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Broken { .. }), "{error:?}");
}

#[tokio::test]
async fn opening_an_existing_store_makes_no_file() {
    let fresh = Fresh::sqlite();
    let Err(error) = connect_to_existing(&Secret::new(&*fresh.url)).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Absent { .. }), "{error:?}");
    let path = fresh.url.trim_start_matches("sqlite://");
    assert!(!std::path::Path::new(path).exists(), "it was made all the same");

    let maker = fresh.connect().await;
    let _ = maker.hold("upload", "kari", "").await.expect("asked");
    let existing = connect_to_existing(&Secret::new(&*fresh.url)).await.expect("the file is there by now");
    assert_eq!(existing.holds().await.expect("asked").len(), 1);
}

#[tokio::test]
async fn leaves_files_without_tables_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("empty.db");
    std::fs::write(&file, "").expect("written");
    let url = format!("sqlite://{}", file.display());
    let Err(error) = connect_to_existing(&Secret::new(&*url)).await else { panic!("it opened") };
    assert!(matches!(error, StoreError::Absent { .. }), "{error:?}");
    assert_eq!(sync_store::schema(&url).await.expect("it can be looked at").version, None);
    assert_eq!(std::fs::metadata(&file).expect("it is there").len(), 0);
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "files beside it");
}

#[tokio::test]
async fn notices_a_deleted_moved_or_replaced_file() {
    let fresh = Fresh::sqlite();
    let store = fresh.connect().await;
    let path = fresh.url.trim_start_matches("sqlite://").to_owned();
    let away = format!("{path}.away");
    let (first, second) = (key("first"), key("second"));
    let refused = async |what: &str| {
        let written = store.open(&receipt(&second, "f", b"{}"), TARGET, true).await.map(drop);
        for refused in [written, store.ping().await] {
            let Err(error @ StoreError::Replaced { .. }) = refused else { panic!("{what}: {refused:?}") };
            assert!(error.to_string().contains(what) && error.to_string().contains(&path), "{error}");
        }
    };
    let _ = store.open(&receipt(&first, "f", b"{}"), TARGET, true).await.expect("the file is there");

    std::fs::rename(&path, &away).expect("moved");
    refused("was deleted or moved away").await;
    assert!(!std::path::Path::new(&path).exists(), "it was made again");
    std::fs::rename(&away, &path).expect("moved back");
    store.ping().await.expect("it is the same file again");
    let again = store.open(&receipt(&key("third"), "f", b"{}"), TARGET, true).await;
    let _ = again.expect("it is the same file again");

    std::fs::rename(&path, &away).expect("moved");
    fresh.connect().await;
    refused("was replaced by another file").await;
    std::fs::rename(&away, &path).expect("moved back");
    refused("was replaced by another file").await;
}

#[tokio::test]
async fn finds_a_corrupt_page() {
    let fresh = Fresh::sqlite();
    let store = fresh.connect().await;
    let keys: Vec<_> = (0..200).map(|i| key(&format!("receipt-{i}"))).collect();
    for key in &keys {
        let opened = store.open(&receipt(key, "f", &[b'7'; 400]), TARGET, true).await;
        let _ = opened.expect("the file is well");
    }
    fresh.run("pragma wal_checkpoint(truncate)").await;
    drop(store);
    assert_eq!(sync_store::damage(&fresh.url).await.expect("looked at"), [""; 0]);
    let path = fresh.url.trim_start_matches("sqlite://");
    let whole = std::fs::read(path).expect("read");
    // A page in the middle of the receipts' table.
    let receipts = whole.windows(64).rposition(|bytes| bytes == [b'7'; 64]).expect("receipts");
    let mut torn = whole.clone();
    torn[receipts / 4096 * 4096..][..64].fill(0x5a);
    std::fs::write(path, torn).expect("written");
    let damage = sync_store::damage(&fresh.url).await.expect("looked at");
    assert!(!damage.is_empty());
}

#[tokio::test]
async fn refuses_a_bad_url_without_repeating_it() {
    for url in [
        "",
        "bilag.db",
        "sqlite://",
        "sqlite::memory:",
        "sqlite://bilag.db?mode=ro",
        "mysql://bilag:hunter2@127.0.0.1/bilag",
        "postgres://bilag:hunter2@127.0.0.1:port/bilag",
    ] {
        let Err(error) = connect(url).await else { panic!("{url} was opened") };
        assert!(matches!(error, StoreError::BadUrl { .. }), "{url}: {error:?}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}
