//! Delays as people write them: `500ms`, `5s`, `2m`, `1h`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A delay that is written the way it was read, because queues are named after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Delay(Duration);

impl Delay {
    /// The delay as a duration.
    pub fn duration(self) -> Duration {
        self.0
    }

    /// In milliseconds, as RabbitMQ takes it.
    pub fn as_millis(self) -> u32 {
        u32::try_from(self.0.as_millis()).unwrap_or(u32::MAX)
    }
}

const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The longest delay: a day.
const MAX_MILLIS: u64 = 86_400_000;

/// In the largest unit that divides it.
impl fmt::Display for Delay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::from(self.as_millis());
        let (unit, size) =
            UNITS.into_iter().find(|(_, size)| millis.is_multiple_of(*size)).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", millis / size)
    }
}

/// A text that is no delay.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a delay: write a number and ms, s, m or h, from 1ms to 24h, as in 30s")]
pub struct ParseDelayError;

impl FromStr for Delay {
    type Err = ParseDelayError;

    fn from_str(text: &str) -> Result<Self, ParseDelayError> {
        let text = text.trim();
        let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or(ParseDelayError)?;
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| ParseDelayError)?;
        let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit).ok_or(ParseDelayError)?;
        match number.checked_mul(size) {
            Some(millis @ 1..=MAX_MILLIS) => Ok(Self(Duration::from_millis(millis))),
            _ => Err(ParseDelayError),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_a_delay_in_its_largest_unit() {
        for (read, written) in [
            ("5s", "5s"),
            ("120s", "2m"),
            ("60m", "1h"),
            ("1500ms", "1500ms"),
            ("24h", "24h"),
            ("1ms", "1ms"),
        ] {
            assert_eq!(read.parse::<Delay>().expect(read).to_string(), written);
        }
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "5", "s", "0s", "-5s", "5 s", "25h", "99999999999999999999s", "5d", "1.5s"] {
            assert_eq!(text.parse::<Delay>(), Err(ParseDelayError), "{text}");
        }
    }
}
