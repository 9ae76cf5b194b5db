//! `bilag transform init`: a transform proposed from sample events. What a member is, is read from its name, from the form of
//! its values, and from what adds up over all samples; what only the name says is marked so. A person finishes it.

mod amounts;
mod entry;
mod envelope;
mod expression;
mod items;
mod lines;
mod members;
mod model;
mod names;
mod payments;
mod price;
mod receipt;
mod settlements;
mod table;
mod trial;
mod units;
mod words;
mod write;

use std::fmt;

use serde_json::Value;

use model::Samples;

/// A sample event.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What errors call it: its file.
    pub name: String,
    /// The message.
    pub message: Value,
}

/// A proposed transform.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The TOML entry, with a filter whose comments say why each member is taken.
    pub text: String,
    /// What each member of the event is made of.
    pub findings: Vec<Finding>,
}

/// What one member of the event is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The member of the event: `orderReceipt.orderTotals.grandTotal`.
    pub target: &'static str,
    /// The jq that makes it; none if nothing was found.
    pub source: Option<String>,
    /// How sure that is.
    pub certainty: Certainty,
    /// Why, or what is to be done.
    pub why: String,
}

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// Amounts of all samples agree.
    AddsUp,
    /// The values have the form, and the name fits.
    Form,
    /// A person is to check it.
    Check,
    /// A person is to write it.
    Missing,
}

/// Why nothing can be proposed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoProposal {
    /// No sample was given.
    NoSamples,
    /// A sample is no JSON object once it is unwrapped.
    NotAnObject(String),
    /// The samples come in different envelopes.
    Envelopes(String, String),
    /// No array of objects with amounts is in all samples. The arrays that are there, by sample.
    NoLines(Vec<(String, Vec<String>)>),
}

impl std::error::Error for NoProposal {}

impl fmt::Display for NoProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSamples => f.write_str("no samples: give at least one event as it comes from your bus"),
            Self::NotAnObject(name) => write!(f, "{name} is not a JSON object, nor an envelope that has one"),
            Self::Envelopes(first, other) => {
                write!(
                    f,
                    "{other} comes in another envelope than {first}: run it for each kind of event alone"
                )
            }
            Self::NoLines(samples) => {
                f.write_str("no lines: no array of objects with amounts is in all samples")?;
                for (name, arrays) in samples {
                    let arrays = if arrays.is_empty() { "none".to_owned() } else { arrays.join(", ") };
                    write!(f, "; arrays in {name}: {arrays}")?;
                }
                f.write_str(". A receipt has lines: give samples that have them, all of one kind of event")
            }
        }
    }
}

/// Proposes a transform of events like these.
///
/// # Errors
/// Samples without lines, of different kinds, or that are no JSON objects.
pub fn propose(samples: &[Sample]) -> Result<Proposal, NoProposal> {
    let first = samples.first().ok_or(NoProposal::NoSamples)?;
    let envelopes = envelope::of(&first.message);
    let mut events = Vec::new();
    for sample in samples {
        if envelope::of(&sample.message) != envelopes {
            return Err(NoProposal::Envelopes(first.name.clone(), sample.name.clone()));
        }
        for event in envelope::open(&sample.message) {
            if !event.is_object() {
                return Err(NoProposal::NotAnObject(sample.name.clone()));
            }
            events.push(event);
        }
    }
    let (event, tables) = table::tables(&events);
    let samples_ = Samples::new(event, tables);
    let lines = samples_.lines().ok_or_else(|| {
        NoProposal::NoLines(
            samples.iter().map(|sample| (sample.name.clone(), envelope::arrays(&sample.message))).collect(),
        )
    })?;
    Ok(write::proposal(&samples_, &lines, &envelopes))
}
