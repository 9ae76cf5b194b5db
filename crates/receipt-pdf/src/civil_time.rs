//! The time on the customer's watch: receipts carry UTC, people expect their own clock.
//!
//! Only a moment given in UTC is converted; one with an offset of its own is already somebody's
//! local time. The rules are those of the five countries with a single zone that templates know:
//! the European Union's summer time (last Sunday of March to last Sunday of October, changing at
//! 01:00 UTC), and Türkiye's fixed three hours. Elsewhere UTC stays UTC and is printed as such.

use chrono::{DateTime, Datelike, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime};

const HOUR: i32 = 3600;

/// The moment in the country's civil time; unchanged where the country is unknown.
pub(crate) fn civil(moment: DateTime<FixedOffset>, country: Option<&str>) -> DateTime<FixedOffset> {
    if moment.offset().local_minus_utc() != 0 {
        return moment;
    }
    let summer = if is_eu_summer(moment.naive_utc()) { HOUR } else { 0 };
    let offset = match country.map(str::to_ascii_uppercase).as_deref() {
        Some("NO" | "SE" | "DK") => HOUR + summer,
        Some("FI") => 2 * HOUR + summer,
        Some("TR") => 3 * HOUR,
        _ => return moment,
    };
    FixedOffset::east_opt(offset).map_or(moment, |offset| moment.with_timezone(&offset))
}

fn is_eu_summer(utc: NaiveDateTime) -> bool {
    let change = |month| last_sunday(utc.year(), month).map(|day| day.and_time(one_o_clock()));
    matches!((change(3), change(10)), (Some(start), Some(end)) if (start..end).contains(&utc))
}

fn last_sunday(year: i32, month: u32) -> Option<NaiveDate> {
    let last = NaiveDate::from_ymd_opt(year, month, 31)?;
    last.checked_sub_days(Days::new(u64::from(last.weekday().num_days_from_sunday())))
}

fn one_o_clock() -> NaiveTime {
    NaiveTime::from_hms_opt(1, 0, 0).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_becomes_the_countrys_civil_time_and_other_offsets_stay() {
        let cases = [
            ("2026-11-02T09:15:00Z", "NO", "2026-11-02T10:15:00+01:00"),
            ("2026-07-02T23:30:00Z", "SE", "2026-07-03T01:30:00+02:00"),
            ("2026-03-29T00:59:59Z", "DK", "2026-03-29T01:59:59+01:00"),
            ("2026-03-29T01:00:00Z", "DK", "2026-03-29T03:00:00+02:00"),
            ("2026-10-25T00:59:59Z", "FI", "2026-10-25T03:59:59+03:00"),
            ("2026-10-25T01:00:00Z", "FI", "2026-10-25T03:00:00+02:00"),
            ("2026-07-02T09:15:00Z", "TR", "2026-07-02T12:15:00+03:00"),
            ("2026-07-02T09:15:00Z", "US", "2026-07-02T09:15:00+00:00"),
            ("2026-07-02T09:15:00+05:00", "NO", "2026-07-02T09:15:00+05:00"),
        ];
        for (moment, country, expected) in cases {
            let moment = DateTime::parse_from_rfc3339(moment).expect("a time in the table");
            assert_eq!(civil(moment, Some(country)).to_rfc3339(), expected);
        }
    }
}
