//! Publishing packages, waiting for their rounds, records and dead letters, and assertions on them.

use crate::wait::TIMEOUT;
use std::collections::BTreeMap;

use lapin::options::{BasicGetOptions, BasicPublishOptions};
use sandbox::Sandbox;
use serde_json::Value;
use sync_store::State;
use tokio::net::TcpListener;

use crate::{TestEnv, eventually_within};

/// A second sandbox, so that one of its stand-ins can be down alone.
pub async fn second_sandbox() -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    sandbox::serve(listener, sandbox::Options::default()).expect("the sandbox starts")
}

impl TestEnv {
    /// Publishes a package event like Akinon's webhook, with its type as routing key.
    pub async fn publish_package(&self, event: &Value) {
        let key = event["event"]["type"].as_str().expect("a type");
        self.publish_to("events", key, event.to_string().as_bytes(), Default::default()).await;
    }

    /// Rounds from `bilag packages show`, newest first; empty for an unknown package.
    pub fn rounds(&self, id: u64) -> Vec<Value> {
        let shown = self.run(&["packages", "show", &id.to_string(), "--json"]);
        serde_json::from_slice::<Value>(&shown.stdout)
            .ok()
            .and_then(|shown| shown.as_array().cloned())
            .unwrap_or_default()
    }

    /// Waits until the newest round of a package has this standing, and returns it.
    pub async fn wait_for_standing(&self, id: u64, expected: &str) -> Value {
        eventually_within(TIMEOUT, &format!("package {id} is {expected}"), async || {
            self.rounds(id).into_iter().next().filter(|round| round["standing"] == expected)
        })
        .await
    }

    /// Waits until every target has the invoice of a package, and returns its newest round.
    pub async fn wait_until_invoiced(&self, id: u64) -> Value {
        let round = self.wait_for_standing(id, "written back").await;
        let receipt = round["receipt"].as_str().expect("it has a receipt").to_owned();
        eventually_within(TIMEOUT, &format!("receipt {receipt} is complete"), async || {
            self.record_states(&receipt).values().all(|state| state == "complete").then_some(())
        })
        .await;
        round
    }

    /// Waits until a target has so many records in a state.
    pub async fn wait_for_records(&self, target: &str, state: State, count: u64) {
        let store = self.store().await;
        eventually_within(TIMEOUT, &format!("{count} records of {target} are {state}"), async || {
            let counts = store.counts().await.ok()?;
            let counted = counts.iter().find(|c| c.target == target && c.state == state);
            (counted.map_or(0, |counted| counted.count) == count).then_some(())
        })
        .await;
    }

    /// Waits until the index has so many dead letters, and returns them.
    pub async fn wait_for_dead_letters(&self, count: usize) -> Vec<Value> {
        eventually_within(TIMEOUT, &format!("{count} dead letters are indexed"), async || {
            Some(self.dead_letters()).filter(|letters| letters.len() == count)
        })
        .await
    }

    /// Moves every dead letter of a stage back to its queue with its headers, like a shovel.
    pub async fn move_back(&self, stage: &str) {
        let (channel, dead) = (self.vhost.channel().await, format!("bilag.{stage}.dead"));
        let take = BasicGetOptions { no_ack: true };
        while let Some(letter) =
            channel.basic_get(dead.as_str().into(), take).await.expect("the queue is there")
        {
            let letter = letter.delivery;
            let options = BasicPublishOptions { mandatory: true, ..Default::default() };
            let (exchange, key) = ("bilag.requeue".into(), format!("bilag.{stage}").into());
            let moved = channel.basic_publish(exchange, key, options, &letter.data, letter.properties).await;
            moved.expect("published").await.expect("confirmed");
        }
    }

    /// States of a receipt's records by target, from `bilag sync show`.
    pub fn record_states(&self, receipt: &str) -> BTreeMap<String, String> {
        let shown: Value =
            serde_json::from_str(&self.ok(&["sync", "show", receipt, "--json"])).expect("JSON");
        let text = |member: &Value| member.as_str().expect("a text").to_owned();
        let records = shown.as_array().expect("records").iter();
        records.map(|record| (text(&record["target"]), text(&record["state"]))).collect()
    }

    /// Checks that one key was requested and one receipt issued for the package: in Omnium with one file, and
    /// on the package, with the same number and document.
    ///
    /// # Panics
    /// If not, or if a stand-in recorded a violation.
    pub fn assert_one_invoice(&self, id: u64) {
        self.assert_one_invoice_with([&self.sandbox; 3], id);
    }

    /// The same with the invoice service, Omnium and OMS of other sandboxes.
    ///
    /// # Panics
    /// As above.
    pub fn assert_one_invoice_with(&self, [service, omnium, oms]: [&Sandbox; 3], id: u64) {
        let (asked, omnium, oms) =
            (service.invoice_service.summary(), omnium.omnium.summary(), oms.oms.summary());
        assert!(asked.violations.is_empty(), "{:?}", asked.violations);
        assert!(omnium.violations.is_empty(), "{:?}", omnium.violations);
        assert!(oms.violations.is_empty(), "{:?}", oms.violations);
        let of_package = &asked.packages[&id];
        assert_eq!(of_package.keys.keys().collect::<Vec<_>>(), [&format!("akinon/{id}/1")]);
        let [receipt] = of_package.receipts.as_slice() else { panic!("one receipt: {of_package:?}") };
        let invoice = &omnium.invoices[&receipt.uid];
        assert_eq!(invoice.number.as_ref(), Some(&receipt.voucher_number));
        let [file] = invoice.files.as_slice() else { panic!("one file: {invoice:?}") };
        let on_the_package = &oms.packages[&id];
        let [written] = on_the_package.written.as_slice() else { panic!("one: {on_the_package:?}") };
        assert_eq!((&written.number, &written.sha256), (&receipt.voucher_number, &file.sha256));
    }
}
