//! A sentence that is told to everybody, and the error in it to those who may read it.

use operate::stages::WhyPaused;

use crate::access::{Role, Viewer};

/// A sentence with an error in it that may name people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    whole: String,
    masked: String,
}

impl Told {
    /// A sentence about an error; about none where there is none.
    pub(crate) fn about(error: Option<&str>, sentence: impl Fn(Option<&str>) -> String) -> Self {
        let masked = error.map(super::error);
        Self { whole: sentence(error), masked: sentence(masked.as_deref()) }
    }

    /// As this person may see it.
    pub(crate) fn to(&self, viewer: &Viewer) -> &str {
        if viewer.is(Role::Operator) { &self.whole } else { &self.masked }
    }
}

impl From<String> for Told {
    fn from(text: String) -> Self {
        Self { masked: text.clone(), whole: text }
    }
}

impl From<&WhyPaused> for Told {
    fn from(why: &WhyPaused) -> Self {
        Self::about(why.error.as_deref(), |error| {
            WhyPaused { text: why.text.clone(), error: error.map(str::to_owned) }.to_string()
        })
    }
}
