//! Points in time, as people read them: all in UTC, and how long ago.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

use crate::time::span;

/// How long ago, in the largest unit that says enough; the exact time stands behind it.
pub(crate) fn ago(now: DateTime<Utc>, time: DateTime<Utc>) -> Markup {
    let exact = time.to_rfc3339_opts(SecondsFormat::Secs, true);
    html! { span.tight { time datetime=(exact) title=(exact) { (span(time, now)) } " ago" } }
}

/// The time itself, and how long ago it was.
pub(crate) fn when(now: DateTime<Utc>, time: DateTime<Utc>) -> Markup {
    html! { time datetime=(time.to_rfc3339()) { (moment(time)) } " " span.muted { "(" (span(time, now)) " ago)" } }
}

/// The time itself.
pub(crate) fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}
