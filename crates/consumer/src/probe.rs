//! Looking, before anything is sent, whether what a consumer works with is there.

use std::fmt;
use std::pin::Pin;

use amqp::BoxError;

/// A harmless look at what a consumer works with: nothing is made, changed or sent.
pub struct Probe {
    /// What is looked at, as the subject of a sentence: `Omnium`.
    pub what: &'static str,
    /// The look. Answers what was found; an error says what is wrong and which setting to change.
    pub look: Pin<Box<dyn Future<Output = Result<Seen, BoxError>> + Send>>,
}

/// What a look found that is no error.
#[derive(Debug)]
pub struct Seen {
    /// What was found.
    pub found: String,
    /// What to look after, where that may be wrong.
    pub warning: Option<String>,
}

impl Seen {
    /// All is well.
    pub fn well(found: impl Into<String>) -> Self {
        Self { found: found.into(), warning: None }
    }

    /// What a service answered when it was asked what may be done at a URL. That nothing is there may be said of the
    /// method alone.
    pub fn options(status: u16, url_setting: &str) -> Self {
        let found = format!("answers {status} to OPTIONS");
        let warning =
            matches!(status, 404 | 410).then(|| format!("nothing may be at that URL: check {url_setting}"));
        Self { found, warning }
    }
}

impl Probe {
    /// A look that is made once it is awaited.
    pub fn new(
        what: &'static str,
        look: impl Future<Output = Result<Seen, BoxError>> + Send + 'static,
    ) -> Self {
        Self { what, look: Box::pin(look) }
    }
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("what", &self.what).finish_non_exhaustive()
    }
}
