//! A million receipts by `bilag backfill`: whether rate and memory stay as they are at the beginning, and what a receipt
//! takes of the disk.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use bilag_tests::{Bilag, PrivateBroker, Store, TestEnv, Vhost, receipt};
use serde_json::json;
use tokio::time::sleep;

use crate::throughput::STAGES;

/// Number of receipts, unless `BILAG_BENCH_RECEIPTS` is set.
const RECEIPTS: u32 = 1_000_000;

/// Receipts of a tenant. Each has an API user of its own, whose full bucket at Omnium lets twice as many calls through.
const OF_A_TENANT: u32 = 5_000;

/// Each part of the run is measured by itself.
const PARTS: u32 = 20;

/// Publishes all, and prints a line for each part.
pub async fn measure(broker: &PrivateBroker) {
    let receipts =
        std::env::var("BILAG_BENCH_RECEIPTS").ok().and_then(|n| n.parse().ok()).unwrap_or(RECEIPTS);
    let mut env = TestEnv::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    env.set("BILAG_LOG", "warn,amqp=info");
    let tenants = receipts.div_ceil(OF_A_TENANT);
    let mut file = String::new();
    for tenant in 0..tenants {
        let user = format!("USER_{tenant}");
        env.set(&user, &format!("user-{tenant}"));
        writeln!(
            file,
            "[tenant.{tenant}]\nclient-id = {{env=\"{user}\"}}\nclient-secret = {{env=\"{user}\"}}"
        )
        .expect("a text");
    }
    env.set("BILAG_TENANTS", &env.file("tenants.toml", file).display().to_string());
    write_export(&env.folder().join("export.jsonl"), receipts);

    let mut processes = Vec::new();
    for stage in STAGES {
        processes.push((stage, env.consume(&[stage]).await));
    }
    println!("\nbackfill        {receipts} receipts, {tenants} tenants");
    println!("  complete   receipts/s   resident MB: {}   store MB   B a receipt", STAGES.join(", "));
    let empty = stored(&env);
    let mut backfill = env.start(&[
        "backfill",
        "--publish",
        "--rate",
        "1000/s",
        "--from",
        "2026-01-01",
        "--to",
        "2026-12-31",
        "export.jsonl",
    ]);
    let mut rates = Vec::new();
    for part in 1..=PARTS {
        let (begun, before) = (Instant::now(), env.sandbox.omnium.files());
        let end = u64::from(receipts) * u64::from(part) / u64::from(PARTS);
        while env.sandbox.omnium.files() < end {
            assert!(
                begun.elapsed() < Duration::from_secs(1_800),
                "part {part} is not done after half an hour"
            );
            let failed = backfill.has_ended().is_some_and(|status| !status.success());
            assert!(!failed, "the backfill failed:\n{}", backfill.log());
            sleep(Duration::from_millis(200)).await;
        }
        let rate = (end - before) as f64 / begun.elapsed().as_secs_f64();
        let resident = processes.iter().map(|(_, process)| megabytes(process));
        let (resident, stored) =
            (resident.collect::<Vec<_>>().join(", "), stored(&env).saturating_sub(empty));
        println!(
            "  {end:>8}   {rate:>10.0}   {resident:>37}   {:>8.0}   {:>11.0}",
            stored as f64 / 1e6,
            stored as f64 / end as f64
        );
        rates.push(rate);
    }
    while backfill.has_ended().is_none() {
        sleep(Duration::from_millis(200)).await;
    }
    println!("  the last part at {:.0} % of the first one's rate", 100.0 * rates[rates.len() - 1] / rates[0]);
}

fn write_export(path: &Path, receipts: u32) {
    let mut export = std::io::BufWriter::new(fs::File::create(path).expect("a file"));
    for number in 0..receipts {
        let mut event = receipt(number + 1);
        event["tenant"]["uid"] = json!((number / OF_A_TENANT).to_string());
        writeln!(export, "{event}").expect("written");
    }
}

fn megabytes(process: &Bilag) -> String {
    format!("{:.0}", process.resident() as f64 / 1e6)
}

/// Bytes of the store's files.
fn stored(env: &TestEnv) -> u64 {
    let files = fs::read_dir(env.folder()).expect("the folder").map(|file| file.expect("a file"));
    let of_store = files.filter(|file| file.file_name().to_string_lossy().starts_with("bilag.db"));
    of_store.map(|file| file.metadata().expect("its size").len()).sum()
}
