//! Faults on request: which call meets which, by rate, by count, and by invoice or store.

use std::str::FromStr;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::StatusCode;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Deserializer, Serialize, de};

use super::Call;

/// Which calls meet a fault. A member left out is no condition.
///
/// Every rule that applies to a call takes part: delays add up, the longest lag counts, and the
/// first rule that decides the end of the call stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Calls of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// Calls about the invoice with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_id: Option<String>,
    /// Calls about the invoice with this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<String>,
    /// Calls about invoices of this store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_id: Option<String>,
    /// The share of matching calls that meet it, 0 to 1.
    #[serde(default = "always", deserialize_with = "share")]
    pub rate: f64,
    /// How many calls meet it at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What they meet.
    pub fault: Fault,
}

fn always() -> f64 {
    1.0
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let share = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err(de::Error::custom("a rate is a number from 0 to 1"))
    }
}

impl Rule {
    /// A rule for every call.
    pub fn new(fault: Fault) -> Self {
        Self {
            call: None,
            invoice_id: None,
            invoice_number: None,
            store_id: None,
            rate: always(),
            times: None,
            fault,
        }
    }

    /// Only for calls of this kind.
    pub fn on(mut self, call: Call) -> Self {
        self.call = Some(call);
        self
    }

    /// Only for so many calls.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    fn matches(&self, call: Call, subject: &Subject) -> bool {
        let fits = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        self.call.is_none_or(|wanted| wanted == call)
            && self.times != Some(0)
            && fits(&self.invoice_id, &subject.invoice_id)
            && fits(&self.invoice_number, &subject.invoice_number)
            && fits(&self.store_id, &subject.store_id)
    }
}

/// Reads a rule from its JSON, as `POST /_faults` takes it.
impl FromStr for Rule {
    type Err = serde_json::Error;
    fn from_str(json: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(json)
    }
}

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
    /// attach finds no invoice (404).
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
    /// Is not executed; the connection is reset.
    Reset,
    /// Is executed; the connection is closed without an answer.
    AnswerLost,
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

/// What is known of the invoice a call is about.
#[derive(Debug, Default)]
pub(super) struct Subject {
    pub invoice_id: Option<String>,
    pub invoice_number: Option<String>,
    pub store_id: Option<String>,
}

/// All that one call meets.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Fate {
    pub delay: Duration,
    pub slow_answer: Duration,
    pub lag: Duration,
    pub end: End,
}

/// How a call ends.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) enum End {
    /// As it should.
    #[default]
    Answered,
    Status {
        status: StatusCode,
        retry_after: Option<u64>,
        done: bool,
    },
    Reset,
    AnswerLost,
}

/// The rules in force, and the dice.
#[derive(Debug)]
pub(super) struct Faults(Mutex<(Vec<Rule>, StdRng)>);

impl Faults {
    pub fn new(rules: Vec<Rule>, seed: u64) -> Self {
        Self(Mutex::new((rules, StdRng::seed_from_u64(seed))))
    }

    pub fn add(&self, rules: impl IntoIterator<Item = Rule>) {
        super::lock(&self.0).0.extend(rules);
    }

    pub fn clear(&self) {
        super::lock(&self.0).0.clear();
    }

    pub fn list(&self) -> Vec<Rule> {
        super::lock(&self.0).0.clone()
    }

    /// Decides what a call meets, and counts it against the rules that apply.
    pub fn decide(&self, call: Call, subject: &Subject) -> Fate {
        let (rules, dice) = &mut *super::lock(&self.0);
        let mut fate = Fate::default();
        for rule in rules.iter_mut().filter(|rule| rule.matches(call, subject)) {
            if rule.rate < 1.0 && dice.random::<f64>() >= rule.rate {
                continue;
            }
            rule.times = rule.times.map(|times| times - 1);
            fate.meet(&rule.fault);
        }
        fate
    }
}

impl Fate {
    fn meet(&mut self, fault: &Fault) {
        match *fault {
            Fault::Delay { ms } => self.delay += Duration::from_millis(ms),
            Fault::SlowAnswer { ms } => self.slow_answer += Duration::from_millis(ms),
            Fault::Lag { ms } => self.lag = self.lag.max(Duration::from_millis(ms)),
            Fault::Status { status, retry_after, done } => {
                self.end_with(End::Status { status, retry_after, done });
            }
            Fault::Reset => self.end_with(End::Reset),
            Fault::AnswerLost => self.end_with(End::AnswerLost),
        }
    }

    fn end_with(&mut self, end: End) {
        if self.end == End::Answered {
            self.end = end;
        }
    }
}
