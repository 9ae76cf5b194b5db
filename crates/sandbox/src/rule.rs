//! Which calls of the chain's other neighbours meet a fault: by rate, by count, and by package or
//! invoice.

use serde::{Deserialize, Serialize};

use crate::desk::About;
use crate::faults::{Chance, Fault, always, share};

/// Which calls meet a fault. A member left out is no condition.
///
/// Every rule that applies to a call takes part: delays add up, and the first rule that decides the
/// end of the call stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rule {
    /// Calls about the package with this id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_id: Option<u64>,
    /// Calls that carry the invoice with this number. The invoice service is asked for one, so none
    /// of its calls does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_number: Option<String>,
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
        Self { package_id: None, invoice_number: None, rate: always(), times: None, fault }
    }

    /// Only for calls about this package.
    pub fn of_package(mut self, id: u64) -> Self {
        self.package_id = Some(id);
        self
    }

    /// Only for so many calls.
    pub fn times(mut self, times: u64) -> Self {
        self.times = Some(times);
        self
    }

    pub(crate) fn matches(&self, about: &About) -> bool {
        (self.package_id.is_none() || self.package_id == about.package_id)
            && (self.invoice_number.is_none() || self.invoice_number == about.invoice_number)
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
