//! Faults on request: what a call may meet, and the dice that decide which call does.

use std::sync::Mutex;
use std::time::Duration;

use axum::http::StatusCode;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::lock;

/// What a call meets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Fault {
    /// Is executed only after this long, even where the client has given up meanwhile.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Is executed at once and answered only after this long.
    SlowAnswer {
        /// Milliseconds.
        ms: u64,
    },
    /// Sees the invoices and files as they were this long ago: a get misses what is newer, an
    /// attach finds no invoice (404). Only Omnium lags; elsewhere nothing changes.
    Lag {
        /// Milliseconds.
        ms: u64,
    },
    /// Is answered with this status.
    Status {
        /// The HTTP status, 200 to 599.
        #[serde(with = "status_code")]
        status: StatusCode,
        /// The `Retry-After` header, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u64>,
        /// Whether it is executed all the same.
        #[serde(default)]
        done: bool,
    },
    /// Is not executed, and answered with this status and this body, whatever it is: a proxy's page, an
    /// invoice of something else. `{authorization}` in it becomes the caller's own header, as careless services
    /// repeat it.
    Body {
        /// The HTTP status, 200 to 599.
        #[serde(with = "status_code")]
        status: StatusCode,
        /// The body.
        body: String,
    },
    /// Is not executed; the connection is reset.
    Reset,
    /// Is executed; the connection is closed without an answer.
    AnswerLost,
    /// Is executed and answered; what was to follow over the bus never does. Only the invoice
    /// service has anything to follow; elsewhere nothing changes.
    Lose,
}

/// A status as a number. An interim one (1xx) is no end of a call.
mod status_code {
    use axum::http::StatusCode;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(status.as_u16())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        let number = u16::deserialize(deserializer)?;
        StatusCode::from_u16(number)
            .ok()
            .filter(|status| (200..600).contains(&status.as_u16()))
            .ok_or_else(|| de::Error::custom("a status is a number from 200 to 599"))
    }
}

/// A rule, as far as the dice need to know it. Which calls it is for, each stand-in knows.
pub(crate) trait Chance: Clone {
    /// The share of matching calls that meet it.
    fn rate(&self) -> f64;
    /// How many calls may still meet it.
    fn times(&mut self) -> &mut Option<u64>;
    /// What they meet.
    fn fault(&self) -> &Fault;
}

/// The rate of a rule that says none.
pub(crate) fn always() -> f64 {
    1.0
}

/// Reads a rate.
pub(crate) fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(de::Error::custom("a rate is a number from 0 to 1"))
    }
}

/// The rules in force, and the dice.
#[derive(Debug)]
pub(crate) struct Faults<R>(Mutex<(Vec<R>, StdRng)>);

impl<R: Chance> Faults<R> {
    pub fn new(rules: Vec<R>, seed: u64) -> Self {
        Self(Mutex::new((rules, StdRng::seed_from_u64(seed))))
    }

    pub fn add(&self, rules: impl IntoIterator<Item = R>) {
        lock(&self.0).0.extend(rules);
    }

    pub fn clear(&self) {
        lock(&self.0).0.clear();
    }

    pub fn list(&self) -> Vec<R> {
        lock(&self.0).0.clone()
    }

    /// Decides what a call meets, and counts it against the rules that apply.
    pub fn decide(&self, applies: impl Fn(&R) -> bool) -> Fate {
        let (rules, dice) = &mut *lock(&self.0);
        let mut fate = Fate::default();
        for rule in rules.iter_mut().filter(|rule| applies(rule)) {
            if *rule.times() == Some(0) || (rule.rate() < 1.0 && dice.random::<f64>() >= rule.rate()) {
                continue;
            }
            let times = rule.times();
            *times = times.map(|times| times - 1);
            fate.meet(rule.fault());
        }
        fate
    }
}

/// All that one call meets.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Fate {
    pub delay: Duration,
    pub slow_answer: Duration,
    pub lag: Duration,
    /// Whether nothing follows over the bus.
    pub lose: bool,
    pub end: End,
}

/// How a call ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum End {
    /// As it should.
    #[default]
    Answered,
    Status {
        status: StatusCode,
        retry_after: Option<u64>,
        done: bool,
    },
    Body {
        status: StatusCode,
        body: String,
    },
    Reset,
    AnswerLost,
}

impl Fate {
    fn meet(&mut self, fault: &Fault) {
        match fault {
            Fault::Delay { ms } => self.delay += Duration::from_millis(*ms),
            Fault::SlowAnswer { ms } => self.slow_answer += Duration::from_millis(*ms),
            Fault::Lag { ms } => self.lag = self.lag.max(Duration::from_millis(*ms)),
            Fault::Status { status, retry_after, done } => {
                self.end_with(End::Status { status: *status, retry_after: *retry_after, done: *done });
            }
            Fault::Body { status, body } => {
                self.end_with(End::Body { status: *status, body: body.clone() });
            }
            Fault::Reset => self.end_with(End::Reset),
            Fault::AnswerLost => self.end_with(End::AnswerLost),
            Fault::Lose => self.lose = true,
        }
    }

    fn end_with(&mut self, end: End) {
        if self.end == End::Answered {
            self.end = end;
        }
    }
}
