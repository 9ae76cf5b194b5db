//! Looking up the rounds of packages, and what of them is to be asked about again.

use std::time::Duration;

use crate::sql::package::{THIS_PACKAGE, of_package};
use crate::sql::{Dialect, Row, Statement, Surprise};
use crate::{OverduePackage, PackageCount, PackageFilter, PackageKey, PackageRound, Page};

/// The columns that [`read_round`] reads, and where they are.
const ROUNDS: &str = "package.oms, package.package_id, package.round, package.number, package.state,
        package.event_uuid, package.fingerprint, package.traceparent, package.asked_times,
        package.accepted_times, package.asked_at, package.tenant_uid, package.receipt_uid,
        package.issued_at, receipt.voucher_number, back.state, package.lease_owner, package.lease_until,
        package.dead_stage, package.dead_reason, package.dead_error, package.created_at, package.updated_at
    from package_round as package
        left join receipt on receipt.tenant_uid = package.tenant_uid
            and receipt.receipt_uid = package.receipt_uid
        left join external_order_receipt_sync as back on back.tenant_uid = package.tenant_uid
            and back.receipt_uid = package.receipt_uid and back.target = 'package'";

/// The columns that [`read_overdue`] reads.
const OVERDUE: &str = "oms, package_id, round, body, traceparent";

pub(super) fn rounds(key: &PackageKey) -> Statement {
    of_package(key, format!("select {ROUNDS} where package.oms = $1 and package.package_id = $2"))
        .ordered("package.round desc")
}

pub(super) fn body(key: &PackageKey, round: u32) -> Statement {
    let sql = "select body from package_round where oms = $1 and package_id = $2 and round = $3
         and body is not null";
    of_package(key, sql.to_owned()).int(round)
}

pub(super) fn list(dialect: Dialect, filter: &PackageFilter, page: Page) -> Statement {
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
    fn ordered(mut self, order: &str) -> Self {
        self.sql = format!("{} order by {order}", self.sql);
        self
    }

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

pub(super) fn counts() -> Statement {
    Statement::new("select state, count(*), min(updated_at) from package_round group by state order by state")
}

pub(super) fn overdue(
    dialect: Dialect,
    patience: Duration,
    untouched_for: Duration,
    limit: u32,
) -> Statement {
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
    .duration(patience)
    .duration(untouched_for)
    .int(limit)
}

pub(super) fn ask_again(dialect: Dialect, key: &PackageKey) -> Statement {
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

pub(super) fn read_round(row: &mut Row) -> Result<PackageRound, Surprise> {
    Ok(PackageRound {
        key: read_key(row)?,
        round: row.count()?,
        number: row.text()?,
        state: row.word("state")?,
        event_uuid: row.optional_text()?,
        fingerprint: row.optional_text()?,
        traceparent: row.optional_text()?,
        asked_times: row.count()?,
        accepted_times: row.count()?,
        asked_at: row.optional_time()?,
        receipt: row.optional_key()?,
        issued_at: row.optional_time()?,
        voucher_number: row.optional_text()?,
        written_back: row.optional_word("state")?,
        lease: row.optional_lease()?,
        death: row.optional_death()?,
        created_at: row.time()?,
        updated_at: row.time()?,
    })
}

pub(super) fn read_count(row: &mut Row) -> Result<PackageCount, Surprise> {
    Ok(PackageCount { state: row.word("state")?, count: row.count()?, oldest: row.time()? })
}

pub(super) fn read_overdue(row: &mut Row) -> Result<OverduePackage, Surprise> {
    Ok(OverduePackage {
        key: read_key(row)?,
        round: row.count()?,
        body: row.bytes()?,
        traceparent: row.optional_text()?,
    })
}

fn read_key(row: &mut Row) -> Result<PackageKey, Surprise> {
    Ok(PackageKey { oms: row.text()?, package_id: row.word("package id")? })
}
