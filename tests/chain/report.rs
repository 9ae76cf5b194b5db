//! `bilag report` and `bilag sync list --search`, over a day with every outcome.

use bilag_tests::{TestEnv, eventually, exit_output, normalised, receipt, sample};
use chrono::{Days, NaiveDate, Utc};
use reqwest::StatusCode;
use sandbox::omnium::{Fault, Rule};
use serde_json::{Value, json};
use sync_store::State;

async fn counts(env: &TestEnv, expected: &[(State, u64)]) {
    for (state, count) in expected {
        let what = format!("{count} are {state}");
        eventually(&what, async || (env.records(*state).await == *count).then_some(())).await;
    }
}

/// One receipt skipped; two sales and a return complete; one in another currency at another store;
/// one rejected by Omnium; an invalid one; an undecodable one; and one still pending.
async fn env_with_every_outcome() -> TestEnv {
    let mut env = TestEnv::new().await;
    env.ok(&["topology", "apply"]);
    env.set("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "false");
    let mut listening = env.consume(&["receipt"]).await;
    env.publish(&receipt(6)).await;
    counts(&env, &[(State::Skipped, 1)]).await;
    // Its message must not be redelivered, or it would be sent.
    listening.terminate();
    eventually("it has ended", async || listening.has_ended()).await;

    env.set("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM", "true");
    let mut refused =
        Rule::new(Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false });
    refused.subject.invoice_id = Some("rcpt-2".to_owned());
    env.sandbox.omnium.add_fault(refused);
    let mut all = env.consume(&["all"]).await;
    for number in [1, 2, 4] {
        env.publish(&receipt(number)).await;
    }
    let mut goods_back = sample("receipt-return.json");
    goods_back["orderReceipt"]["voucherNumber"] = json!("5");
    env.publish(&goods_back).await;
    let mut elsewhere = receipt(10);
    elsewhere["tenant"]["country"]["currency"] = json!("SEK");
    elsewhere["orderReceipt"]["order"]["store"]["uid"] = json!("71");
    env.publish(&elsewhere).await;
    let mut broken = receipt(8);
    broken["orderReceipt"]["order"]["type"] = json!("GIFT");
    env.publish(&broken).await;
    env.publish_bytes(b"{", Default::default()).await;
    counts(&env, &[(State::Complete, 4), (State::Dead, 2)]).await;
    eventually("all dead letters are indexed", async || (env.dead_letters().len() == 3).then_some(())).await;
    all.kill();

    let mut listening = env.consume(&["receipt"]).await;
    env.publish(&receipt(7)).await;
    counts(&env, &[(State::Pending, 1)]).await;
    listening.kill();
    env
}

/// Invalid receipts count on the day they were received, the samples on their own day.
fn period() -> (String, String) {
    let samples = NaiveDate::from_ymd_opt(2026, 11, 2).expect("a day");
    let today = Utc::now().date_naive();
    ((samples.min(today) - Days::new(1)).to_string(), (samples.max(today) + Days::new(1)).to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn report_totals_match_the_events() {
    let env = env_with_every_outcome().await;
    let (from, to) = period();
    let report = |more: &[&str]| {
        let mut arguments = vec!["report", "--from", &from, "--to", &to];
        arguments.extend(more);
        exit_output(&env.run(&arguments))
    };
    let shown = |more: &[&str]| {
        let (code, printed, error) = report(more);
        assert_eq!((code, &*error), (0, ""));
        normalised(&printed.replace(&from, "FROM").replace(&to, "TO"))
    };
    assert_eq!(shown(&["--by", "type"]), BY_TYPE);
    let of_packages = shown(&["--target", "package"]);
    assert!(
        of_packages.contains("\n1 received = 0 complete + 0 skipped + 1 dead + 0 in progress\n"),
        "{of_packages}"
    );
    let (_, csv, _) = report(&["--by", "store", "--format", "csv"]);
    assert_eq!(csv.replace("\r\n", "\n"), CSV);

    let (_, of_month, _) = report(&["--by", "month", "--format", "csv", "--locale", "nb"]);
    let month = "row;2026-11;;;;NOK;6;15683,50;3;4174,00;1;3836,50;1;3836,50;1;3836,50;;;\r\n";
    assert!(of_month.starts_with("\u{feff}line;day;") && of_month.contains(month), "{of_month}");
    let (_, of_tenant, _) = report(&["--by", "tenant", "--format", "csv"]);
    let of_tenant: Vec<_> = of_tenant.lines().filter(|line| line.starts_with("row,,7,,,NOK,6,")).collect();
    assert_eq!(of_tenant.len(), 1);
    let (code, _, error) = report(&["--locale", "nb"]);
    assert_eq!((code, &*error), (2, "error: --locale: for --format csv only\n"));

    let (_, by_day, _) = report(&["--by", "day", "--format", "json"]);
    let by_day: Value = serde_json::from_str(&by_day).expect("JSON");
    assert_eq!(by_day["addsUp"], true);
    let samples: Vec<_> = by_day["rows"].as_array().expect("rows").iter().collect();
    let nok =
        samples.iter().find(|row| row["day"] == "2026-11-02" && row["currency"] == "NOK").expect("a row");
    assert_eq!(nok["heard"], json!({ "count": 6, "sum": "15683.50" }));
    assert_eq!(
        by_day["vouchers"]["series"][0]["missing"],
        json!([{ "first": "3", "last": "3", "count": 1 }])
    );

    let (code, _, error) = report(&["--strict"]);
    let says = "error: not complete: 3 dead, 1 in progress, 1 voucher number(s) missing\n";
    assert_eq!((code, &*error), (1, says));
}

#[tokio::test]
async fn invalid_report_requests_are_one_line_errors() {
    let env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    for (arguments, says) in [
        (
            &["--from", "2026-11-02", "--to", "2026-11-01"][..],
            "error: --from: 2026-11-02 is after --to 2026-11-01\n",
        ),
        (
            &["--from", "2026-11-01", "--to", "2026-11-02", "--target", "omnum"],
            "error: --target: unknown target: use omnium, package, erp\n",
        ),
        (
            &["--from", "1/11/2026", "--to", "2026-11-02"],
            "error: invalid value '1/11/2026' for '--from <DATE>': use a date such as 2026-11-30\n",
        ),
    ] {
        let mut all = vec!["report"];
        all.extend(arguments);
        assert_eq!(exit_output(&env.run(&all)), (2, String::new(), says.to_owned()));
    }
    let none = env.ok(&["report", "--from", "2026-11-01", "--to", "2026-11-02"]);
    assert!(none.ends_with("none received\n"), "{none}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn search_finds_receipts_and_shows_what_they_wait_for() {
    let env = env_with_every_outcome().await;
    let found = |text: &str| {
        let printed = env.ok(&["sync", "list", "--search", text, "--json"]);
        let list: Value = serde_json::from_str(&printed).expect("JSON");
        let records = list["records"].as_array().expect("records").iter();
        records.map(|record| record["receipt"].as_str().expect("a uid").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(found("5")[0], "rcpt-1003", "by voucher, before those whose telephone has a 5");
    assert_eq!(found("603"), ["rcpt-1003"], "by order");
    assert_eq!(found("rcpt-8"), ["rcpt-8"], "by uid, though only an invalid event of it was received");
    let mut of_kari = found("KARI@example");
    of_kari.sort();
    assert_eq!(of_kari, ["rcpt-1", "rcpt-10", "rcpt-1003", "rcpt-2", "rcpt-4", "rcpt-6", "rcpt-7"]);
    assert_eq!(found("nobody at all"), [""; 0]);
    let dead = env.ok(&["sync", "list", "--search", "kari", "--state", "dead"]);
    assert!(dead.contains("7/rcpt-2") && !dead.contains("7/rcpt-1 "), "{dead}");

    let holding = |uid: &str| {
        let shown: Value = serde_json::from_str(&env.ok(&["sync", "show", uid, "--json"])).expect("JSON");
        shown[0]["way"].clone()
    };
    for (uid, code, letters) in [
        ("rcpt-1", "nothing", 0),
        ("rcpt-2", "dead", 1),
        ("rcpt-6", "not_wanted", 0),
        ("rcpt-7", "queued", 0),
        ("rcpt-8", "dead", 1),
    ] {
        let way = holding(uid);
        assert_eq!(way["holding"], code, "{uid}: {way}");
        assert_eq!(way["letters"].as_array().map(Vec::len), Some(letters), "{uid}: {way}");
    }
    let letter = holding("rcpt-2")["letters"][0].as_str().expect("an id").to_owned();
    env.ok(&["dead", "discard", &letter]);
    assert_eq!(holding("rcpt-2")["holding"], "discarded");
}

const BY_TYPE: &str = "receipts settled from FROM to TO, by outcome at omnium

TYPE  CURRENCY  RECEIVED  AMOUNT  COMPLETE  AMOUNT  SKIPPED  AMOUNT  DEAD  AMOUNT  IN PROGRESS  AMOUNT
RETURN  NOK  1  -3499.00  1  -3499.00  0  0.00  0  0.00  0  0.00
SALE  NOK  5  19182.50  2  7673.00  1  3836.50  1  3836.50  1  3836.50
SALE  SEK  1  3836.50  1  3836.50  0  0.00  0  0.00  0  0.00
not known  –  2  –  0  –  0  –  2  –  0  –
total  NOK  6  15683.50  3  4174.00  1  3836.50  1  3836.50  1  3836.50
total  SEK  1  3836.50  1  3836.50  0  0.00  0  0.00  0  0.00
total  –  2  –  0  –  0  –  2  –  0  –

9 received = 4 complete + 1 skipped + 3 dead + 1 in progress
1 of the dead: receipts with only invalid events
1 of the dead: dead letters without a readable receipt

voucher numbers
  7/70: 1 to 7, 6 received: 3 (1 missing)
  7/71: 1 not checked: numbers outside any series

A missing number may be a receipt without an event, or with only invalid events: check the till and
`bilag dead list`. It may be harmless: a number of another till of the store, or one never assigned.
Numbers before the first and after the last are not checked.
";

const CSV: &str = "\
line,day,tenant,store,type,currency,heard,heard_sum,complete,complete_sum,skipped,skipped_sum,dead,dead_sum,on_their_way,on_their_way_sum,first_voucher,last_voucher,missing
row,,7,70,,NOK,6,15683.50,3,4174.00,1,3836.50,1,3836.50,1,3836.50,,,
row,,7,71,,SEK,1,3836.50,1,3836.50,0,0.00,0,0.00,0,0.00,,,
row,,,,,,2,,0,,0,,2,,0,,,,
total,,,,,NOK,6,15683.50,3,4174.00,1,3836.50,1,3836.50,1,3836.50,,,
total,,,,,SEK,1,3836.50,1,3836.50,0,0.00,0,0.00,0,0.00,,,
total,,,,,,2,,0,,0,,2,,0,,,,
gap,,7,70,,,,,,,,,,,,,3,3,1
not_checked,,7,71,,,1,,,,,,,,,,,,
";
