//! Tries a proposal on its samples, as the receipt consumer would read what it makes.

use std::path::Path;

use events::ReceiptSettled;

use super::{Proposal, Sample};
use crate::{Made, Source, Transforms};

impl Proposal {
    /// Whether the proposal makes valid receipts of a sample.
    ///
    /// # Errors
    /// Why not.
    pub fn try_on(&self, sample: &Sample) -> Result<(), String> {
        let transforms =
            Transforms::read(&self.text, Path::new("proposed.toml")).map_err(|error| error.to_string())?;
        let body = sample.message.to_string().into_bytes();
        let mut left = vec![(body, 0)];
        while let Some((body, opened)) = left.pop() {
            let source = Source { body: &body, opened, ..Source::default() };
            for entry in transforms.entries() {
                match entry.apply(&source).map_err(|error| error.to_string())? {
                    Made::Event(event) => check(&event)?,
                    Made::Nothing => {}
                    Made::Batch { bodies, opened } => {
                        left.extend(bodies.into_iter().map(|body| (body, opened)))
                    }
                }
            }
        }
        Ok(())
    }
}

fn check(event: &[u8]) -> Result<(), String> {
    let event: ReceiptSettled = events::decode(event).map_err(|error| error.to_string())?;
    event.check().map_err(|error| error.to_string())
}
