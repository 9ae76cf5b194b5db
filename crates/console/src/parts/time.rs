//! Points in time, as people read them: all in UTC, and how long ago.

use chrono::{DateTime, SecondsFormat, Utc};
use maud::{Markup, html};

/// How long ago, with the time itself behind it.
pub(crate) fn ago(now: DateTime<Utc>, time: DateTime<Utc>) -> Markup {
    html! { time datetime=(machine(time)) title=(moment(time)) { (since(now, time)) " ago" } }
}

/// The time itself, and how long ago it was.
pub(crate) fn when(now: DateTime<Utc>, time: DateTime<Utc>) -> Markup {
    html! { time datetime=(machine(time)) { (moment(time)) } " " span.muted { "(" (since(now, time)) " ago)" } }
}

/// The time itself.
pub(crate) fn moment(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// How long since, in the largest unit that says enough.
pub(crate) fn since(now: DateTime<Utc>, time: DateTime<Utc>) -> String {
    let seconds = (now - time).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn machine(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}
