//! Events of five tills and shops: published as they come, they become invoices with their PDF; and `bilag transform init`
//! proposes transforms of them.

use std::path::{Path, PathBuf};

use bilag_tests::{TestEnv, eventually};
use lapin::BasicProperties;
use sync_store::State;

/// A sample, the key that it is published with, and the receipt's uid.
type Sample = (&'static str, &'static str, &'static str);

/// The folder of each vendor, and its samples.
const VENDORS: [(&str, &[Sample]); 5] = [
    (
        "shopify",
        &[
            ("order.json", "shop.shopify.orders.paid", "5420000000101"),
            ("refund.json", "shop.shopify.refunds.create", "refund-920000000001"),
        ],
    ),
    (
        "woocommerce",
        &[
            ("order.json", "shop.woocommerce.order.updated", "7731"),
            ("refund.json", "shop.woocommerce.refund", "refund-7744"),
        ],
    ),
    (
        "square",
        &[
            ("order.json", "till.square.order", "nT5bQeXAMPLEsALE0001"),
            ("order-additive.json", "till.square.order", "nT5bQeXAMPLEsALE0002"),
            ("return.json", "till.square.order", "nT5bQeXAMPLErET00003"),
        ],
    ),
    (
        "lightspeed",
        &[
            ("sale.json", "till.lightspeed.sale.update", "0adfd74a-157c-11ef-f2ee-cb11a1b2c301"),
            ("return.json", "till.lightspeed.sale.update", "0adfd74a-157c-11ef-f2ee-cb11a1b2c302"),
        ],
    ),
    (
        "odoo",
        &[
            ("order.json", "till.odoo.pos.order", "6f0f5a0e-0d1f-4a5e-9a2c-000000000042"),
            ("refund.json", "till.odoo.pos.order", "6f0f5a0e-0d1f-4a5e-9a2c-000000000051"),
        ],
    ),
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/transforms")
}

/// The transforms of all vendors as one file, whose filters are the vendors' own.
fn all_transforms() -> String {
    let text = |(vendor, _): &(&str, _)| {
        let text =
            std::fs::read_to_string(folder().join(vendor).join("transforms.toml")).expect("the example");
        let beside = format!("filter_file = \"{}/", folder().join(vendor).display());
        text.replace("filter_file = \"", &beside)
    };
    VENDORS.iter().map(text).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_five_vendors_become_invoices_with_their_files() {
    let mut env = TestEnv::new().await;
    let transforms = env.file("transforms.toml", all_transforms());
    env.set("BILAG_TRANSFORMS", &transforms.display().to_string());
    env.set("BILAG_RECEIPT_KEYS", "receipt.settled.v1,shop.#,till.#");
    let _all = env.consume(&["all"]).await;
    let samples =
        VENDORS.iter().flat_map(|(vendor, samples)| samples.iter().map(move |sample| (vendor, sample)));
    let samples: Vec<_> = samples.collect();
    for (vendor, (file, key, _)) in &samples {
        let body = std::fs::read(folder().join(vendor).join(file)).expect("the sample");
        env.publish_to("events", key, &body, BasicProperties::default()).await;
    }
    eventually("all are complete", async || {
        (env.records(State::Complete).await == samples.len() as u64).then_some(())
    })
    .await;
    let summary = env.sandbox.omnium.summary();
    assert!(summary.violations.is_empty(), "{:?}", summary.violations);
    assert_eq!(summary.invoices.len(), samples.len());
    for (vendor, (file, _, uid)) in samples {
        let invoice =
            summary.invoices.get(*uid).unwrap_or_else(|| panic!("{vendor}/{file}: no invoice {uid}"));
        assert_eq!(invoice.files.len(), 1, "{vendor}/{file}");
    }
    assert!(env.dead_letters().is_empty());
}

#[tokio::test]
async fn init_prints_a_transform_that_the_same_samples_pass() {
    let env = TestEnv::new().await;
    let odoo = folder().join("odoo");
    let samples = ["order.json", "refund.json"].map(|name| odoo.join(name).display().to_string());
    let init = env.run(&["transform", "init", &samples[0], &samples[1]]);
    let told = String::from_utf8_lossy(&init.stderr).into_owned();
    assert!(init.status.success(), "{told}");
    assert!(told.contains("Check:\n  tenant.uid"), "{told}");
    assert!(told.contains("refund.json: becomes a valid receipt"), "{told}");
    let proposed = env.file("proposed.toml", &init.stdout).display().to_string();
    let checked = env.ok(&["transform", "--transforms", &proposed, "--check", &samples[0], &samples[1]]);
    assert_eq!(checked.matches("receipt.settled.v1, by transform proposed").count(), 2, "{checked}");
}

#[tokio::test]
async fn init_refuses_samples_without_lines() {
    let env = TestEnv::new().await;
    let sample = env.file("sample.json", r#"{ "id": "1", "total": "12.50" }"#).display().to_string();
    let init = env.run(&["transform", "init", &sample]);
    let told = String::from_utf8_lossy(&init.stderr).into_owned();
    assert_eq!(init.status.code(), Some(1), "{told}");
    assert!(told.contains("no lines: no array of objects with amounts is in all samples"), "{told}");
}
