//! Envelopes that publishers put around events, and how each is opened.

use std::fmt;

use jaq_core::ValT;

use crate::functions::from_base64;
use crate::json;
use crate::val::{Kind, Val};

/// An envelope by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// CloudEvents 1.0, structured: the event is in `data` or `data_base64`.
    CloudEvents,
    /// MassTransit: `message`.
    MassTransit,
    /// Debezium and Kafka Connect: `payload`, as JSON or as a text that contains JSON.
    Debezium,
    /// NestJS: `data`.
    NestJs,
    /// Amazon SNS: `Message`, a text that contains JSON.
    Sns,
    /// A text that contains JSON.
    JsonString,
    /// Several events: a JSON array, `{"items": […]}`, or one event a line.
    Batch,
}

impl Envelope {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::CloudEvents,
        Self::MassTransit,
        Self::Debezium,
        Self::NestJs,
        Self::Sns,
        Self::JsonString,
        Self::Batch,
    ];

    /// As the file of transforms names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloudEvents => "cloudevents",
            Self::MassTransit => "masstransit",
            Self::Debezium => "debezium",
            Self::NestJs => "nestjs",
            Self::Sns => "sns",
            Self::JsonString => "json-string",
            Self::Batch => "batch",
        }
    }

    /// The envelope of that name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|envelope| envelope.name() == name)
    }
}

impl fmt::Display for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is in an envelope that holds one event, or what is wrong with it.
pub(crate) fn open(envelope: Envelope, value: Val) -> Result<Val, String> {
    let member = |name: &str| {
        let Kind::Object(_) = &value.kind else { return Err(format!("expected an object, got {value}")) };
        let member = value.clone().index(&Val::from(name.to_owned())).map_err(|error| error.to_string())?;
        match member.kind {
            Kind::Null(_) => Err(format!("expected the event, got {member}")),
            _ => Ok(member),
        }
    };
    match envelope {
        Envelope::CloudEvents => match member("data") {
            Ok(data) => json_or_text(data),
            Err(missing) => member("data_base64")
                .map_err(|_| missing)
                .and_then(|data| parsed(from_base64(data).map_err(|error| error.to_string())?)),
        },
        Envelope::MassTransit => member("message"),
        Envelope::Debezium => member("payload").and_then(json_or_text),
        Envelope::NestJs => member("data").and_then(json_or_text),
        Envelope::Sns => member("Message").and_then(parsed),
        Envelope::JsonString => parsed(value),
        Envelope::Batch => Ok(value),
    }
}

/// Events of a batch: more would be in flight for minutes.
pub(crate) const MOST_MEMBERS: usize = 10_000;

/// The events of a batch that is one JSON value.
pub(crate) fn members(value: Val) -> Result<Vec<Val>, String> {
    match &value.kind {
        Kind::Array(_) => value.into_array().map_err(|error| error.to_string()),
        Kind::Object(object) => match object.members.get("items") {
            Some(items) if matches!(items.kind, Kind::Array(_)) => {
                items.clone().into_array().map_err(|error| error.to_string())
            }
            Some(items) => Err(format!("expected an array of events, got {items}")),
            // One event a line, and one line.
            None => Ok(vec![value]),
        },
        _ => Err(format!("expected an array of events, got {value}")),
    }
}

fn json_or_text(value: Val) -> Result<Val, String> {
    if matches!(value.kind, Kind::Text(_)) { parsed(value) } else { Ok(value) }
}

fn parsed(value: Val) -> Result<Val, String> {
    let text = value.as_text().map_err(|_| format!("expected a text that contains JSON, got {value}"))?;
    json::read(text, value.place).map_err(|error| format!("in {value}: {error}"))
}
