//! An invoice's way: created, its file attached, found again.

use bytes::Bytes;

use crate::common::{client, invoice, sandbox, uid};

#[tokio::test]
async fn creates_attaches_and_finds() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());

    assert_eq!(omnium.find_invoice(&uid("r-1")).await.expect("an answer"), None);
    omnium.upsert_invoice(&invoice("r-1")).await.expect("created");
    omnium.attach(&uid("r-1"), "1001.pdf", Bytes::from_static(b"%PDF")).await.expect("attached");

    let found = omnium.find_invoice(&uid("r-1")).await.expect("an answer").expect("the invoice");
    assert!(found.has_file("1001.pdf"));
    assert!(!found.has_file("1002.pdf"));
    assert_eq!(sandbox.omnium.summary().violations, []);
}

#[tokio::test]
async fn encodes_ids_and_file_names() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());

    for (id, file) in [
        ("a/b", "1/2.pdf"),
        ("a?b=c&d", "1?2=3&4.pdf"),
        ("a#b", "1#2.pdf"),
        ("100%", "100%.pdf"),
        ("%2F%2e", "%2F.pdf"),
        ("a b+c", "a b+c.pdf"),
        ("kjøp-æøå", "bilag æøå.pdf"),
        ("..a", "..pdf"),
        ("AddFileToInvoice", "x.pdf"),
        (r"a\b;c", r"a\b;c.pdf"),
    ] {
        omnium.upsert_invoice(&invoice(id)).await.expect("created");
        omnium.attach(&uid(id), file, Bytes::from_static(b"%PDF")).await.expect("attached");
        let found = omnium.find_invoice(&uid(id)).await.expect("an answer").expect("the invoice");
        assert!(found.has_file(file), "{id}: {found:?}");
    }
    assert_eq!(sandbox.omnium.summary().violations, []);
}
