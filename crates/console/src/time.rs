//! Spans of time, as people read them.

use chrono::{DateTime, Utc};

/// A span of time, in the largest unit that says enough.
pub(crate) fn span(from: DateTime<Utc>, to: DateTime<Utc>) -> String {
    let seconds = (to - from).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn a_span_is_told_in_the_largest_unit_that_says_enough() {
        let from = DateTime::from_timestamp(1_760_000_000, 0).expect("a time");
        for (seconds, told) in
            [(-5, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_800, "2 d")]
        {
            assert_eq!(span(from, from + TimeDelta::seconds(seconds)), told);
        }
    }
}
