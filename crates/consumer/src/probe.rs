//! Looking, before anything is sent, whether what a consumer works with is there.

use std::fmt;
use std::pin::Pin;

use amqp::BoxError;

/// A harmless look at what a consumer works with: nothing is made, changed or sent.
pub struct Probe {
    /// What is looked at, as the subject of a sentence: `Omnium`.
    pub what: &'static str,
    /// The look. Answers what was found; an error says what is wrong and which setting to change.
    pub look: Pin<Box<dyn Future<Output = Result<String, BoxError>> + Send>>,
}

impl Probe {
    /// A look that is made once it is awaited.
    pub fn new(
        what: &'static str,
        look: impl Future<Output = Result<String, BoxError>> + Send + 'static,
    ) -> Self {
        Self { what, look: Box::pin(look) }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("what", &self.what).finish_non_exhaustive()
    }
}
