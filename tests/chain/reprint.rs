//! Printing a receipt again from the store: what each target has, byte for byte, or a warning.

use bilag_tests::{World, package, receipt, told};
use serde_json::json;
use sha2::{Digest, Sha256};
use sync_store::State;

/// The PDF, and what was said beside it; the command succeeds.
fn printed(world: &World, arguments: &[&str]) -> (Vec<u8>, String) {
    let ran = world.run(&[&["render", "--output", "-"], arguments].concat());
    let said = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{said}");
    assert!(ran.stdout.starts_with(b"%PDF-"), "it is printed in any case");
    (ran.stdout, said)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn prints_the_invoice_that_oms_and_omnium_have() {
    let world = World::with_packages().await;
    let _all = world.consume(&["all"]).await;
    world.publish_package(&package(1)).await;
    let round = world.completed(1).await;
    let uid = round["receipt"].as_str().expect("a receipt");
    let voucher = round["voucherNumber"].as_str().expect("a voucher");
    let same = "omnium: identical to the file sent\n";
    for named in [uid, voucher] {
        let (pdf, said) = printed(&world, &["--receipt", named]);
        assert!(said.contains(same) && said.contains(&same.replace("omnium", "package")), "{said}");
        assert!(!said.contains("warning"), "{said}");
        assert_eq!(Some(pdf.as_slice()), world.sandbox.oms.document(1).as_deref());
        let omnium = world.sandbox.omnium.summary();
        assert_eq!(omnium.invoices[uid].files[0].sha256, sha256(&pdf));
    }

    let (pdf, said) = printed(&world, &["--receipt", uid, "--template", "roll-80mm"]);
    for target in ["omnium", "package"] {
        assert!(said.contains(&format!("warning: {target}: differs from the file sent")), "{said}");
    }
    assert_ne!(Some(pdf.as_slice()), world.sandbox.oms.document(1).as_deref());
}

#[tokio::test]
async fn says_which_target_got_nothing() {
    let mut world = World::with_packages().await;
    world.unset("OMS_BASE_URL");
    let _all = world.consume(&["all"]).await;
    world.publish_package(&package(1)).await;
    let round = world.standing(1, "issued").await;
    world.records_at("omnium", State::Complete, 1).await;
    let (_, said) = printed(&world, &["--receipt", round["receipt"].as_str().expect("a receipt")]);
    assert!(said.contains("package: nothing was sent\n"), "{said}");
    assert!(said.contains("omnium: identical to the file sent\n"), "{said}");
}

#[tokio::test]
async fn rejected_invoice_is_not_reported_as_delivered() {
    use sandbox::oms::{Fault, Rule};
    let world = World::with_packages().await;
    let status = 400.try_into().expect("a status");
    world.sandbox.oms.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    let _all = world.consume(&["all"]).await;
    world.publish_package(&package(1)).await;
    let round = world.standing(1, "not written back").await;
    let (_, said) = printed(&world, &["--receipt", round["receipt"].as_str().expect("a receipt")]);
    assert!(said.contains("package: identical to the file sent; delivery is not confirmed"), "{said}");
    assert!(said.contains("(state dead)"), "{said}");
}

#[tokio::test]
async fn unknown_or_ambiguous_receipt_is_an_error() {
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    let mut other = receipt(1);
    other["tenant"]["uid"] = json!("8");
    world.publish(&receipt(1)).await;
    world.publish(&other).await;
    world.records_at("omnium", State::Complete, 2).await;

    let (code, pdf, error) = told(&world.run(&["render", "--output", "-", "--receipt", "nobody's"]));
    assert_eq!((code, pdf.as_str()), (1, ""));
    assert!(error.contains("no receipt with uid or voucher number nobody's"), "{error}");
    let (code, pdf, error) = told(&world.run(&["render", "--output", "-", "--receipt", "rcpt-1"]));
    assert_eq!((code, pdf.as_str()), (1, ""));
    assert!(error.contains("7/rcpt-1, 8/rcpt-1") && error.contains("--tenant"), "{error}");
    let (_, said) = printed(&world, &["--receipt", "rcpt-1", "--tenant", "8"]);
    assert!(said.contains("omnium: identical to the file sent\n"), "{said}");
}
