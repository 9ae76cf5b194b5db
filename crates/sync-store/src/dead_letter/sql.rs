//! The statements of the index of dead letters.

use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::record::touched;
use crate::sql::{Database, DecodeError, Dialect, Row, SqlStore, Statement, containing};
use crate::{
    Closes, DeadCause, DeadCount, DeadLetter, DeadLetterFilter, DeadLetterId, DeadLetterInFull,
    DeadLetterStore, NewDeadLetter, NotedDeadLetter, Page, Place, StoreError, cause, group_id,
};

#[async_trait]
impl<D: Database> DeadLetterStore for SqlStore<D> {
    async fn note_dead(&self, letter: &NewDeadLetter<'_>) -> Result<(), StoreError> {
        self.write(note(self.dialect(), letter)).await
    }

    async fn move_dead_letters(&self, ids: &[String], to: Place) -> Result<u64, StoreError> {
        let given = self.dialect().texts(2);
        let sql = format!("update dead_letter set place = $1 where id in ({given}) returning id");
        self.count_written(Statement::new(sql).text(to.as_str()).texts(ids)).await
    }

    async fn dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page,
    ) -> Result<Vec<NotedDeadLetter>, StoreError> {
        let list = matching(self.dialect(), filter, |conditions| {
            format!("select {NOTED} from dead_letter where {conditions}")
        });
        self.list(list.page("noted_at desc, id", page), read_noted).await
    }

    async fn dead_letter_ids(&self, filter: &DeadLetterFilter) -> Result<Vec<DeadLetterId>, StoreError> {
        let ids = matching(self.dialect(), filter, |conditions| {
            format!("select stage, id from dead_letter where {conditions}")
        });
        self.list(ids, |row| Ok(DeadLetterId { stage: row.get("stage")?, id: row.get("id")? })).await
    }

    async fn dead_letters_by_stage(
        &self,
        filter: &DeadLetterFilter,
    ) -> Result<BTreeMap<String, u64>, StoreError> {
        let counts = matching(self.dialect(), filter, |conditions| {
            format!("select stage, count(*) as count from dead_letter where {conditions} group by stage")
        });
        let counts = self.list(counts, |row| Ok((row.get("stage")?, row.get("count")?))).await?;
        Ok(counts.into_iter().collect())
    }

    async fn dead_letter(&self, id: &str) -> Result<Option<DeadLetterInFull>, StoreError> {
        let sql = format!("select {NOTED}, headers, body from dead_letter where id = $1");
        let letter = self.find(Statement::new(sql).text(id), |row| {
            Ok(DeadLetterInFull {
                noted: read_noted(row)?,
                headers: row.get("headers")?,
                body: row.get("body")?,
            })
        });
        letter.await
    }

    async fn dead_counts(&self) -> Result<Vec<DeadCount>, StoreError> {
        let counts = Statement::new(
            "select stage, reason, count(*) as count, min(noted_at) as oldest from dead_letter
             where place = 'dead' group by stage, reason order by stage, reason",
        );
        self.list(counts, read_count).await
    }

    async fn dead_causes(&self, filter: &DeadLetterFilter, page: Page) -> Result<Vec<DeadCause>, StoreError> {
        self.list(causes(self.dialect(), filter, page), read_cause).await
    }

    async fn fill_causes(&self, limit: u32) -> Result<u64, StoreError> {
        let sql = "select id, stage, reason, error from dead_letter where cause = '' limit $1";
        let letters = self.list(Statement::new(sql).int(limit), |row| {
            let (id, cause) = (row.get::<String>("id")?, cause(&row.get::<String>("error")?));
            let group = group_id(&row.get::<String>("stage")?, &row.get::<String>("reason")?, &cause);
            Ok((id, (cause, group)))
        });
        let letters = letters.await?;
        let count = letters.len() as u64;
        let mut groups = BTreeMap::<_, Vec<String>>::new();
        for (id, group) in letters {
            groups.entry(group).or_default().push(id);
        }
        for ((cause, group), ids) in &groups {
            let given = self.dialect().texts(3);
            let fill = Statement::new(format!(
                "update dead_letter set cause = $1, group_id = $2 where id in ({given}) and cause = ''"
            ));
            self.write(fill.text(cause).text(group).texts(ids)).await?;
        }
        Ok(count)
    }
}

/// The columns that [`read_noted`] reads.
const NOTED: &str = "id, stage, reason, error, tenant_uid, receipt_uid, message_id, attempts,
    first_failed_at, last_failed_at, redriven, body_size, noted_at, place, oms, package_id";

/// Of a stage or reason, in bytes: ours are short, and an index takes no long text.
const MAX_NAME: usize = 200;

/// Notes the dead letter, and closes what it is about where the dead letter was news.
fn note(dialect: Dialect, new: &NewDeadLetter<'_>) -> Statement {
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

/// The newest dead letter of each group is looked up afterwards, through the index.
fn causes(dialect: Dialect, filter: &DeadLetterFilter, page: Page) -> Statement {
    let limit = page.limit;
    matching(dialect, filter, |conditions| {
        format!(
            "select found.*, newest_letter.id, newest_letter.error
             from (select stage, reason, cause, count(*) as count, min(noted_at) as oldest,
                       max(noted_at) as newest
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
        .matching("tenant_uid = $", filter.tenant.as_deref())
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

fn read_noted(row: &Row) -> Result<NotedDeadLetter, DecodeError> {
    Ok(NotedDeadLetter {
        letter: DeadLetter {
            id: row.get("id")?,
            stage: row.get("stage")?,
            reason: row.get("reason")?,
            error: row.get("error")?,
            key: row.optional_key()?,
            package: row.optional_package()?,
            message_id: row.optional("message_id")?,
            attempts: row.get("attempts")?,
            first_failed_at: row.optional("first_failed_at")?,
            last_failed_at: row.optional("last_failed_at")?,
            redriven: row.get("redriven")?,
        },
        body_size: row.get("body_size")?,
        noted_at: row.get("noted_at")?,
        place: row.get("place")?,
    })
}

fn read_count(row: &Row) -> Result<DeadCount, DecodeError> {
    Ok(DeadCount {
        stage: row.get("stage")?,
        reason: row.get("reason")?,
        count: row.get("count")?,
        oldest: row.get("oldest")?,
    })
}

fn read_cause(row: &Row) -> Result<DeadCause, DecodeError> {
    Ok(DeadCause {
        stage: row.get("stage")?,
        reason: row.get("reason")?,
        cause: row.get("cause")?,
        count: row.get("count")?,
        oldest: row.get("oldest")?,
        newest: row.get("newest")?,
        letter: row.get("id")?,
        error: row.get("error")?,
    })
}
