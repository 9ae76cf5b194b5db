//! A receipt counts on the store's local day, the one on its document. A voucher number that two receipts
//! of a store share is reported.

use std::process::Command;

use bilag_tests::{TestEnv, exit_output, receipt};
use serde_json::{Value, json};

/// Settled on the 2nd in UTC; in Oslo, and so on its document, it is the 3rd.
fn settled_late_evening(number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["createdAt"] = json!("2026-11-02T23:10:00Z");
    event["orderReceipt"]["settledAt"] = json!("2026-11-02T23:10:05Z");
    event
}

fn received_on(env: &TestEnv, day: &str) -> Value {
    let report = env.ok(&["report", "--from", day, "--to", day, "--json"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    report["totals"].as_array().expect("totals").first().map_or(json!(0), |all| all["heard"]["count"].clone())
}

/// The text of its PDF.
fn text_of(env: &TestEnv, receipt: &Value) -> String {
    let file = env.file("receipt.json", receipt.to_string());
    env.ok(&["render", "receipt.json", "-o", "receipt.pdf"]);
    let pdf = file.with_file_name("receipt.pdf");
    let ran = Command::new("pdftotext").arg(pdf).arg("-").output().expect("pdftotext (poppler-utils)");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_backfill_and_pdf_use_the_stores_business_day() {
    let mut env = TestEnv::new().await;
    let event = settled_late_evening(1);
    {
        let _all = env.consume(&["all"]).await;
        env.publish(&event).await;
        env.wait_until_complete(1).await;
    }
    assert_eq!((received_on(&env, "2026-11-02"), received_on(&env, "2026-11-03")), (json!(0), json!(1)));
    assert!(text_of(&env, &event).contains("03.11.2026"), "{}", text_of(&env, &event));

    env.file("export.jsonl", settled_late_evening(2).to_string());
    let outside = |env: &TestEnv, day: &str| {
        let printed = env.ok(&["backfill", "export.jsonl", "--from", day, "--to", day, "--json"]);
        serde_json::from_str::<Value>(&printed).expect("JSON")["outside"].clone()
    };
    assert_eq!((outside(&env, "2026-11-02"), outside(&env, "2026-11-03")), (json!(1), json!(0)));

    // With another time zone, stored receipts are recounted, and all figures agree.
    env.set("BILAG_TIME_ZONE", "America/New_York");
    assert_eq!(received_on(&env, "2026-11-03"), json!(1), "stored days stay until they are recounted");
    assert_eq!(env.ok(&["sync", "recount"]), "receipts moved to another day: 1\n");
    assert_eq!(env.ok(&["sync", "recount"]), "receipts moved to another day: 0\n");
    assert_eq!((received_on(&env, "2026-11-02"), received_on(&env, "2026-11-03")), (json!(1), json!(0)));
    assert_eq!((outside(&env, "2026-11-02"), outside(&env, "2026-11-03")), (json!(0), json!(1)));
    assert!(text_of(&env, &event).contains("02.11.2026"));

    // A tenant's own time zone takes precedence.
    env.file("tenants.toml", "[tenant.7]\ntime-zone = \"Europe/Oslo\"\n");
    env.set("BILAG_TENANTS", "tenants.toml");
    assert_eq!(env.ok(&["sync", "recount"]), "receipts moved to another day: 1\n");
    assert_eq!(received_on(&env, "2026-11-03"), json!(1));
    assert!(text_of(&env, &event).contains("03.11.2026"));

    env.set("BILAG_TIME_ZONE", "Oslo");
    let (code, _, error) = exit_output(&env.run(&["sync", "recount"]));
    assert!(code == 2 && error.contains("Europe/Oslo") && error.contains("BILAG_TIME_ZONE"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_lists_duplicate_voucher_numbers() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    let mut elsewhere = receipt(3);
    elsewhere["orderReceipt"]["order"]["store"]["uid"] = json!("71");
    for (event, number) in [(receipt(1), "41"), (receipt(2), "41"), (elsewhere, "41"), (receipt(4), "42")] {
        let mut event = event;
        event["orderReceipt"]["voucherNumber"] = json!(number);
        env.publish(&event).await;
    }
    env.wait_until_complete(4).await;
    let period = ["report", "--from", "2026-11-01", "--to", "2026-11-30"];
    let printed = env.ok(&period);
    assert!(printed.contains("7/70: 41 is the number of 2 receipts"), "{printed}");
    let json: Value = serde_json::from_str(&env.ok(&[&period[..], &["--json"]].concat())).expect("JSON");
    let expected = json!([{ "tenant": "7", "store": "70", "voucher": "41", "receipts": 2 }]);
    assert_eq!(json["vouchers"]["repeated"], expected);
    let csv = env.ok(&[&period[..], &["--format", "csv"]].concat());
    assert!(csv.contains("repeated,,7,70,,,2,"), "{csv}");
    let (code, _, error) = exit_output(&env.run(&[&period[..], &["--strict"]].concat()));
    assert!(code == 1 && error.contains("1 duplicated"), "{error}");
}
