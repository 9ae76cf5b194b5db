//! Paused lanes, as they are kept in one column.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use crate::sql::Surprise;
use crate::{ReportedBulkhead, ReportedPause};

/// One lane; times are milliseconds since 1970.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    lane: String,
    since: i64,
    why: String,
    next_probe_at: i64,
}

/// As JSON; `None` where there are none.
pub(super) fn write(lanes: &[ReportedBulkhead]) -> Option<String> {
    let kept = lanes.iter().map(|ReportedBulkhead { bulkhead, pause }| Kept {
        lane: bulkhead.clone(),
        since: pause.since.timestamp_millis(),
        why: pause.why.clone(),
        next_probe_at: pause.next_probe_at.timestamp_millis(),
    });
    let kept: Vec<_> = kept.collect();
    (!kept.is_empty()).then(|| serde_json::to_string(&kept).expect("texts and numbers are JSON"))
}

/// The lanes of what [`write`] made.
pub(super) fn read(text: Option<String>) -> Result<Vec<ReportedBulkhead>, Surprise> {
    let Some(text) = text else { return Ok(Vec::new()) };
    let surprise = Surprise { expected: "paused lanes" };
    let Ok(kept) = serde_json::from_str::<Vec<Kept>>(&text) else { return Err(surprise) };
    let lane = |kept: Kept| {
        let since = DateTime::from_timestamp_millis(kept.since)?;
        let next_probe_at = DateTime::from_timestamp_millis(kept.next_probe_at)?;
        Some(ReportedBulkhead {
            bulkhead: kept.lane,
            pause: ReportedPause { since, why: kept.why, next_probe_at },
        })
    };
    kept.into_iter().map(lane).collect::<Option<_>>().ok_or(surprise)
}
