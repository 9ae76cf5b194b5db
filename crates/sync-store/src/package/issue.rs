//! Binding receipts to the rounds of their package.

use crate::package::sql::{THIS_PACKAGE, of_package};
use crate::sql::{DecodeError, Dialect, Row, Statement};
use crate::{Issue, Key, PackageKey, PackageState};

/// What follows for a receipt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing is to be written.
    Answer(Issue),
    /// It is the receipt of this round.
    Bind { round: u32 },
    /// It came before its package: it makes round 0.
    Keep,
}

/// A round as far as receipts go.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    round: u32,
    number: String,
    state: PackageState,
    receipt: Option<Key>,
}

impl Bound {
    /// Whether its invoice is still to be made, or on its way.
    fn is_waiting(&self) -> bool {
        matches!(self.state, PackageState::Asking | PackageState::Asked)
    }
}

/// From all rounds of the package, the oldest first. What was refused, or superseded before the
/// service had accepted, most likely has no invoice: it gets a receipt only where no other waits.
pub(super) fn decide(rounds: &[Bound], number: &str, receipt: &Key) -> Decision {
    use Decision::{Answer, Bind, Keep};
    if rounds.iter().any(|round| round.receipt.as_ref() == Some(receipt)) {
        return Answer(Issue::Again);
    }
    if let Some(newest) = rounds.last().filter(|newest| newest.number != number) {
        return Answer(Issue::OtherNumber { known: newest.number.clone() });
    }
    let without = || rounds.iter().filter(|round| round.receipt.is_none());
    if let Some(round) = without().find(|round| round.is_waiting()).or_else(|| without().next()) {
        return Bind { round: round.round };
    }
    let taken = rounds.last().and_then(|newest| newest.receipt.clone());
    taken.map_or(Keep, |by| Answer(Issue::Taken { by }))
}

pub(super) fn rounds(key: &PackageKey) -> Statement {
    let columns = "round, number, state, tenant_uid, receipt_uid";
    of_package(key, format!("select {columns} from package_round where {THIS_PACKAGE} order by round"))
}

pub(super) fn read_bound(row: &Row) -> Result<Bound, DecodeError> {
    Ok(Bound {
        round: row.get("round")?,
        number: row.get("number")?,
        state: row.get("state")?,
        receipt: row.optional_key()?,
    })
}

pub(super) fn bind(dialect: Dialect, key: &PackageKey, round: u32, receipt: &Key) -> Statement {
    let now = dialect.now();
    of_package(
        key,
        format!(
            "update package_round set
                 state = 'issued', tenant_uid = $4, receipt_uid = $5, issued_at = {now},
                 lease_owner = null, lease_until = null,
                 dead_stage = null, dead_reason = null, dead_error = null, updated_at = {now}
             where {THIS_PACKAGE} and round = $3 and receipt_uid is null
             returning round"
        ),
    )
    .int(round)
    .text(&receipt.tenant_uid)
    .text(&receipt.receipt_uid)
}

/// Makes round 0 where the package has no round meanwhile either.
pub(super) fn keep(dialect: Dialect, key: &PackageKey, number: &str, receipt: &Key) -> Statement {
    let now = dialect.now();
    of_package(
        key,
        format!(
            "insert into package_round (oms, package_id, round, follows, number, state, asked_times,
                 accepted_times, tenant_uid, receipt_uid, issued_at, created_at, updated_at)
             values ($1, $2, 0, -1, $3, 'issued', 0, 0, $4, $5, {now}, {now}, {now})
             on conflict do nothing returning round"
        ),
    )
    .text(number)
    .text(&receipt.tenant_uid)
    .text(&receipt.receipt_uid)
}

pub(super) fn later(key: &PackageKey, receipt: &Key) -> Statement {
    of_package(
        key,
        format!(
            "select 'later' from package_round as own join package_round as later using (oms, package_id)
             where {THIS_PACKAGE} and own.tenant_uid = $3 and own.receipt_uid = $4
                 and later.round > own.round and later.receipt_uid is not null
             limit 1"
        ),
    )
    .text(&receipt.tenant_uid)
    .text(&receipt.receipt_uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_goes_to_the_oldest_waiting_round() {
        use Decision::{Answer, Bind, Keep};
        use PackageState::{Asked, Asking, Dead, Issued, Superseded};
        let receipt = |uid: &str| Key::new("tenant-1", uid);
        let taken = |by: &str| Answer(Issue::Taken { by: receipt(by) });
        let other = || Answer(Issue::OtherNumber { known: "0073".into() });
        type Rounds<'a> = &'a [(u32, PackageState, Option<&'a str>)];
        let table: [(Rounds<'_>, &str, Decision); 17] = [
            (&[], "0073", Keep),
            (&[(1, Asked, None)], "0073", Bind { round: 1 }),
            (&[(1, Asked, None), (2, Asking, None)], "0073", Bind { round: 1 }),
            (&[(1, Issued, Some("x")), (2, Asked, None)], "0073", Bind { round: 2 }),
            (&[(1, Asked, None), (2, Issued, Some("x"))], "0073", Bind { round: 1 }),
            (&[(0, Issued, Some("x")), (1, Asking, None)], "0073", Bind { round: 1 }),
            (&[(1, Superseded, None), (2, Asking, None)], "0073", Bind { round: 2 }),
            (&[(1, Superseded, None), (2, Asked, None)], "0073", Bind { round: 2 }),
            (&[(1, Asked, None), (2, Superseded, None), (3, Asked, None)], "0073", Bind { round: 1 }),
            (&[(1, Superseded, None), (2, Issued, Some("x"))], "0073", Bind { round: 1 }),
            (&[(1, Superseded, None), (2, Dead, None)], "0073", Bind { round: 1 }),
            (&[(1, Dead, None)], "0073", Bind { round: 1 }),
            (&[(0, Issued, Some("x"))], "0073", taken("x")),
            (&[(1, Issued, Some("x")), (2, Issued, Some("y"))], "0073", taken("y")),
            (&[(1, Asked, None), (2, Issued, Some("r"))], "0073", Answer(Issue::Again)),
            (&[(1, Asked, None)], "0074", other()),
            (&[(1, Issued, Some("x"))], "0074", other()),
        ];
        for (rounds, number, expected) in table {
            let bound = |(round, state, uid): &(u32, PackageState, Option<&str>)| Bound {
                round: *round,
                number: "0073".into(),
                state: *state,
                receipt: uid.map(receipt),
            };
            let bound: Vec<_> = rounds.iter().map(bound).collect();
            assert_eq!(decide(&bound, number, &receipt("r")), expected, "{number}: {rounds:?}");
        }
    }
}
