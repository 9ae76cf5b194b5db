//! Which calls to Omnium meet a fault: by rate, by count, and by invoice or store.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Call;
use crate::faults::{Chance, Fault, always, share};

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
    /// Calls of the API user with this client id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
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

impl Rule {
    /// A rule for every call.
    pub fn new(fault: Fault) -> Self {
        Self {
            call: None,
            client_id: None,
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

    /// Only for calls of this API user.
    pub fn of(mut self, client_id: &str) -> Self {
        self.client_id = Some(client_id.to_owned());
        self
    }

    /// Only for so many calls.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    pub(super) fn matches(&self, call: Call, subject: &Subject) -> bool {
        let fits = |wanted: &Option<String>, is: &Option<String>| wanted.is_none() || wanted == is;
        self.call.is_none_or(|wanted| wanted == call)
            && fits(&self.client_id, &subject.client_id)
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

impl Chance for Rule {
    fn rate(&self) -> f64 {
        self.rate
    }
    fn times(&mut self) -> &mut Option<u64> {
        &mut self.times
    }
    fn fault(&self) -> &Fault {
        &self.fault
    }
}

/// What is known of a call: who made it, and the invoice it is about.
#[derive(Debug, Default)]
pub(super) struct Subject {
    pub client_id: Option<String>,
    pub invoice_id: Option<String>,
    pub invoice_number: Option<String>,
    pub store_id: Option<String>,
}
