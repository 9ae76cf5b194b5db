//! Reading the index of dead letters.

use crate::sql::{Dialect, Row, Statement, Surprise};
use crate::{
    DeadCause, DeadCount, DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterInFull, NotedDeadLetter,
    PackageKey, Page,
};

/// The columns that [`read_noted`] reads.
pub(super) const NOTED: &str = "id, stage, reason, error, tenant_uid, receipt_uid, message_id, attempts,
    first_failed_at, last_failed_at, redriven, body_size, noted_at, place, oms, package_id";

pub(super) fn list(dialect: Dialect, filter: &DeadLetterFilter, page: Page) -> Statement {
    matching(dialect, filter, |conditions| format!("select {NOTED} from dead_letter where {conditions}"))
        .page("noted_at desc, id", page)
}

pub(super) fn ids(dialect: Dialect, filter: &DeadLetterFilter) -> Statement {
    matching(dialect, filter, |conditions| format!("select stage, id from dead_letter where {conditions}"))
}

pub(super) fn count_by_stage(dialect: Dialect, filter: &DeadLetterFilter) -> Statement {
    matching(dialect, filter, |conditions| {
        format!("select stage, count(*) from dead_letter where {conditions} group by stage order by stage")
    })
}

/// The newest dead letter of each group is looked up afterwards, through the index.
pub(super) fn causes(dialect: Dialect, filter: &DeadLetterFilter, page: Page) -> Statement {
    let limit = page.limit;
    matching(dialect, filter, |conditions| {
        format!(
            "select found.*, newest_letter.id, newest_letter.error
             from (select stage, reason, cause, count(*), min(noted_at), max(noted_at) as newest
                   from dead_letter where {conditions} group by stage, reason, cause
                   order by newest desc, stage, reason, cause limit {limit} offset {}) as found
             join dead_letter as newest_letter on newest_letter.id = (
                 select id from dead_letter where {conditions}
                     and stage = found.stage and reason = found.reason and cause = found.cause
                     and noted_at = found.newest
                 order by id limit 1)
             order by found.newest desc, found.stage, found.reason, found.cause",
            page.offset
        )
    })
}

/// A statement with the filter's conditions where it wants them, and with their arguments. What does not
/// matter stays out of the text, so that the database can choose its index.
fn matching(dialect: Dialect, filter: &DeadLetterFilter, sql: impl Fn(&str) -> String) -> Statement {
    let mut conditions = Statement::new("place = $1")
        .text(filter.place.as_str())
        .matching("stage = $", filter.stage.as_deref())
        .matching("reason = $", filter.reason.as_deref())
        .matching("cause = $", filter.cause.as_deref())
        .matching("tenant_uid = $", filter.key.as_ref().map(|key| key.tenant_uid.as_str()))
        .matching("receipt_uid = $", filter.key.as_ref().map(|key| key.receipt_uid.as_str()))
        // What the group has in common is read from one of its dead letters; the others are found through the
        // index of causes.
        .matching(
            "(stage, reason, cause) = (
                 select stage, reason, cause from dead_letter where group_id = $ limit 1)",
            filter.group.as_deref(),
        )
        .matching(
            if filter.not_in_errors { WITHOUT_ERROR } else { WITH_ERROR },
            filter.text.as_deref().map(containing).as_deref(),
        );
    if let Some(since) = filter.since {
        let argument = conditions.args.len() + 1;
        conditions.sql.push_str(&format!(" and noted_at >= ${argument}"));
        conditions = conditions.int(since.timestamp_millis());
    }
    if let Some(ids) = &filter.ids {
        let given = dialect.texts(conditions.args.len() + 1);
        conditions.sql.push_str(&format!(" and id in ({given})"));
        conditions = conditions.texts(ids);
    }
    Statement { sql: sql(&conditions.sql), args: conditions.args }
}

const WITHOUT_ERROR: &str = r"lower(id) like $ escape '\' or lower(message_id) like $ escape '\'
    or lower(receipt_uid) like $ escape '\' or lower(oms || '/' || package_id) like $ escape '\'";

const WITH_ERROR: &str = r"lower(id) like $ escape '\' or lower(message_id) like $ escape '\'
    or lower(receipt_uid) like $ escape '\' or lower(error) like $ escape '\'
    or lower(oms || '/' || package_id) like $ escape '\'";

/// A `like` pattern for texts that contain this one.
pub(super) fn containing(text: &str) -> String {
    let escaped = text.to_lowercase().replace('\\', r"\\").replace('%', r"\%").replace('_', r"\_");
    format!("%{escaped}%")
}

pub(super) fn one(id: &str) -> Statement {
    Statement::new(format!("select {NOTED}, headers, body from dead_letter where id = $1")).text(id)
}

pub(super) fn counts() -> Statement {
    Statement::new(
        "select stage, reason, count(*), min(noted_at) from dead_letter where place = 'dead'
         group by stage, reason order by stage, reason",
    )
}

pub(super) fn read_noted(row: &mut Row) -> Result<NotedDeadLetter, Surprise> {
    let mut letter = DeadLetter {
        id: row.text()?,
        stage: row.text()?,
        reason: row.text()?,
        error: row.text()?,
        key: row.optional_key()?,
        package: None,
        message_id: row.optional_text()?,
        attempts: row.count()?,
        first_failed_at: row.optional_time()?,
        last_failed_at: row.optional_time()?,
        redriven: row.count()?,
    };
    let (body_size, noted_at, place) = (row.count()?, row.time()?, row.word("place")?);
    letter.package = match (row.optional_text()?, row.optional_word("package id")?) {
        (Some(oms), Some(package_id)) => Some(PackageKey { oms, package_id }),
        _ => None,
    };
    Ok(NotedDeadLetter { letter, body_size, noted_at, place })
}

pub(super) fn read_in_full(row: &mut Row) -> Result<DeadLetterInFull, Surprise> {
    Ok(DeadLetterInFull { noted: read_noted(row)?, headers: row.text()?, body: row.bytes()? })
}

pub(super) fn read_count(row: &mut Row) -> Result<DeadCount, Surprise> {
    Ok(DeadCount { stage: row.text()?, reason: row.text()?, count: row.count()?, oldest: row.time()? })
}

pub(super) fn read_stage_count(row: &mut Row) -> Result<(String, u64), Surprise> {
    Ok((row.text()?, row.count()?))
}

pub(super) fn read_id(row: &mut Row) -> Result<DeadLetterId, Surprise> {
    Ok(DeadLetterId { stage: row.text()?, id: row.text()? })
}

pub(super) fn read_cause(row: &mut Row) -> Result<DeadCause, Surprise> {
    Ok(DeadCause {
        stage: row.text()?,
        reason: row.text()?,
        cause: row.text()?,
        count: row.count()?,
        oldest: row.time()?,
        newest: row.time()?,
        letter: row.text()?,
        error: row.text()?,
    })
}
