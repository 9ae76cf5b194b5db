//! Receipts and dead letters to begin with, and records brought to a state.

use std::time::Duration;

use sync_store::{
    Attach, Closes, DeadLetter, Key, Lease, NewDeadLetter, NewReceipt, Opened, Record, State, Step,
    SyncStore, fingerprint,
};

pub(crate) const TARGET: &str = "omnium";
pub(crate) const ONE: Closes<'static> = Closes::Target(TARGET);
pub(crate) const LONG: Duration = Duration::from_secs(600);

pub(crate) fn key(receipt_uid: &str) -> Key {
    Key::new("tenant-1", receipt_uid)
}

/// Opens the receipt for the target with this body.
pub(crate) async fn opened(
    store: &dyn SyncStore,
    key: &Key,
    target: &str,
    wanted: bool,
    body: &[u8],
) -> Opened {
    let fingerprint = fingerprint(body);
    store.open(&receipt(key, &fingerprint, body), target, wanted).await.expect("opened")
}

pub(crate) fn receipt<'a>(key: &'a Key, fingerprint: &'a str, body: &'a [u8]) -> NewReceipt<'a> {
    NewReceipt {
        key,
        voucher_number: "1001",
        order_number: "5001",
        store_uid: "store-1",
        currency: "NOK",
        amount: 24_900,
        fingerprint,
        body,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        particulars: None,
    }
}

pub(crate) async fn granted(store: &dyn SyncStore, key: &Key, owner: &str, ttl: Duration) -> Record {
    match store.lease(key, TARGET, owner, ttl).await.expect("asked") {
        Lease::Granted(record) => record,
        other => panic!("the lease was not granted: {other:?}"),
    }
}

pub(crate) fn attach(owner: &str) -> Attach<'_> {
    Attach { owner, invoice_id: "invoice-1", file_name: "1001.pdf", pdf_sha256: "5f70bf18", ttl: LONG }
}

/// A record in this state, with nobody's lease on it.
pub(crate) async fn in_state(store: &dyn SyncStore, receipt_uid: &str, state: State) -> Key {
    let key = key(receipt_uid);
    let _ = opened(store, &key, TARGET, state != State::Skipped, b"{}").await;
    if matches!(state, State::InvoiceCreated | State::Attaching | State::Complete) {
        granted(store, &key, "given", LONG).await;
        taken(store.attaching(&key, TARGET, &attach("given")).await);
        if state == State::InvoiceCreated {
            taken(store.not_attached(&key, TARGET, "given").await);
        }
        if state == State::Complete {
            taken(store.complete(&key, TARGET, "invoice-1").await);
        }
        store.release(&key, TARGET, "given").await.expect("released");
    }
    if state == State::Dead {
        note(store, &letter("given", "omnium_rejected", Some(&key)), ONE).await;
    }
    assert_eq!(record(store, &key).await.state, state);
    key
}

pub(crate) async fn record(store: &dyn SyncStore, key: &Key) -> Record {
    store.record(key, TARGET).await.expect("looked up").expect("there is a record")
}

pub(crate) fn letter(id: &str, reason: &str, key: Option<&Key>) -> DeadLetter {
    DeadLetter {
        id: id.to_owned(),
        stage: "upload".to_owned(),
        reason: reason.to_owned(),
        error: "Omnium refused the invoice: 400".to_owned(),
        key: key.cloned(),
        package: None,
        message_id: Some("message-1".to_owned()),
        attempts: 3,
        first_failed_at: None,
        last_failed_at: None,
        redriven: 0,
    }
}

pub(crate) async fn note(store: &dyn SyncStore, letter: &DeadLetter, closes: Closes<'_>) {
    let new = NewDeadLetter { letter, headers: r#"{"x-bilag-attempt":3}"#, body: b"{}", closes };
    store.note_dead(&new).await.expect("noted");
}

pub(crate) fn taken(step: Result<Step, sync_store::StoreError>) {
    assert_eq!(step.expect("asked"), Step::Taken);
}

pub(crate) fn lost(step: Result<Step, sync_store::StoreError>) {
    assert_eq!(step.expect("asked"), Step::Lost);
}
