//! Faults on request: what a call may meet, which calls meet it, and the dice that decide.

use std::str::FromStr;
use std::time::Duration;

use axum::http::StatusCode;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Deserializer, Serialize, de};

use crate::recorder::{About, Call, Subject};

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

/// Which calls meet a fault. A member left out is no condition.
///
/// Every rule that applies to a call takes part: delays add up, the longest lag counts, and the
/// first rule that decides the end of the call stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Only this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Call>,
    /// Only calls of this API user, about this invoice or package.
    #[serde(flatten)]
    pub subject: Subject,
    /// The share of matching calls that meet it, 0 to 1.
    #[serde(default = "always", deserialize_with = "share")]
    pub rate: f64,
    /// How many calls meet it at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What they meet.
    pub fault: Fault,
}

impl Rule {
    /// A rule for every call.
    pub fn new(fault: Fault) -> Self {
        Self { call: None, subject: Subject::default(), rate: always(), times: None, fault }
    }

    /// Only for this call.
    pub fn on(self, call: Call) -> Self {
        Self { call: Some(call), ..self }
    }

    /// Only for calls of this API user.
    pub fn of(mut self, client_id: &str) -> Self {
        self.subject.client_id = Some(client_id.to_owned());
        self
    }

    /// Only for calls about this package.
    pub fn of_package(mut self, id: u64) -> Self {
        self.subject.package_id = Some(id);
        self
    }

    /// Only for so many calls.
    pub fn times(self, times: u64) -> Self {
        Self { times: Some(times), ..self }
    }

    /// The names of its conditions, as JSON has them.
    pub(crate) fn conditions(&self) -> impl Iterator<Item = String> + use<> {
        let call = self.call.map(|_| "call".to_owned());
        call.into_iter().chain(self.subject.members().into_iter().map(|(name, _)| name))
    }

    fn matches(&self, call: Call, about: &About) -> bool {
        let is = about.subject.members();
        self.call.is_none_or(|wanted| wanted == call)
            && self.subject.members().iter().all(|(name, wanted)| is.get(name) == Some(wanted))
    }
}

/// Reads a rule from its JSON, as `POST /_faults` takes it.
impl FromStr for Rule {
    type Err = serde_json::Error;

    fn from_str(json: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(json)
    }
}

/// The rules in force, and the dice.
#[derive(Debug)]
pub(crate) struct Faults(Mutex<(Vec<Rule>, StdRng)>);

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new((Vec::new(), StdRng::seed_from_u64(seed))))
    }

    pub(crate) fn add(&self, rule: Rule) {
        self.0.lock().0.push(rule);
    }

    pub(crate) fn clear(&self) {
        self.0.lock().0.clear();
    }

    pub(crate) fn list(&self) -> Vec<Rule> {
        self.0.lock().0.clone()
    }

    /// Decides what a call meets, and counts it against the rules that apply.
    pub(crate) fn decide(&self, call: Call, about: &About) -> Fate {
        let (rules, dice) = &mut *self.0.lock();
        let mut fate = Fate::default();
        for rule in rules.iter_mut().filter(|rule| rule.matches(call, about)) {
            if rule.times == Some(0) || (rule.rate < 1.0 && dice.random::<f64>() >= rule.rate) {
                continue;
            }
            rule.times = rule.times.map(|times| times - 1);
            fate.meet(&rule.fault);
        }
        fate
    }
}

/// All that one call meets.
#[derive(Debug, Default)]
pub(crate) struct Fate {
    pub delay: Duration,
    pub slow_answer: Duration,
    pub lag: Duration,
    pub lose: bool,
    pub end: End,
}

/// How a call ends.
#[derive(Debug, Default, PartialEq)]
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
        let end = match fault {
            Fault::Delay { ms } => return self.delay += Duration::from_millis(*ms),
            Fault::SlowAnswer { ms } => return self.slow_answer += Duration::from_millis(*ms),
            Fault::Lag { ms } => return self.lag = self.lag.max(Duration::from_millis(*ms)),
            Fault::Lose => return self.lose = true,
            Fault::Status { status, retry_after, done } => {
                End::Status { status: *status, retry_after: *retry_after, done: *done }
            }
            Fault::Body { status, body } => End::Body { status: *status, body: body.clone() },
            Fault::Reset => End::Reset,
            Fault::AnswerLost => End::AnswerLost,
        };
        if self.end == End::Answered {
            self.end = end;
        }
    }
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

/// A status as a number. An interim one (1xx) does not end a call.
mod status_code {
    use axum::http::StatusCode;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(status.as_u16())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StatusCode, D::Error> {
        let number = u16::deserialize(deserializer)?;
        StatusCode::from_u16(number)
            .ok()
            .filter(|status| (200..600).contains(&status.as_u16()))
            .ok_or_else(|| de::Error::custom("a status is a number from 200 to 599"))
    }
}
