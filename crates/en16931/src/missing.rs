//! Why a receipt gets no e-invoice.

use std::fmt;

/// One reason, with what helps. Of the receipt's values only amounts and rates are named.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Missing {
    /// What kind of reason it is.
    pub problem: Problem,
    /// The business term of EN 16931, as in `BT-31`; empty where the receipt is no invoice at all.
    pub term: &'static str,
    /// What is wrong with which fact: `the seller's VAT identifier is missing`.
    pub what: String,
    /// The member of the event or the setting that it can come from.
    pub cure: String,
}

/// What kind of reason it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The receipt documents no sale: no setting and no member helps.
    NotAnInvoice,
    /// A fact is missing.
    Absent,
    /// A code or number is not one of those that the standard knows.
    Invalid,
    /// The amounts cannot stand on one e-invoice without changing one.
    Unrepresentable,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.term.is_empty() {
            write!(f, "{}: ", self.term)?;
        }
        write!(f, "{}; {}", self.what, self.cure)
    }
}

/// Collects reasons.
#[derive(Default)]
pub(crate) struct Reasons(pub(crate) Vec<Missing>);

impl Reasons {
    pub(crate) fn add(
        &mut self,
        problem: Problem,
        term: &'static str,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) {
        self.0.push(Missing { problem, term, what: what.into(), cure: cure.into() });
    }

    /// The value, or an empty one and the reason that it is absent.
    pub(crate) fn require<T: Default>(
        &mut self,
        value: Option<T>,
        term: &'static str,
        what: &str,
        cure: &str,
    ) -> T {
        value.unwrap_or_else(|| {
            self.add(Problem::Absent, term, format!("{what} is missing"), cure);
            T::default()
        })
    }
}
