//! The rounds of packages.

use std::time::Duration;

use async_trait::async_trait;

use crate::sql::steps::touched;
use crate::sql::{
    Database, Dialect, Row, SqlStore, Statement, package_ask as asks, package_find as find,
    package_issue as issues,
};
use crate::{
    Ask, Asking, Issue, Key, OverduePackage, PackageCount, PackageFilter, PackageKey, PackageRound,
    PackageStore, Packing, Page, Step, StoreError,
};

#[async_trait]
impl<D: Database> PackageStore for SqlStore<D> {
    async fn ask(&self, packing: &Packing<'_>, ask: &Ask<'_>) -> Result<Asking, StoreError> {
        use asks::Decision;
        let dialect = self.0.dialect();
        // One more turn follows where another has moved the package between our look and our
        // write, and after a round was adopted.
        loop {
            let rows = self.0.read(asks::look(dialect, packing)).await?;
            let newest = self.first(rows, asks::read_newest)?;
            let decision = asks::decide(newest.as_ref(), packing.fingerprint, ask);
            let unheard = newest.is_some_and(|newest| !newest.heard);
            if unheard && matches!(decision, Decision::Answer(_) | Decision::Grant(_)) {
                self.0.write(asks::hear(packing)).await?;
            }
            let (write, round, asked_times) = match decision {
                Decision::Answer(Asking::Held { left }) => {
                    let rows = self.0.write(asks::count_lease_anew(dialect, packing.key)).await?;
                    return Ok(Asking::Held { left: self.first(rows, Row::duration)?.unwrap_or(left) });
                }
                Decision::Answer(answer) => return Ok(answer),
                Decision::Adopt => {
                    self.0.write(asks::adopt(dialect, packing)).await?;
                    continue;
                }
                Decision::Begin { round, follows } => {
                    (asks::begin(dialect, packing, ask, round, follows), round, 0)
                }
                Decision::Grant(grant) => {
                    (asks::grant(dialect, packing, ask, &grant), grant.round, grant.asked_times)
                }
            };
            if !self.0.write(write).await?.is_empty() {
                return Ok(Asking::Granted { round, asked_times });
            }
        }
    }

    async fn packing_body(&self, key: &PackageKey, round: u32) -> Result<Option<Vec<u8>>, StoreError> {
        let rows = self.0.read(find::body(key, round)).await?;
        self.first(rows, |row| row.bytes())
    }

    async fn asked(&self, key: &PackageKey, round: u32, owner: &str) -> Result<Step, StoreError> {
        self.step(asked(self.0.dialect(), key, round, owner)).await
    }

    async fn release_package(&self, key: &PackageKey, round: u32, owner: &str) -> Result<(), StoreError> {
        self.0.write(release(self.0.dialect(), key, round, owner)).await.map(drop)
    }

    async fn issue(&self, key: &PackageKey, number: &str, receipt: &Key) -> Result<Issue, StoreError> {
        use issues::Decision;
        let dialect = self.0.dialect();
        // A second turn is needed only where another has moved the package in between.
        loop {
            let rows = self.0.read(issues::look(key)).await?;
            let rounds = self.each(rows, issues::read_bound)?;
            let (write, answer) = match issues::decide(&rounds, number, receipt) {
                Decision::Answer(answer) => return Ok(answer),
                Decision::Bind { round } => {
                    (issues::bind(dialect, key, round, receipt), Issue::Matched { round })
                }
                Decision::Keep => (issues::keep(dialect, key, number, receipt), Issue::Unknown),
            };
            if !self.0.write(write).await?.is_empty() {
                return Ok(answer);
            }
        }
    }

    async fn is_superseded(&self, key: &PackageKey, receipt: &Key) -> Result<bool, StoreError> {
        Ok(!self.0.read(issues::later(key, receipt)).await?.is_empty())
    }

    async fn package(&self, key: &PackageKey) -> Result<Vec<PackageRound>, StoreError> {
        let rows = self.0.read(find::rounds(key)).await?;
        self.each(rows, find::read_round)
    }

    async fn packages(&self, filter: &PackageFilter, page: Page) -> Result<Vec<PackageRound>, StoreError> {
        let rows = self.0.read(find::list(self.0.dialect(), filter, page)).await?;
        self.each(rows, find::read_round)
    }

    async fn package_counts(&self) -> Result<Vec<PackageCount>, StoreError> {
        let rows = self.0.read(find::counts()).await?;
        self.each(rows, find::read_count)
    }

    async fn overdue_packages(
        &self,
        patience: Duration,
        untouched_for: Duration,
        limit: u32,
    ) -> Result<Vec<OverduePackage>, StoreError> {
        let rows = self.0.read(find::overdue(self.0.dialect(), patience, untouched_for, limit)).await?;
        self.each(rows, find::read_overdue)
    }

    async fn touch_package(&self, key: &PackageKey, round: u32) -> Result<(), StoreError> {
        self.0.write(touch(self.0.dialect(), key, round)).await.map(drop)
    }

    async fn ask_again(&self, key: &PackageKey) -> Result<Option<OverduePackage>, StoreError> {
        let rows = self.0.write(find::ask_again(self.0.dialect(), key)).await?;
        self.first(rows, find::read_overdue)
    }
}

/// The package that `$1` and `$2` name.
pub(super) const THIS_PACKAGE: &str = "oms = $1 and package_id = $2";

/// A statement whose first arguments name a package.
pub(super) fn of_package(key: &PackageKey, sql: String) -> Statement {
    Statement::new(sql).text(&key.oms).text(&key.package_id.to_string())
}

fn asked(dialect: Dialect, key: &PackageKey, round: u32, owner: &str) -> Statement {
    let now = dialect.now();
    of_package(
        key,
        format!(
            "update package_round set
                 state = case when state = 'issued' then state else 'asked' end,
                 accepted_times = accepted_times + 1, asked_at = {now},
                 lease_owner = null, lease_until = null, updated_at = {now}
             where {THIS_PACKAGE} and round = $3
                 and (state = 'asking' and lease_owner = $4 or state = 'issued')
             returning round"
        ),
    )
    .int(round)
    .text(owner)
}

fn release(dialect: Dialect, key: &PackageKey, round: u32, owner: &str) -> Statement {
    let now = dialect.now();
    of_package(
        key,
        format!(
            "update package_round set lease_owner = null, lease_until = null, updated_at = {now}
             where {THIS_PACKAGE} and round = $3 and lease_owner = $4"
        ),
    )
    .int(round)
    .text(owner)
}

fn touch(dialect: Dialect, key: &PackageKey, round: u32) -> Statement {
    let touched = touched(dialect.now(), "");
    of_package(key, format!("update package_round set {touched} where {THIS_PACKAGE} and round = $3"))
        .int(round)
}
