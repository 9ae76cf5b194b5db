//! Receipts: found by what people know of them, and what is holding each.

use console::Role;
use events::ReceiptSettled;
use reqwest::StatusCode;

use crate::given::{heard, receipt, rejected};
use crate::world::{World, encoded};

#[tokio::test]
async fn no_receipts_and_none_found_are_different_things() {
    let world = World::new().await;
    let desk = world.desk(Role::Viewer).await;
    assert!(desk.page("/receipts").await.contains("No receipts yet."));
    heard(world.store.as_ref(), 5).await;
    let page = desk.page("/receipts?q=no-such").await;
    assert!(page.contains("No matching receipts.") && page.contains("/letters?text=no-such"), "{page}");
}

#[tokio::test]
async fn a_search_with_one_hit_leads_to_it_and_with_several_lists_them() {
    let world = World::new().await;
    for number in [1001, 1002] {
        heard(world.store.as_ref(), number).await;
    }
    let desk = world.desk(Role::Operator).await;
    for q in ["1001", "rcpt-1001"] {
        let seen = desk.get(&format!("/receipts?q={q}")).await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{q}");
        assert_eq!(seen.headers["location"], "/receipts/9/rcpt-1001", "{q}");
    }
    for q in ["602", "lindqvist", "ÅSA BYGG"] {
        let page = desk.page(&format!("/receipts?q={}", encoded(q))).await;
        assert!(
            page.contains("/receipts/9/rcpt-1001") && page.contains("/receipts/9/rcpt-1002"),
            "{q}: {page}"
        );
    }
    assert!(desk.page("/receipts").await.contains("18081.00"), "the latest are listed unasked");
}

#[tokio::test]
async fn document_of_a_receipt_is_a_copy() {
    let world = World::new().await;
    heard(world.store.as_ref(), 7).await;
    let desk = world.desk(Role::Operator).await;
    assert!(desk.page("/receipts/9/rcpt-7").await.contains("A copy: rendered again"));
    let document = desk.get("/receipts/9/rcpt-7/document.pdf").await;
    assert_eq!(document.status, StatusCode::OK);
    let original: ReceiptSettled = events::decode(receipt(7).to_string().as_bytes()).expect("a receipt");
    let rendered = |event: &ReceiptSettled| {
        let template = receipt_pdf::Template::builtin("a4").expect("it is built in");
        let pdf = receipt_pdf::render(template, event).expect("a document").pdf;
        String::from_utf8_lossy(&pdf).into_owned()
    };
    assert_eq!(document.text, rendered(&original.as_copy()));
    assert_ne!(document.text, rendered(&original));
}

#[tokio::test]
async fn a_receipt_tells_its_way_and_what_is_holding_it() {
    let world = World::new().await;
    let letter = rejected(world.store.as_ref(), 7).await;
    heard(world.store.as_ref(), 8).await;
    let desk = world.desk(Role::Operator).await;
    let page = desk.page("/receipts/9/rcpt-7").await;
    for told in [
        "Its dead letter waits for an operator",
        &format!("/letters/{letter}"),
        "correct what Omnium's answer names",
        "18081.00",
        "Skaljacka",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let page = desk.page("/receipts/9/rcpt-8").await;
    assert!(page.contains("Its message waits in a work queue"), "{page}");
    let _ = world
        .store
        .complete(&sync_store::Key::new("9", "rcpt-8"), "omnium", "invoice-8")
        .await
        .expect("completed");
    let page = desk.page("/receipts/9/rcpt-8").await;
    assert!(page.contains("It has arrived") && page.contains("invoice-8"), "{page}");
}
