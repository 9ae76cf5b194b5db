//! Writing the index of dead letters.

use crate::cause::{cause, group_id};
use crate::sql::dead_find::NOTED;
use crate::sql::steps::touched;
use crate::sql::{Dialect, Statement};
use crate::{Closes, DeadLetter, NewDeadLetter, Place};

/// The longest stage and reason in bytes: ours are short, and an index takes no long texts of others.
const MAX_NAME: usize = 200;

/// Notes the dead letter, and closes what it is about where the dead letter was news.
pub(super) fn note(dialect: Dialect, new: &NewDeadLetter<'_>) -> Statement {
    let now = dialect.now();
    let letter = new.letter;
    let is_news = |redriven: &str, failed_at: &str| {
        format!("({redriven} > kept.redriven or {failed_at} > kept.last_failed_at)")
    };
    let note = format!(
        "insert into dead_letter as kept ({NOTED}, headers, body, cause, group_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, {now}, 'dead', $15, $16, $13, $14, $18, $19)
         on conflict (id) do update set
             stage = excluded.stage, reason = excluded.reason, error = excluded.error,
             attempts = excluded.attempts, first_failed_at = excluded.first_failed_at,
             last_failed_at = excluded.last_failed_at, redriven = excluded.redriven,
             body_size = excluded.body_size, noted_at = excluded.noted_at, place = excluded.place,
             oms = excluded.oms, package_id = excluded.package_id,
             headers = excluded.headers, body = excluded.body, cause = excluded.cause,
             group_id = excluded.group_id
         where {}",
        is_news("excluded.redriven", "excluded.last_failed_at")
    );
    let sql = match dialect {
        // Closed before it is noted: afterwards nobody could tell whether it was news.
        Dialect::Sqlite => {
            let news = format!(
                "not exists (select 1 from dead_letter as kept
                     where id = $1 and not coalesce({}, false))",
                is_news("$11", "$10")
            );
            format!("{}; {}; {note}", close_records(now, new, &news), close_package(now, letter, &news))
        }
        Dialect::Postgres => {
            let news = "exists (select 1 from news)";
            format!(
                "with news as ({note} returning 1), records as ({}), packages as ({})
                 select count(*) from news",
                close_records(now, new, news),
                close_package(now, letter, news)
            )
        }
    };
    let (Closes::Target(target) | Closes::Every { at_least: target }) = new.closes;
    let kept = &new.body[..new.body.len().min(NewDeadLetter::BODY_KEPT)];
    let stage = &letter.stage[..letter.stage.floor_char_boundary(MAX_NAME)];
    let reason = &letter.reason[..letter.reason.floor_char_boundary(MAX_NAME)];
    let cause = cause(&letter.error);
    Statement::new(sql)
        .text(&letter.id)
        .text(stage)
        .text(reason)
        .text(&letter.error)
        .optional_text(letter.key.as_ref().map(|key| key.tenant_uid.as_str()))
        .optional_text(letter.key.as_ref().map(|key| key.receipt_uid.as_str()))
        .optional_text(letter.message_id.as_deref())
        .int(letter.attempts)
        .time(letter.first_failed_at)
        .time(letter.last_failed_at)
        .int(letter.redriven)
        .int(i64::try_from(new.body.len()).unwrap_or(i64::MAX))
        .text(new.headers)
        .bytes(kept)
        .optional_text(letter.package.as_ref().map(|package| package.oms.as_str()))
        .optional_text(letter.package.as_ref().map(|package| package.package_id.to_string()).as_deref())
        .text(target)
        .text(&cause)
        .text(&group_id(stage, reason, &cause))
}

fn close_records(now: &str, new: &NewDeadLetter<'_>, news: &str) -> String {
    let every = match new.closes {
        Closes::Target(_) => "",
        Closes::Every { .. } => {
            "union select target from external_order_receipt_sync where tenant_uid = $5 and receipt_uid = $6"
        }
    };
    let (unknown, unopened) = if new.letter.is_about_the_message() {
        (
            "not exists (select 1 from receipt where tenant_uid = $5 and receipt_uid = $6)",
            "sync.heard_count = 0",
        )
    } else {
        ("true", "true")
    };
    let touched = touched(now, "sync.");
    format!(
        "insert into external_order_receipt_sync as sync (tenant_uid, receipt_uid, target, state,
             dead_stage, dead_reason, dead_error, heard_count, created_at, updated_at)
         select $5, $6, closed.target, 'dead', $2, $3, $4, 0, {now}, {now}
         from (select cast($17 as text) as target {every}) as closed
         where $5 is not null and {news} and {unknown}
         on conflict (tenant_uid, receipt_uid, target) do update set
             state = 'dead',
             state_before_death = case when sync.state = 'dead'
                 then sync.state_before_death else sync.state end,
             dead_stage = excluded.dead_stage, dead_reason = excluded.dead_reason,
             dead_error = excluded.dead_error, {touched}
         where sync.state not in ('complete', 'skipped') and {unopened}"
    )
}

fn close_package(now: &str, letter: &DeadLetter, news: &str) -> String {
    let touched = touched(now, "");
    let whole = !letter.is_about_the_message();
    format!(
        "update package_round set
             state = 'dead', dead_stage = $2, dead_reason = $3, dead_error = $4, {touched}
         where oms = $15 and package_id = $16 and state in ('asking', 'asked') and {whole} and {news}
             and round = (select max(round) from package_round
                 where oms = $15 and package_id = $16 and state in ('asking', 'asked'))"
    )
}

pub(super) fn move_to(dialect: Dialect, ids: &[String], to: Place) -> Statement {
    let ids_given = dialect.texts(2);
    Statement::new(format!("update dead_letter set place = $1 where id in ({ids_given}) returning id"))
        .text(to.as_str())
        .texts(ids)
}

/// DeadLetters that an earlier version noted: id, stage, reason, error.
pub(super) fn without_cause(limit: u32) -> Statement {
    Statement::new("select id, stage, reason, error from dead_letter where cause = '' limit $1").int(limit)
}

/// DeadLetters of one group get their cause.
pub(super) fn fill_cause(dialect: Dialect, cause: &str, group: &str, ids: &[String]) -> Statement {
    let ids_given = dialect.texts(3);
    Statement::new(format!(
        "update dead_letter set cause = $1, group_id = $2 where id in ({ids_given}) and cause = ''"
    ))
    .text(cause)
    .text(group)
    .texts(ids)
}
