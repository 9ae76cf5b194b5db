//! One thing that was looked at, and what to mend.

use std::error::Error;
use std::fmt::Display;

use amqp::chain;
use serde_json::{Value, json};

use crate::output::say;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// As it should be.
    Ok,
    /// Consumers run, and somebody should know.
    Warn,
    /// Consumers would not do their work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug)]
pub struct Finding {
    what: &'static str,
    pub level: Level,
    told: String,
    mend: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(what: &'static str, told: impl Display) -> Self {
        Self { what, level: Level::Ok, told: told.to_string(), mend: None }
    }

    /// Somebody should know.
    pub fn warn(what: &'static str, told: impl Display, mend: impl Display) -> Self {
        Self { what, level: Level::Warn, told: told.to_string(), mend: Some(mend.to_string()) }
    }

    /// To be mended.
    pub fn fail(what: &'static str, told: impl Display, mend: impl Display) -> Self {
        Self { what, level: Level::Fail, told: told.to_string(), mend: Some(mend.to_string()) }
    }

    /// To be mended, as the error says.
    pub fn failed(what: &'static str, error: &(dyn Error + 'static)) -> Self {
        Self { what, level: Level::Fail, told: chain(error), mend: None }
    }

    /// For people: a line, and one for what to do.
    pub fn print(&self) {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        say(format_args!("{level:<4}  {:<16}  {}", self.what, self.told));
        if let Some(mend) = &self.mend {
            say(format_args!("                        {mend}"));
        }
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        json!({ "what": self.what, "level": level, "told": self.told, "mend": self.mend })
    }
}
