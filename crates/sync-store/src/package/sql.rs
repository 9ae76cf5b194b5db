//! The statements of packages.

use std::time::Duration;

use async_trait::async_trait;

use crate::package::{ask as asks, issue as issues};
use crate::record::touched;
use crate::sql::{Database, DecodeError, Dialect, Row, SqlStore, Statement};
use crate::{
    Ask, Asking, Issue, Key, OverduePackage, PackageCount, PackageFilter, PackageKey, PackageRound,
    PackageStore, Packing, Page, Step, StoreError,
};

#[async_trait]
impl<D: Database> PackageStore for SqlStore<D> {
    async fn ask(&self, packing: &Packing<'_>, ask: &Ask<'_>) -> Result<Asking, StoreError> {
        use asks::Decision;
        let dialect = self.dialect();
        // One more turn follows where another has moved the package between our look and our
        // write, and after a round was adopted.
        loop {
            let newest = self.find(asks::newest(dialect, packing), asks::read_newest).await?;
            let decision = asks::decide(newest.as_ref(), packing.fingerprint, ask);
            let is_new = newest.is_some_and(|newest| !newest.received);
            if is_new && matches!(decision, Decision::Answer(_) | Decision::Grant(_)) {
                self.write(asks::note_event(packing)).await?;
            }
            let (write, round, asked_times) = match decision {
                Decision::Answer(Asking::Held { left }) => {
                    let anew = asks::count_lease_anew(dialect, packing.key);
                    let counted = self.write_one(anew, |row| row.get("remaining")).await?;
                    return Ok(Asking::Held { left: counted.unwrap_or(left) });
                }
                Decision::Answer(answer) => return Ok(answer),
                Decision::Adopt => {
                    self.write(asks::adopt(dialect, packing)).await?;
                    continue;
                }
                Decision::Begin { round, follows } => {
                    (asks::begin(dialect, packing, ask, round, follows), round, 0)
                }
                Decision::Grant(grant) => {
                    (asks::grant(dialect, packing, ask, &grant), grant.round, grant.asked_times)
                }
            };
            if self.count_written(write).await? > 0 {
                return Ok(Asking::Granted { round, asked_times });
            }
        }
    }

    async fn packing_body(&self, key: &PackageKey, round: u32) -> Result<Option<Vec<u8>>, StoreError> {
        self.find(body(key, round), |row| row.get("body")).await
    }

    async fn asked(&self, key: &PackageKey, round: u32, owner: &str) -> Result<Step, StoreError> {
        self.step(asked(self.dialect(), key, round, owner)).await
    }

    async fn release_package(&self, key: &PackageKey, round: u32, owner: &str) -> Result<(), StoreError> {
        self.write(release(self.dialect(), key, round, owner)).await
    }

    async fn issue(&self, key: &PackageKey, number: &str, receipt: &Key) -> Result<Issue, StoreError> {
        use issues::Decision;
        let dialect = self.dialect();
        // A second turn is needed only where another has moved the package in between.
        loop {
            let rounds = self.list(issues::rounds(key), issues::read_bound).await?;
            let (write, answer) = match issues::decide(&rounds, number, receipt) {
                Decision::Answer(answer) => return Ok(answer),
                Decision::Bind { round } => {
                    (issues::bind(dialect, key, round, receipt), Issue::Matched { round })
                }
                Decision::Keep => (issues::keep(dialect, key, number, receipt), Issue::Unknown),
            };
            if self.count_written(write).await? > 0 {
                return Ok(answer);
            }
        }
    }

    async fn is_superseded(&self, key: &PackageKey, receipt: &Key) -> Result<bool, StoreError> {
        Ok(self.find(issues::later(key, receipt), |_| Ok(())).await?.is_some())
    }

    async fn package(&self, key: &PackageKey) -> Result<Vec<PackageRound>, StoreError> {
        self.list(rounds(key), read_round).await
    }

    async fn packages(&self, filter: &PackageFilter, page: Page) -> Result<Vec<PackageRound>, StoreError> {
        self.list(list(self.dialect(), filter, page), read_round).await
    }

    async fn package_counts(&self) -> Result<Vec<PackageCount>, StoreError> {
        self.list(counts(), read_count).await
    }

    async fn overdue_packages(
        &self,
        overdue_after: Duration,
        untouched_for: Duration,
        limit: u32,
    ) -> Result<Vec<OverduePackage>, StoreError> {
        self.list(overdue(self.dialect(), overdue_after, untouched_for, limit), read_overdue).await
    }

    async fn touch_package(&self, key: &PackageKey, round: u32) -> Result<(), StoreError> {
        self.write(touch(self.dialect(), key, round)).await
    }

    async fn ask_again(&self, key: &PackageKey) -> Result<Option<OverduePackage>, StoreError> {
        self.write_one(ask_again(self.dialect(), key), read_overdue).await
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

/// The columns that [`read_round`] reads, and where they come from.
const ROUNDS: &str = "package.oms, package.package_id, package.round, package.number, package.state,
        package.event_uuid, package.fingerprint, package.traceparent, package.asked_times,
        package.accepted_times, package.asked_at, package.tenant_uid, package.receipt_uid,
        package.issued_at, receipt.voucher_number, back.state as written_back, package.lease_owner, package.lease_until,
        package.dead_stage, package.dead_reason, package.dead_error, package.created_at, package.updated_at
    from package_round as package
        left join receipt on receipt.tenant_uid = package.tenant_uid
            and receipt.receipt_uid = package.receipt_uid
        left join external_order_receipt_sync as back on back.tenant_uid = package.tenant_uid
            and back.receipt_uid = package.receipt_uid and back.target = 'package'";

/// The columns that [`read_overdue`] reads.
const OVERDUE: &str = "oms, package_id, round, body, traceparent";

fn rounds(key: &PackageKey) -> Statement {
    of_package(key, format!("select {ROUNDS} where package.oms = $1 and package.package_id = $2"))
        .ordered("package.round desc")
}

fn body(key: &PackageKey, round: u32) -> Statement {
    let sql = "select body from package_round where oms = $1 and package_id = $2 and round = $3
         and body is not null";
    of_package(key, sql.to_owned()).int(round)
}

fn list(dialect: Dialect, filter: &PackageFilter, page: Page) -> Statement {
    // States as literals: there are indexes of some states only.
    let state = filter.state.map(|state| format!("and package.state = '{state}'")).unwrap_or_default();
    let statement = Statement::new(format!("select {ROUNDS} where true {state}"));
    let statement = match filter.waiting_for {
        Some(waiting_for) => statement.waiting_for(dialect, waiting_for),
        None => statement,
    };
    statement
        .matching("package.package_id = $ or package.number = $", filter.package.as_deref())
        .page("package.updated_at desc, package.oms, package.package_id, package.round desc", page)
}

impl Statement {
    fn waiting_for(mut self, dialect: Dialect, waiting_for: Duration) -> Self {
        let (now, next) = (dialect.now(), self.args.len() + 1);
        self.sql = format!(
            "{} and package.state = 'asked' and package.accepted_times > 1
                and package.asked_at < {now} - ${next}",
            self.sql
        );
        self.duration(waiting_for)
    }
}

fn counts() -> Statement {
    Statement::new(
        "select state, count(*) as count, min(updated_at) as oldest from package_round
         group by state order by state",
    )
}

fn overdue(dialect: Dialect, overdue_after: Duration, untouched_for: Duration, limit: u32) -> Statement {
    let now = dialect.now();
    Statement::new(format!(
        "select {OVERDUE} from package_round as package
         where state in ('asking', 'asked') and (lease_until is null or lease_until <= {now})
             and (state = 'asked' and accepted_times < 2 and abs({now} - updated_at) > $1
                 or state = 'asking' and abs({now} - updated_at) > $2)
             and not exists (select 1 from package_round as later
                 where later.oms = package.oms and later.package_id = package.package_id
                     and later.round > package.round)
         order by updated_at
         limit $3"
    ))
    .duration(overdue_after)
    .duration(untouched_for)
    .int(limit)
}

fn ask_again(dialect: Dialect, key: &PackageKey) -> Statement {
    let now = dialect.now();
    of_package(
        key,
        format!(
            "update package_round set
                 state = 'asking', lease_owner = null, lease_until = null, updated_at = {now}
             where {THIS_PACKAGE} and state in ('asking', 'asked')
                 and (lease_until is null or lease_until <= {now})
                 and round = (select max(round) from package_round where {THIS_PACKAGE})
             returning {OVERDUE}"
        ),
    )
}

fn read_round(row: &Row) -> Result<PackageRound, DecodeError> {
    Ok(PackageRound {
        key: row.package()?,
        round: row.get("round")?,
        number: row.get("number")?,
        state: row.get("state")?,
        event_uuid: row.optional("event_uuid")?,
        fingerprint: row.optional("fingerprint")?,
        traceparent: row.optional("traceparent")?,
        asked_times: row.get("asked_times")?,
        accepted_times: row.get("accepted_times")?,
        asked_at: row.optional("asked_at")?,
        receipt: row.optional_key()?,
        issued_at: row.optional("issued_at")?,
        voucher_number: row.optional("voucher_number")?,
        written_back: row.optional("written_back")?,
        lease: row.optional_lease()?,
        death: row.optional_death()?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}

fn read_count(row: &Row) -> Result<PackageCount, DecodeError> {
    Ok(PackageCount { state: row.get("state")?, count: row.get("count")?, oldest: row.get("oldest")? })
}

fn read_overdue(row: &Row) -> Result<OverduePackage, DecodeError> {
    Ok(OverduePackage {
        key: row.package()?,
        round: row.get("round")?,
        body: row.get("body")?,
        traceparent: row.optional("traceparent")?,
    })
}
