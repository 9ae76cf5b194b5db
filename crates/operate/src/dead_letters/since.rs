//! How far back operators look.

use chrono::{DateTime, Duration, NaiveDate, Utc};

/// What [`since`] accepts.
pub const SINCE_FORMAT: &str = "an age like 30m, 2h or 7d, or a day like 2026-11-21";

/// The time that an operator enters as an age, a day in UTC, or a timestamp.
pub fn since(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.with_timezone(&Utc));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return day.and_hms_opt(0, 0, 0).map(|time| time.and_utc());
    }
    let number = text.strip_suffix(['s', 'm', 'h', 'd'])?;
    let number: u32 = number.parse().ok()?;
    let seconds = match text.as_bytes().last() {
        Some(b's') => 1,
        Some(b'm') => 60,
        Some(b'h') => 3_600,
        _ => 24 * 3_600,
    };
    now.checked_sub_signed(Duration::seconds(i64::from(number) * seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_ages_days_and_timestamps() {
        let now: DateTime<Utc> = "2026-11-22T12:00:00Z".parse().expect("a time");
        for (text, expected) in [
            ("90s", Some("2026-11-22T11:58:30Z")),
            ("30m", Some("2026-11-22T11:30:00Z")),
            ("2h", Some("2026-11-22T10:00:00Z")),
            ("7d", Some("2026-11-15T12:00:00Z")),
            ("2026-11-21", Some("2026-11-21T00:00:00Z")),
            ("2026-11-21T10:00:00+02:00", Some("2026-11-21T08:00:00Z")),
            ("yesterday", None),
            ("-2h", None),
            ("h", None),
            ("4294967295d", None),
            ("2x", None),
        ] {
            let expected = expected.map(|time| time.parse().expect("a time"));
            assert_eq!(since(text, now), expected, "{text}");
        }
    }
}
