//! A process that writes into a store, for the tests that need another process.
//!
//! `sync-store-writer URL NAME COUNT` opens `COUNT` receipts by 16 callers at once and prints the
//! uid of each as soon as the store has answered that it is kept.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sync_store::{Key, NewReceipt, Opened, connect};

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [url, name, count] = args.as_slice() else { panic!("use: sync-store-writer URL NAME COUNT") };
    let count: usize = count.parse().expect("COUNT is a number");
    let store = connect(url).await.expect("the store opens");
    let next = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..16)
        .map(|_| {
            let (store, next, name) = (Arc::clone(&store), Arc::clone(&next), name.clone());
            tokio::spawn(async move {
                loop {
                    let i = next.fetch_add(1, Ordering::Relaxed);
                    if i >= count {
                        return;
                    }
                    let key = Key::new("tenant-1", format!("{name}-{i}"));
                    let receipt = NewReceipt {
                        key: &key,
                        voucher_number: "1001",
                        order_number: "5001",
                        store_uid: "store-1",
                        currency: "NOK",
                        amount: 24_900,
                        fingerprint: "f",
                        body: &[b'x'; 3000],
                        traceparent: None,
                        particulars: None,
                    };
                    let opened = store.open(&receipt, "omnium", true).await.expect("opened");
                    assert_eq!(opened, Opened::New);
                    // One write, so that a line is whole or not there.
                    let line = format!("{}\n", key.receipt_uid);
                    std::io::stdout().write_all(line.as_bytes()).expect("the test listens");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller fails");
    }
}
