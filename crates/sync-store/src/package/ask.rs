//! Who may ask the invoice service: what is read, what follows from it, and the write that takes
//! effect only where what was read still holds.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::package::sql::{THIS_PACKAGE, of_package};
use crate::record::count_anew;
use crate::sql::{DecodeError, Dialect, Row, Statement};
use crate::{Ask, Asking, Key, PackageKey, PackageState, Packing};

/// What follows for a packing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Nothing is to be written.
    Answer(Asking),
    /// It begins this round.
    Begin {
        round: u32,
        /// The newest round so far.
        follows: Option<u32>,
    },
    /// It takes over the newest round.
    Grant(Grant),
    /// It is what the receipt of round 0 came for.
    Adopt,
}

/// The round to take over, as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) round: u32,
    pub(super) asked_times: u32,
    state: PackageState,
}

/// The newest round of a package, by the store's clock.
#[derive(Clone, Debug)]
pub(super) struct Newest {
    /// Whether the event was received before.
    pub(super) received: bool,
    now: DateTime<Utc>,
    round: u32,
    fingerprint: Option<String>,
    state: PackageState,
    asked_times: u32,
    asked_at: Option<DateTime<Utc>>,
    lease_until: Option<DateTime<Utc>>,
    receipt: Option<Key>,
}

pub(super) fn decide(newest: Option<&Newest>, fingerprint: &str, ask: &Ask<'_>) -> Decision {
    use Decision::{Adopt, Answer, Begin};
    let Some(newest) = newest else { return Begin { round: 1, follows: None } };
    match &newest.fingerprint {
        None => Adopt,
        Some(known) if known == fingerprint && !(ask.renew && newest.state == PackageState::Dead) => {
            meet(newest, ask)
        }
        Some(_) if newest.received => Answer(Asking::Superseded),
        Some(_) => Begin { round: newest.round + 1, follows: Some(newest.round) },
    }
}

/// The newest round has this packing's content.
fn meet(newest: &Newest, ask: &Ask<'_>) -> Decision {
    use Decision::{Answer, Grant};
    let answered = match (newest.state, &newest.receipt) {
        (_, Some(receipt)) => Some(Asking::Issued(receipt.clone())),
        (PackageState::Superseded, _) => Some(Asking::Superseded),
        (PackageState::Dead, _) if !ask.redriven => Some(Asking::Dead),
        (PackageState::Asked, _) if !newest.is_asked_longer_ago_than(ask.overdue_after) => {
            Some(Asking::Asked)
        }
        _ => newest
            .lease_until
            .and_then(|until| (until - newest.now).to_std().ok())
            .filter(|left| !left.is_zero())
            .map(|left| Asking::Held { left }),
    };
    match answered {
        Some(answer) => Answer(answer),
        None => {
            Grant(self::Grant { round: newest.round, asked_times: newest.asked_times, state: newest.state })
        }
    }
}

impl Newest {
    /// What was asked for after now was asked for before the clock was set back.
    fn is_asked_longer_ago_than(&self, overdue_after: Duration) -> bool {
        let ago = self.asked_at.and_then(|asked_at| (self.now - asked_at).abs().to_std().ok());
        ago.is_some_and(|ago| ago > overdue_after)
    }
}

pub(super) fn newest(dialect: Dialect, packing: &Packing<'_>) -> Statement {
    let now = dialect.now();
    of_package(
        packing.key,
        format!(
            "select (select count(*) from package_event where {THIS_PACKAGE} and event_uuid = $3) as received,
                 {now} as now, round, fingerprint, state, asked_times, asked_at, lease_until, tenant_uid, receipt_uid
             from package_round where {THIS_PACKAGE}
             order by round desc limit 1"
        ),
    )
    .text(packing.event_uuid)
}

pub(super) fn read_newest(row: &Row) -> Result<Newest, DecodeError> {
    Ok(Newest {
        received: row.get("received")?,
        now: row.get("now")?,
        round: row.get("round")?,
        fingerprint: row.optional("fingerprint")?,
        state: row.get("state")?,
        asked_times: row.get("asked_times")?,
        asked_at: row.optional("asked_at")?,
        lease_until: row.optional("lease_until")?,
        receipt: row.optional_key()?,
    })
}

pub(super) fn count_lease_anew(dialect: Dialect, key: &PackageKey) -> Statement {
    of_package(key, count_anew(dialect, "package_round", THIS_PACKAGE))
}

/// Adds the round where none was added meanwhile, and closes what it takes the place of.
pub(super) fn begin(
    dialect: Dialect,
    packing: &Packing<'_>,
    ask: &Ask<'_>,
    round: u32,
    follows: Option<u32>,
) -> Statement {
    let now = dialect.now();
    let begin = format!(
        "insert into package_round (oms, package_id, round, follows, number, fingerprint, event_uuid, body,
             traceparent, state, asked_times, accepted_times, lease_owner, lease_until, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'asking', 1, 0, $10, {now} + $11, {now}, {now})
         on conflict do nothing returning round"
    );
    let note_event_of = |begun: &str| {
        format!(
            "insert into package_event (oms, package_id, event_uuid) select $1, $2, $7 where {begun}
             on conflict do nothing"
        )
    };
    let supersede = |begun: &str| {
        format!(
            "update package_round set state = 'superseded', lease_owner = null, lease_until = null,
                 dead_stage = null, dead_reason = null, dead_error = null, updated_at = {now}
             where {THIS_PACKAGE} and round < $3 and state in ('asking', 'dead') and {begun}"
        )
    };
    let sql = match dialect {
        Dialect::Sqlite => {
            let begun = format!(
                "exists (select 1 from package_round
                     where {THIS_PACKAGE} and round = $3 and event_uuid = $7)"
            );
            format!("{begin}; {}; {}", note_event_of(&begun), supersede(&begun))
        }
        Dialect::Postgres => {
            let begun = "exists (select 1 from begun)";
            format!(
                "with begun as ({begin}), received as ({}), superseded as ({}) select round from begun",
                note_event_of(begun),
                supersede(begun)
            )
        }
    };
    of_package(packing.key, sql)
        .int(round)
        .int(follows.map_or(-1, i64::from))
        .text(packing.number)
        .text(packing.fingerprint)
        .text(packing.event_uuid)
        .bytes(packing.body)
        .optional_text(packing.traceparent)
        .text(ask.owner)
        .duration(ask.ttl)
}

/// Takes the round over where it is still as it was read. Each time counts up `asked_times`, so no
/// two who read the same both take it.
pub(super) fn grant(dialect: Dialect, packing: &Packing<'_>, ask: &Ask<'_>, grant: &Grant) -> Statement {
    let now = dialect.now();
    of_package(
        packing.key,
        format!(
            "update package_round set
                 state = 'asking', asked_times = asked_times + 1,
                 lease_owner = $6, lease_until = {now} + $7,
                 dead_stage = null, dead_reason = null, dead_error = null, updated_at = {now}
             where {THIS_PACKAGE} and round = $3 and state = $4 and asked_times = $5
                 and (lease_until is null or lease_until <= {now})
                 and not exists (select 1 from package_round where {THIS_PACKAGE} and round > $3)
             returning round"
        ),
    )
    .int(grant.round)
    .text(grant.state.as_str())
    .int(grant.asked_times)
    .text(ask.owner)
    .duration(ask.ttl)
}

/// The OMS names its packages: its number replaces the one that the receipt had.
pub(super) fn adopt(dialect: Dialect, packing: &Packing<'_>) -> Statement {
    let now = dialect.now();
    of_package(
        packing.key,
        format!(
            "update package_round set
                 number = $3, fingerprint = $4, event_uuid = $5, body = $6, traceparent = $7, updated_at = {now}
             where {THIS_PACKAGE} and round = 0 and fingerprint is null"
        ),
    )
    .text(packing.number)
    .text(packing.fingerprint)
    .text(packing.event_uuid)
    .bytes(packing.body)
    .optional_text(packing.traceparent)
}

/// One packing has several events. Each is remembered, so that it is known when it comes late.
pub(super) fn note_event(packing: &Packing<'_>) -> Statement {
    let sql = "insert into package_event (oms, package_id, event_uuid) values ($1, $2, $3)
         on conflict do nothing";
    of_package(packing.key, sql.to_owned()).text(packing.event_uuid)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(3600);

    /// Round 2 with the content `same`, in this state.
    fn newest_in(state: PackageState) -> Newest {
        let now = DateTime::from_timestamp(1_790_000_000, 0).expect("a time");
        Newest {
            received: false,
            now,
            round: 2,
            fingerprint: Some("same".into()),
            state,
            asked_times: 3,
            asked_at: (state == PackageState::Asked).then_some(now - TIMEOUT),
            lease_until: None,
            receipt: (state == PackageState::Issued).then(|| Key::new("tenant-1", "r")),
        }
    }

    #[test]
    fn the_newest_round_decides() {
        use Decision::{Adopt, Answer, Begin};
        use PackageState::{Asked, Asking as ToAsk, Dead, Issued, Superseded};
        let now = newest_in(ToAsk).now;
        let millisecond = chrono::Duration::milliseconds(1);
        let of = |state| Some(newest_in(state));
        let held = |state, until| Some(Newest { lease_until: Some(until), ..newest_in(state) });
        let received = |state| Some(Newest { received: true, ..newest_in(state) });
        let unheard = Some(Newest { fingerprint: None, round: 0, ..newest_in(Issued) });
        let long_ago = Some(Newest { asked_at: Some(now - TIMEOUT - millisecond), ..newest_in(Asked) });
        let in_the_future = Some(Newest { asked_at: Some(now + millisecond), ..newest_in(Asked) });
        let before_the_clock_was_set_back =
            Some(Newest { asked_at: Some(now + TIMEOUT + millisecond), ..newest_in(Asked) });
        let granted = |state| Decision::Grant(Grant { round: 2, asked_times: 3, state });
        let issued = || Answer(Asking::Issued(Key::new("tenant-1", "r")));
        let anew = || Begin { round: 3, follows: Some(2) };
        let (until, left) = (now + millisecond, Duration::from_millis(1));
        let table = [
            (None, "same", false, Begin { round: 1, follows: None }),
            (None, "same", true, Begin { round: 1, follows: None }),
            (unheard.clone(), "same", false, Adopt),
            (unheard, "same", true, Adopt),
            (of(ToAsk), "same", false, granted(ToAsk)),
            (held(ToAsk, until), "same", false, Answer(Asking::Held { left })),
            (held(ToAsk, until), "same", true, Answer(Asking::Held { left })),
            (held(ToAsk, now), "same", false, granted(ToAsk)),
            (of(Asked), "same", false, Answer(Asking::Asked)),
            (of(Asked), "same", true, Answer(Asking::Asked)),
            (in_the_future, "same", false, Answer(Asking::Asked)),
            (long_ago, "same", false, granted(Asked)),
            (before_the_clock_was_set_back, "same", false, granted(Asked)),
            (of(Issued), "same", false, issued()),
            (of(Issued), "same", true, issued()),
            (of(Superseded), "same", true, Answer(Asking::Superseded)),
            (of(Dead), "same", false, Answer(Asking::Dead)),
            (of(Dead), "same", true, granted(Dead)),
            (held(Dead, until), "same", false, Answer(Asking::Dead)),
            (held(Dead, until), "same", true, Answer(Asking::Held { left })),
            (received(ToAsk), "other", false, Answer(Asking::Superseded)),
            (received(Issued), "other", true, Answer(Asking::Superseded)),
            (received(Issued), "same", false, issued()),
            (of(ToAsk), "other", false, anew()),
            (held(ToAsk, until), "other", false, anew()),
            (of(Asked), "other", false, anew()),
            (of(Issued), "other", false, anew()),
            (of(Dead), "other", false, anew()),
            (of(Dead), "other", true, anew()),
        ];
        for (newest, fingerprint, redriven, expected) in table {
            let ask = Ask { owner: "a", ttl: TIMEOUT, overdue_after: TIMEOUT, redriven, renew: false };
            let decision = decide(newest.as_ref(), fingerprint, &ask);
            assert_eq!(decision, expected, "{fingerprint}, redriven {redriven}: {newest:?}");
        }
        let renewed = |newest: Option<Newest>| {
            let (owner, ttl, overdue_after) = ("a", TIMEOUT, TIMEOUT);
            let ask = Ask { owner, ttl, overdue_after, redriven: false, renew: true };
            decide(newest.as_ref(), "same", &ask)
        };
        assert_eq!(renewed(of(Dead)), anew());
        assert_eq!(renewed(received(Dead)), Answer(Asking::Superseded));
        assert_eq!(renewed(of(Issued)), issued());
        assert_eq!(renewed(of(ToAsk)), granted(ToAsk));
    }
}
