//! A receipt counts on the store's own day, the one that its document has; and a voucher number that two receipts
//! of a store have is told.

use std::process::Command;

use bilag_tests::{World, eventually, receipt, told};
use serde_json::{Value, json};
use sync_store::State;

/// Settled on the 2nd in UTC; in Oslo, and so on its document, it is the 3rd.
fn late_in_the_evening(number: u32) -> Value {
    let mut event = receipt(number);
    event["orderReceipt"]["createdAt"] = json!("2026-11-02T23:10:00Z");
    event["orderReceipt"]["settledAt"] = json!("2026-11-02T23:10:05Z");
    event
}

async fn complete(world: &World, count: u64) {
    let what = format!("{count} are complete");
    eventually(&what, async || (world.records(State::Complete).await == count).then_some(())).await;
}

fn heard_on(world: &World, day: &str) -> Value {
    let report = world.ok(&["report", "--from", day, "--to", day, "--json"]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    report["totals"].as_array().expect("totals").first().map_or(json!(0), |all| all["heard"]["count"].clone())
}

/// What its document says.
fn text_of(world: &World, receipt: &Value) -> String {
    let file = world.file("receipt.json", receipt.to_string());
    world.ok(&["render", "receipt.json", "-o", "receipt.pdf"]);
    let pdf = file.with_file_name("receipt.pdf");
    let ran = Command::new("pdftotext").arg(pdf).arg("-").output().expect("pdftotext (poppler-utils)");
    String::from_utf8_lossy(&ran.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_backfill_and_pdf_use_the_stores_business_day() {
    let mut world = World::new().await;
    let event = late_in_the_evening(1);
    {
        let _all = world.consume(&["all"]).await;
        world.publish(&event).await;
        complete(&world, 1).await;
    }
    assert_eq!((heard_on(&world, "2026-11-02"), heard_on(&world, "2026-11-03")), (json!(0), json!(1)));
    assert!(text_of(&world, &event).contains("03.11.2026"), "{}", text_of(&world, &event));

    world.file("export.jsonl", late_in_the_evening(2).to_string());
    let outside = |world: &World, day: &str| {
        let printed = world.ok(&["backfill", "export.jsonl", "--from", day, "--to", day, "--json"]);
        serde_json::from_str::<Value>(&printed).expect("JSON")["outside"].clone()
    };
    assert_eq!((outside(&world, "2026-11-02"), outside(&world, "2026-11-03")), (json!(1), json!(0)));

    // The store turns out to be elsewhere: what is stored is counted again, and all agree.
    world.set("BILAG_TIME_ZONE", "America/New_York");
    assert_eq!(heard_on(&world, "2026-11-03"), json!(1), "what is stored stays until it is recounted");
    assert_eq!(world.ok(&["sync", "recount"]), "receipts moved to another day: 1\n");
    assert_eq!(world.ok(&["sync", "recount"]), "receipts moved to another day: 0\n");
    assert_eq!((heard_on(&world, "2026-11-02"), heard_on(&world, "2026-11-03")), (json!(1), json!(0)));
    assert_eq!((outside(&world, "2026-11-02"), outside(&world, "2026-11-03")), (json!(0), json!(1)));
    assert!(text_of(&world, &event).contains("02.11.2026"));

    // A tenant's own goes before it.
    world.file("tenants.toml", "[tenant.7]\ntime-zone = \"Europe/Oslo\"\n");
    world.set("BILAG_TENANTS", "tenants.toml");
    assert_eq!(world.ok(&["sync", "recount"]), "receipts moved to another day: 1\n");
    assert_eq!(heard_on(&world, "2026-11-03"), json!(1));
    assert!(text_of(&world, &event).contains("03.11.2026"));

    world.set("BILAG_TIME_ZONE", "Oslo");
    let (code, _, error) = told(&world.run(&["sync", "recount"]));
    assert!(code == 2 && error.contains("Europe/Oslo") && error.contains("BILAG_TIME_ZONE"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_lists_duplicate_voucher_numbers() {
    let world = World::new().await;
    let _all = world.consume(&["all"]).await;
    let mut elsewhere = receipt(3);
    elsewhere["orderReceipt"]["order"]["store"]["uid"] = json!("71");
    for (event, number) in [(receipt(1), "41"), (receipt(2), "41"), (elsewhere, "41"), (receipt(4), "42")] {
        let mut event = event;
        event["orderReceipt"]["voucherNumber"] = json!(number);
        world.publish(&event).await;
    }
    complete(&world, 4).await;
    let period = ["report", "--from", "2026-11-01", "--to", "2026-11-30"];
    let printed = world.ok(&period);
    assert!(printed.contains("7/70: 41 is the number of 2 receipts"), "{printed}");
    let json: Value = serde_json::from_str(&world.ok(&[&period[..], &["--json"]].concat())).expect("JSON");
    let expected = json!([{ "tenant": "7", "store": "70", "voucher": "41", "receipts": 2 }]);
    assert_eq!(json["vouchers"]["repeated"], expected);
    let csv = world.ok(&[&period[..], &["--format", "csv"]].concat());
    assert!(csv.contains("repeated,,7,70,,,2,"), "{csv}");
    let (code, _, error) = told(&world.run(&[&period[..], &["--strict"]].concat()));
    assert!(code == 1 && error.contains("1 duplicated"), "{error}");
}
