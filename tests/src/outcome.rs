//! Assertions on completed receipts.

use std::collections::BTreeMap;
use std::time::Duration;

use sync_store::State;

use crate::test_env::count_in;
use crate::{TestEnv, eventually, eventually_with_progress, eventually_within};

impl TestEnv {
    /// Waits until so many receipts are complete.
    pub async fn complete_within(&self, limit: Duration, count: u64) {
        let store = self.store().await;
        let what = format!("{count} receipts are complete");
        eventually_within(limit, &what, async || {
            (count_in(&*store, State::Complete).await? >= count).then_some(())
        })
        .await;
    }

    /// Waits until so many receipts are complete, for as long as there are more and more.
    pub async fn complete(&self, count: u64) {
        let store = self.store().await;
        let what = format!("{count} receipts are complete");
        eventually_with_progress(&what, async || {
            let complete = count_in(&*store, State::Complete).await.unwrap_or_default();
            if complete >= count { Ok(()) } else { Err((complete as i64, complete.to_string())) }
        })
        .await;
    }

    /// Waits until exactly so many records are complete.
    pub async fn wait_until_complete(&self, count: u64) {
        eventually(&format!("{count} are complete"), async || {
            (self.records(State::Complete).await == count).then_some(())
        })
        .await;
    }

    /// Checks that the receipts with these numbers, and no others, have an invoice with exactly one file.
    ///
    /// # Panics
    /// If they have not, or if the sandbox recorded a violation.
    pub fn assert_exactly_once(&self, numbers: impl IntoIterator<Item = u32>) {
        let summary = self.sandbox.omnium.summary();
        assert!(summary.violations.is_empty(), "{:?}", summary.violations);
        let there = summary.facts.invoices.into_iter().map(|(id, invoice)| {
            (id, invoice.files.into_iter().map(|file| file.file_name).collect::<Vec<_>>())
        });
        let expected =
            numbers.into_iter().map(|number| (format!("rcpt-{number}"), vec![format!("{number}.pdf")]));
        assert_eq!(there.collect::<BTreeMap<_, _>>(), expected.collect());
    }
}
