//! `bilag render --receipt`: prints a copy of the document that each target has, or with `--original` the document
//! itself, byte for byte, or warns.

use bilag_tests::{TestEnv, exit_output, package, receipt};
use serde_json::json;
use sha2::{Digest, Sha256};
use sync_store::State;

/// The original's PDF, and the text on standard error; the command must succeed.
fn printed(env: &TestEnv, arguments: &[&str]) -> (Vec<u8>, String) {
    rendered(env, &[arguments, &["--original"]].concat())
}

fn rendered(env: &TestEnv, arguments: &[&str]) -> (Vec<u8>, String) {
    let ran = env.run(&[&["render", "--output", "-"], arguments].concat());
    let output = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{output}");
    assert!(ran.stdout.starts_with(b"%PDF-"), "it is printed anyway");
    (ran.stdout, output)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn prints_the_invoice_that_oms_and_omnium_have() {
    let env = TestEnv::with_packages().await;
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    let round = env.wait_until_invoiced(1).await;
    let uid = round["receipt"].as_str().expect("a receipt");
    let voucher = round["voucherNumber"].as_str().expect("a voucher");
    let same = "omnium: identical to the file sent\n";
    for named in [uid, voucher] {
        let (pdf, output) = printed(&env, &["--receipt", named]);
        assert!(output.contains(same) && output.contains(&same.replace("omnium", "package")), "{output}");
        assert!(!output.contains("warning"), "{output}");
        assert_eq!(Some(pdf.as_slice()), env.sandbox.oms.document(1).as_deref());
        let omnium = env.sandbox.omnium.summary();
        assert_eq!(omnium.invoices[uid].files[0].sha256, sha256(&pdf));
    }

    let (copy, output) = rendered(&env, &["--receipt", uid]);
    let same = "omnium: a copy; its original is identical to the file sent\n";
    assert!(output.contains(same) && output.contains(&same.replace("omnium", "package")), "{output}");
    assert_ne!(Some(copy.as_slice()), env.sandbox.oms.document(1).as_deref());

    let (pdf, output) = printed(&env, &["--receipt", uid, "--template", "roll-80mm"]);
    for target in ["omnium", "package"] {
        assert!(output.contains(&format!("warning: {target}: differs from the file sent")), "{output}");
    }
    assert_ne!(Some(pdf.as_slice()), env.sandbox.oms.document(1).as_deref());
}

#[tokio::test]
async fn says_which_target_got_nothing() {
    let mut env = TestEnv::with_packages().await;
    env.unset("OMS_BASE_URL");
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    let round = env.wait_for_standing(1, "issued").await;
    env.wait_for_records("omnium", State::Complete, 1).await;
    let (_, output) = printed(&env, &["--receipt", round["receipt"].as_str().expect("a receipt")]);
    assert!(output.contains("package: nothing was sent\n"), "{output}");
    assert!(output.contains("omnium: identical to the file sent\n"), "{output}");
}

#[tokio::test]
async fn rejected_invoice_is_not_reported_as_delivered() {
    use sandbox::oms::{Fault, Rule};
    let env = TestEnv::with_packages().await;
    let status = 400.try_into().expect("a status");
    env.sandbox.oms.add_fault(Rule::new(Fault::Status { status, retry_after: None, done: false }));
    let _all = env.consume(&["all"]).await;
    env.publish_package(&package(1)).await;
    let round = env.wait_for_standing(1, "not written back").await;
    let (_, output) = printed(&env, &["--receipt", round["receipt"].as_str().expect("a receipt")]);
    assert!(output.contains("package: identical to the file sent; delivery is not confirmed"), "{output}");
    assert!(output.contains("(state dead)"), "{output}");
}

#[tokio::test]
async fn unknown_or_ambiguous_receipt_is_an_error() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    let mut other = receipt(1);
    other["tenant"]["uid"] = json!("8");
    env.publish(&receipt(1)).await;
    env.publish(&other).await;
    env.wait_for_records("omnium", State::Complete, 2).await;

    let (code, pdf, error) = exit_output(&env.run(&["render", "--output", "-", "--receipt", "nobody's"]));
    assert_eq!((code, pdf.as_str()), (1, ""));
    assert!(error.contains("no receipt with uid or voucher number nobody's"), "{error}");
    let (code, pdf, error) = exit_output(&env.run(&["render", "--output", "-", "--receipt", "rcpt-1"]));
    assert_eq!((code, pdf.as_str()), (1, ""));
    assert!(error.contains("7/rcpt-1, 8/rcpt-1") && error.contains("--tenant"), "{error}");
    let (_, output) = printed(&env, &["--receipt", "rcpt-1", "--tenant", "8"]);
    assert!(output.contains("omnium: identical to the file sent\n"), "{output}");
}
