//! The result of one check, and what to fix.

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
    text: String,
    fix: Option<String>,
}

impl Finding {
    /// As it should be.
    pub fn ok(what: &'static str, text: impl Display) -> Self {
        Self { what, level: Level::Ok, text: text.to_string(), fix: None }
    }

    /// Somebody should know.
    pub fn warn(what: &'static str, text: impl Display, fix: impl Display) -> Self {
        Self { what, level: Level::Warn, text: text.to_string(), fix: Some(fix.to_string()) }
    }

    /// A fault.
    pub fn fail(what: &'static str, text: impl Display, fix: impl Display) -> Self {
        Self { what, level: Level::Fail, text: text.to_string(), fix: Some(fix.to_string()) }
    }

    /// A fault whose error says the fix.
    pub fn failed(what: &'static str, error: &(dyn Error + 'static)) -> Self {
        Self { what, level: Level::Fail, text: chain(error), fix: None }
    }

    /// For people: a line, and one for what to do.
    pub fn print(&self) {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        say(format_args!("{level:<4}  {:<16}  {}", self.what, self.text));
        if let Some(fix) = &self.fix {
            say(format_args!("                        {fix}"));
        }
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let level = match self.level {
            Level::Ok => "ok",
            Level::Warn => "warn",
            Level::Fail => "fail",
        };
        json!({ "what": self.what, "level": level, "told": self.text, "mend": self.fix })
    }
}
