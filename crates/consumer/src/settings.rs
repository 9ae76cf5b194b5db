//! Settings that cannot be used.

use amqp::BoxError;

/// A setting that cannot be used: the process ends with exit code 2.
#[derive(Debug, thiserror::Error)]
pub enum WrongSetting {
    /// One whose error does not say which it is.
    #[error("{setting}")]
    Named {
        /// The variable.
        setting: &'static str,
        /// What is wrong with it, never its value.
        #[source]
        source: BoxError,
    },
    /// One whose error says it all.
    #[error(transparent)]
    Told(BoxError),
}

impl WrongSetting {
    /// Names the variable and what is wrong with it, never its value.
    pub fn named(setting: &'static str, problem: impl Into<BoxError>) -> Self {
        Self::Named { setting, source: problem.into() }
    }

    /// The error names the variable.
    pub fn told(problem: impl Into<BoxError>) -> Self {
        Self::Told(problem.into())
    }
}

/// The value of a setting without which there is nothing to be done; empty counts as not set.
pub fn needed<'a>(
    setting: &'static str,
    value: &'a Option<String>,
    what_for: &str,
) -> Result<&'a str, WrongSetting> {
    match value.as_deref() {
        Some(value) if !value.is_empty() => Ok(value),
        _ => Err(WrongSetting::named(setting, format!("needed {what_for}, and not set"))),
    }
}
