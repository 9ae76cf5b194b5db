//! Reports and the search.

use chrono::{DateTime, NaiveDate};
use sync_store::{
    BrokenCounts, Key, NewReceipt, Page, Particulars, Period, Place, ReceiptCount, SearchScope, State,
    SyncStore,
};

use crate::fresh::Fresh;
use crate::given::{ONE, TARGET, in_state, key, letter, note, receipt};

fn day(text: &str) -> NaiveDate {
    text.parse().expect("a day")
}

fn particulars(settled_on: &str, customer: &str) -> Particulars {
    Particulars {
        order_type: Some("SALE".to_owned()),
        settled_at: DateTime::from_timestamp_millis(1_793_600_000_000),
        settled_on: day(settled_on),
        customer: customer.to_owned(),
    }
}

/// Opens a receipt with its particulars, under its uid as voucher number.
async fn settled(store: &dyn SyncStore, key: &Key, amount: i64, particulars: &Particulars) {
    let uid = &key.receipt_uid;
    let particulars = Some(particulars);
    let new = NewReceipt { voucher_number: uid, amount, particulars, ..receipt(key, "f", b"{}") };
    let _ = store.open(&new, TARGET, true).await.expect("opened");
}

pub(crate) async fn counts_a_day_by_group(fresh: &Fresh) {
    let store = fresh.connect().await;
    let today = particulars("2026-11-02", "");
    let huge = 9_000_000_000_000_000_000;
    for (uid, amount) in [("1", huge), ("2", huge), ("3", -150)] {
        settled(&*store, &key(uid), amount, &today).await;
    }
    settled(&*store, &key("4"), 1, &particulars("2026-11-03", "")).await;
    settled(&*store, &Key::new("tenant-2", "1"), -1, &today).await;
    let _ = store.complete(&key("3"), TARGET, "i").await.expect("completed");

    let of_tenant = store.receipt_counts(day("2026-11-02"), TARGET, Some("tenant-1")).await.expect("counted");
    let alike = |state, count, sum| ReceiptCount {
        tenant_uid: "tenant-1".to_owned(),
        store_uid: "store-1".to_owned(),
        order_type: Some("SALE".to_owned()),
        currency: "NOK".to_owned(),
        state,
        count,
        sum,
    };
    let mut counted = of_tenant;
    counted.sort_by_key(|counted| counted.state);
    let expected =
        [alike(Some(State::Pending), 2, 2 * i128::from(huge)), alike(Some(State::Complete), 1, -150)];
    assert_eq!(counted, expected);
    let all = store.receipt_counts(day("2026-11-02"), TARGET, None).await.expect("counted");
    assert_eq!(all.iter().map(|counted| counted.count).sum::<u64>(), 4);
    let elsewhere = store.receipt_counts(day("2026-11-03"), "erp", None).await.expect("counted");
    assert_eq!(elsewhere, [alike(None, 1, 1)]);
    assert_eq!(store.receipt_counts(day("2026-11-04"), TARGET, None).await.expect("counted"), []);
}

pub(crate) async fn counts_broken_receipts_apart(fresh: &Fresh) {
    let store = fresh.connect().await;
    let _ = in_state(&*store, "whole", State::Pending).await;
    let invalid = |id: &str, uid: &str| letter(id, "invalid_event", Some(&key(uid)));
    note(&*store, &invalid("a", "broken"), ONE).await;
    let mut disputed = invalid("b", "whole");
    disputed.stage = "receipt".to_owned();
    note(&*store, &disputed, ONE).await;
    let mut unreadable = letter("c", "undecodable", None);
    unreadable.stage = "receipt".to_owned();
    note(&*store, &unreadable, ONE).await;
    unreadable.id = "d".to_owned();
    note(&*store, &unreadable, ONE).await;
    let mut answer = letter("e", "invalid_answer", None);
    answer.stage = "packed".to_owned();
    note(&*store, &answer, ONE).await;
    answer.reason = "invoice_refused".to_owned();
    answer.id = "f".to_owned();
    note(&*store, &answer, ONE).await;
    assert!(store.move_dead_letter("d", Place::Discarded).await.expect("moved"));
    let today = chrono::Utc::now().date_naive();
    let yesterday = today.pred_opt().expect("a day before");
    let mut counted = BrokenCounts::default();
    // Midnight may pass meanwhile.
    for day in [today, today.succ_opt().expect("a day after")] {
        let more = store.broken_counts(day, TARGET, None).await.expect("counted");
        counted.only_broken += more.only_broken;
        counted.unreadable += more.unreadable;
        counted.discarded += more.discarded;
        counted.disputed += more.disputed;
    }
    assert_eq!(counted, BrokenCounts { only_broken: 1, unreadable: 2, discarded: 1, disputed: 1 });
    let before = store.broken_counts(yesterday, TARGET, None).await.expect("counted");
    assert_eq!(before, BrokenCounts::default());
    let theirs = store.broken_counts(today, TARGET, Some("tenant-2")).await.expect("counted");
    assert_eq!((theirs.only_broken, theirs.disputed), (0, 0));
}

pub(crate) async fn reads_a_period_by_page(fresh: &Fresh) {
    let store = fresh.connect().await;
    for (uid, on) in [
        ("5", "2026-11-01"),
        ("4", "2026-11-02"),
        ("3", "2026-11-02"),
        ("2", "2026-11-03"),
        ("1", "2026-11-04"),
    ] {
        settled(&*store, &key(uid), 1, &particulars(on, "")).await;
    }
    settled(&*store, &Key::new("tenant-0", "9"), 1, &particulars("2026-11-02", "")).await;
    let period = Period { from: day("2026-11-02"), to: day("2026-11-03") };
    let (mut vouchers, mut bodies) = (Vec::new(), Vec::new());
    let mut after: Option<(NaiveDate, Key)> = None;
    loop {
        let from = after.as_ref().map(|(day, key)| (*day, key));
        let page = store.settled_vouchers(period, None, from, 2).await.expect("read");
        let same = store.settled_receipts(period, None, from, 2).await.expect("read");
        bodies.extend(same.into_iter().map(|receipt| (receipt.voucher_number, receipt.body)));
        let Some(last) = page.last() else { break };
        after = Some((last.day, last.key.clone()));
        vouchers.extend(page.into_iter().map(|voucher| voucher.voucher_number));
    }
    assert_eq!(vouchers, ["9", "3", "4", "2"]);
    assert_eq!(bodies.len(), 4);
    assert_eq!(bodies[0], ("9".to_owned(), b"{}".to_vec()));
    let theirs = store.settled_vouchers(period, Some("tenant-0"), None, 9).await.expect("read");
    assert_eq!(theirs.len(), 1);
    assert_eq!(store.settled_on(&key("2")).await.expect("asked"), Some(day("2026-11-03")));
    assert_eq!(store.settled_on(&key("7")).await.expect("asked"), None);
}

async fn found(store: &dyn SyncStore, text: &str) -> Vec<String> {
    let found = store.search(text, SearchScope::Everywhere, None, Page::first(10)).await.expect("searched");
    found.into_iter().map(|receipt| receipt.key.receipt_uid).collect()
}

pub(crate) async fn searches_by_number_uid_and_customer(fresh: &Fresh) {
    let store = fresh.connect().await;
    let ås = particulars("2026-11-02", "åse bjørnøy\n+47 900 11 222");
    settled(&*store, &key("101"), 1, &ås).await;
    settled(&*store, &key("102"), 1, &particulars("2026-11-02", "100%_sure")).await;
    let other = Key::new("tenant-2", "103");
    settled(&*store, &other, 1, &particulars("2026-11-02", "")).await;
    let _ = store.open(&receipt(&key("101"), "f", b"{}"), "erp", true).await.expect("opened");
    note(&*store, &letter("l", "invalid_event", Some(&key("104"))), ONE).await;
    fresh.run("update receipt set heard_at = cast(receipt_uid as bigint)").await;

    assert_eq!(found(&*store, "101").await, ["101"], "by uid and voucher");
    assert_eq!(found(&*store, "5001").await, ["103", "102", "101"], "by order, the latest first");
    assert_eq!(found(&*store, "104").await, ["104"], "never received unbroken");
    for text in ["ÅSE BJØRNØY", "bjørn", "900 11"] {
        assert_eq!(found(&*store, text).await, ["101"], "{text}");
    }
    for (text, expected) in [("bjørn", 0), ("101", 1)] {
        let found =
            store.search(text, SearchScope::WithoutCustomers, None, Page::first(10)).await.expect("searched");
        assert_eq!(found.len(), expected, "{text}, not among customers");
    }
    assert_eq!(found(&*store, "100%_").await, ["102"]);
    for text in ["50", "0%s", "nobody", "%", "_e"] {
        let expected: &[&str] = if text == "%" { &["102"] } else { &[] };
        assert_eq!(found(&*store, text).await, expected, "{text}");
    }
    let whole = store.search("101", SearchScope::Everywhere, None, Page::first(10)).await.expect("searched");
    let targets: Vec<_> = whole[0].records.iter().map(|record| &*record.target).collect();
    assert_eq!(targets, ["erp", TARGET]);
    assert_eq!(whole[0].facts.as_ref().map(|facts| &*facts.voucher_number), Some("101"));
    let theirs = store
        .search("5001", SearchScope::Everywhere, Some("tenant-2"), Page::first(10))
        .await
        .expect("searched");
    assert_eq!(theirs.iter().map(|found| &found.key).collect::<Vec<_>>(), [&other]);
    let second = store
        .search("5001", SearchScope::Everywhere, None, Page { limit: 1, offset: 1 })
        .await
        .expect("searched");
    assert_eq!(second.iter().map(|found| &*found.key.receipt_uid).collect::<Vec<_>>(), ["102"]);
}

pub(crate) async fn counts_a_receipt_without_particulars_and_fills_them(fresh: &Fresh) {
    let store = fresh.connect().await;
    let key = in_state(&*store, "r", State::Pending).await;
    fresh.run("update receipt set heard_at = 1793577600000").await; // 2026-11-02
    let counted = store.receipt_counts(day("2026-11-02"), TARGET, None).await.expect("counted");
    assert_eq!(
        counted.iter().map(|counted| (counted.count, &counted.order_type)).collect::<Vec<_>>(),
        [(1, &None)]
    );
    let without = store.without_particulars(10).await.expect("listed");
    assert_eq!((&without[0].key, &*without[0].body, without.len()), (&key, b"{}".as_slice(), 1));
    assert_eq!(without[0].heard_at.date_naive(), day("2026-11-02"));

    // Longer than an index takes; the cut falls into a dead letter of two bytes.
    let customer = format!("x{}", "å".repeat(3000));
    store.keep_particulars(&key, &particulars("2026-11-01", &customer)).await.expect("kept");
    store.keep_particulars(&key, &particulars("2026-11-05", "late")).await.expect("asked");
    assert_eq!(store.without_particulars(10).await.expect("listed"), []);
    assert_eq!(store.receipt_counts(day("2026-11-02"), TARGET, None).await.expect("counted"), []);
    let counted = store.receipt_counts(day("2026-11-01"), TARGET, None).await.expect("counted");
    assert_eq!(counted[0].order_type.as_deref(), Some("SALE"));
    assert_eq!(found(&*store, "ååå").await, ["r"]);
    assert_eq!(found(&*store, "late").await, [""; 0]);

    // The store's time zone has changed.
    store.count_on(&key, day("2026-11-03")).await.expect("moved");
    store.count_on(&Key::new("tenant-1", "of-nobody"), day("2026-11-03")).await.expect("nothing is moved");
    assert_eq!(store.settled_on(&key).await.expect("asked"), Some(day("2026-11-03")));
}

pub(crate) async fn the_longest_identifiers_fit_the_indexes(fresh: &Fresh) {
    let store = fresh.connect().await;
    // Of dead letters that no compression makes smaller: an index of PostgreSQL's takes 2,704 bytes.
    let letters = |count: u32, seed: u32| -> String {
        (0..count).filter_map(|i| char::from_u32(0x10000 + (i * 7919 + seed * 104_729) % 0x8000)).collect()
    };
    let key = Key::new(letters(200, 1), letters(200, 2));
    settled(&*store, &key, 1, &particulars("2026-11-02", &letters(400, 3))).await;
    assert_eq!(store.settled_on(&key).await.expect("asked"), Some(day("2026-11-02")));
}

pub(crate) async fn fills_particulars_of_an_earlier_version(fresh: &Fresh) {
    fresh.at_version(3).await;
    let body = if fresh.url.starts_with("sqlite") { "x'7b7d'" } else { "'{}'" };
    let insert = |uid: &str| {
        format!(
            "insert into receipt (tenant_uid, receipt_uid, voucher_number, order_number, store_uid, currency,
                 amount, fingerprint, body, traceparent, heard_at)
             values ('tenant-1', '{uid}', '1001', '5001', 'store-1', 'NOK', 24900, 'f', {body}, null, 1)"
        )
    };
    fresh.run(&insert("before")).await;
    let store = fresh.connect().await;
    fresh.run(&insert("beside")).await;
    let mut uids: Vec<_> = store.without_particulars(10).await.expect("listed");
    uids.sort_by(|one, other| one.key.cmp(&other.key));
    assert_eq!(
        uids.iter().map(|without| &*without.key.receipt_uid).collect::<Vec<_>>(),
        ["before", "beside"]
    );
}
