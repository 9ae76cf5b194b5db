//! Documents: shown by the browser's own viewer, with a policy of their own.

use console::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};
use sync_store::Key;

use crate::given::{letter, noted, open, receipt, rejected};
use crate::world::{Seen, World};

fn is_a_document(seen: &Seen) {
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    assert_eq!(seen.headers["content-type"], "application/pdf");
    assert_eq!(seen.headers["x-content-type-options"], "nosniff");
    assert!(seen.headers["content-disposition"].to_str().is_ok_and(|value| value.starts_with("inline; ")));
    let policy = seen.headers["content-security-policy"].to_str().expect("text");
    assert!(
        policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'self'"),
        "{policy}"
    );
    assert!(!policy.contains("script-src"), "{policy}");
    assert!(seen.text.starts_with("%PDF-"), "{:.20}", seen.text);
}

#[tokio::test]
async fn a_letter_shows_the_document_it_carries_and_a_receipt_the_one_made_anew() {
    let world = World::new().await;
    let id = rejected(world.store.as_ref(), 7).await;
    let desk = world.desk(Role::Operator).await;
    let carried = desk.get(&format!("/letters/{id}/document.pdf")).await;
    is_a_document(&carried);
    let anew = desk.get("/receipts/9/rcpt-7/document.pdf").await;
    is_a_document(&anew);
    assert!(anew.text.len() > carried.text.len());
}

#[tokio::test]
async fn what_has_no_document_says_so() {
    let world = World::new().await;
    let letter = letter("00000000000000aa", "receipt", "undecodable", "no JSON");
    noted(world.store.as_ref(), &letter, &serde_json::Value::Null, b"{").await;
    let desk = world.desk(Role::Operator).await;
    let seen = desk.get("/letters/00000000000000aa/document.pdf").await;
    assert_eq!(seen.status, StatusCode::NOT_FOUND);
    assert!(seen.text.contains("This dead letter has no PDF"), "{}", seen.text);
    assert_eq!(desk.get("/receipts/9/none/document.pdf").await.status, StatusCode::NOT_FOUND);
}

/// The page of a receipt, as this role sees it.
async fn page_of(event: &Value, role: Role) -> String {
    let world = World::new().await;
    let uid = event["orderReceipt"]["uid"].as_str().expect("a uid");
    open(world.store.as_ref(), &Key::new("9", uid), event, "7").await;
    world.desk(role).await.page(&format!("/receipts/9/{uid}")).await
}

#[tokio::test]
async fn a_receipt_tells_what_its_e_invoice_lacks() {
    const LACKS: &str = "It contains no e-invoice by EN 16931:";
    const DUE: &str = "BT-9: the due date";
    let lacking = receipt(7);
    let page = page_of(&lacking, Role::Operator).await;
    assert!(page.contains(LACKS) && page.contains(DUE), "{page}");
    let page = page_of(&lacking, Role::Viewer).await;
    assert!(!page.contains(LACKS) && !page.contains(DUE), "documents are not for viewers: {page}");

    let mut complete = lacking.clone();
    complete["orderReceipt"]["dueDate"] = json!("2026-12-02");
    let page = page_of(&complete, Role::Operator).await;
    assert!(page.contains("Contains an e-invoice by EN 16931.") && !page.contains(LACKS), "{page}");

    let mut of_a_consumer = lacking;
    of_a_consumer["orderReceipt"]["customer"]["type"] = json!("PERSON");
    for address in ["/orderReceipt/invoiceAddress", "/orderReceipt/order/address"] {
        if let Some(address) = of_a_consumer.pointer_mut(address).and_then(Value::as_object_mut) {
            address.remove("companyName");
            address.remove("vatNumber");
        }
    }
    let page = page_of(&of_a_consumer, Role::Operator).await;
    assert!(page.contains("Document") && !page.contains("e-invoice"), "{page}");
}
