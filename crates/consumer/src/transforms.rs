//! Transforms of messages that foreign publishers shape: the file, read again when it changes, and what a stage
//! makes of a message by it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use amqp::{Origin, Reason};
use clap::Args;
use config::{FileVersion, WithCause};
use opentelemetry::metrics::Counter;
use opentelemetry::{KeyValue, global};
use parking_lot::Mutex;
use transform::{Entry, Made, Makes, Source, TransformError, Transforms};

/// A transform makes no event of a message.
pub const TRANSFORM_FAILED: Reason = Reason::new(
    "transform_failed",
    "correct the transform that the error names, or have the publisher correct the message, then redrive the dead letter",
);

/// Where the file of transforms is.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Transforms")]
pub struct TransformSettings {
    /// TOML file of transforms, which make receipt.settled.v1 and package events of other publishers' messages
    /// [default: messages are read as they come]
    #[arg(long, env = "BILAG_TRANSFORMS", value_parser = TransformsFile::open, value_name = "FILE")]
    pub transforms: Option<TransformsFile>,
}

/// The file of transforms. Changed, it is read again; with a mistake in it, what it was stays in use.
#[derive(Clone)]
pub struct TransformsFile(Arc<Inner>);

struct Inner {
    path: PathBuf,
    last: Mutex<Last>,
}

struct Last {
    transforms: Arc<Transforms>,
    versions: Vec<Option<FileVersion>>,
    checked_at: Instant,
    /// Whether the current mistake has been logged.
    warned: bool,
}

/// How long the transforms are used before their files are looked at again.
const RELOAD_INTERVAL: Duration = Duration::from_secs(1);

impl TransformsFile {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes.
    pub fn open(path: &str) -> Result<Self, WithCause> {
        let transforms = Transforms::open(path).map_err(WithCause)?;
        let versions = versions(&transforms);
        let (transforms, checked_at) = (Arc::new(transforms), Instant::now());
        let last = Mutex::new(Last { transforms, versions, checked_at, warned: false });
        Ok(Self(Arc::new(Inner { path: path.into(), last })))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The transforms as they are now.
    pub fn current(&self) -> Arc<Transforms> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Arc<Transforms> {
        let mut last = self.0.last.lock();
        if now.saturating_duration_since(last.checked_at) < RELOAD_INTERVAL {
            return Arc::clone(&last.transforms);
        }
        last.checked_at = now;
        let before = versions(&last.transforms);
        if !last.warned && before == last.versions {
            return Arc::clone(&last.transforms);
        }
        match Transforms::open(&self.0.path) {
            Ok(transforms) => {
                tracing::info!(file = %self.0.path.display(), "the transforms were read again");
                // A file that changed while it was read still differs then, and is read once more.
                let same = transforms.files().eq(last.transforms.files());
                last.versions = if same { before } else { versions(&transforms) };
                last.transforms = Arc::new(transforms);
                last.warned = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut last.warned, true) {
                    let error = WithCause(error);
                    tracing::warn!(%error, "the transforms cannot be read again; what they were stays in use");
                }
            }
        }
        Arc::clone(&last.transforms)
    }
}

/// Of the file and its filters.
fn versions(transforms: &Transforms) -> Vec<Option<FileVersion>> {
    transforms.files().map(FileVersion::of).collect()
}

impl fmt::Debug for TransformsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TransformsFile").field(&self.0.path).finish()
    }
}

/// The transforms of a stage: those that make its event.
#[derive(Clone, Debug)]
pub(crate) struct StageTransforms {
    pub(crate) file: TransformsFile,
    pub(crate) makes: &'static [Makes],
}

/// The transform that is for a message, and what keeps it.
pub(crate) struct FoundTransform {
    transforms: Arc<Transforms>,
    index: usize,
}

impl FoundTransform {
    pub(crate) fn entry(&self) -> &Entry {
        &self.transforms.entries()[self.index]
    }
}

/// What a transform makes of a message now, without anybody handling it: for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transformed {
    /// The transform.
    pub transform: String,
    /// What it makes, or why it makes nothing.
    pub made: Result<Made, TransformError>,
}

/// A message that came so, with this id and this body, without content encoding.
pub(crate) fn source<'a>(origin: &'a Origin, id: Option<&'a str>, body: &'a [u8]) -> Source<'a> {
    Source {
        key: &origin.key,
        kind: origin.kind.as_deref(),
        id,
        tenant: origin.tenant.as_deref(),
        opened: origin.opened.into(),
        body,
    }
}

impl StageTransforms {
    /// The one that is for a message.
    pub(crate) fn find(&self, source: &Source<'_>) -> Option<FoundTransform> {
        let transforms = self.file.current();
        let index = transforms.find(source, self.makes)?;
        Some(FoundTransform { transforms, index })
    }

    /// What is made of a message now; `None` where no transform is for it.
    pub(crate) fn transformed(&self, source: &Source<'_>) -> Option<Transformed> {
        let found = self.find(source)?;
        let entry = found.entry();
        Some(Transformed { transform: entry.name.clone(), made: entry.apply(source) })
    }
}

/// Counts what comes of messages that transforms are applied to.
pub(crate) struct TransformMetrics(Counter<u64>);

impl TransformMetrics {
    /// They measure for whoever collects when they are made.
    pub(crate) fn new() -> Self {
        let meter = global::meter("bilag");
        let counter = meter
            .u64_counter("bilag.messages.transformed")
            .with_unit("{message}")
            .with_description("Messages that a transform was applied to, by what came of it")
            .build();
        Self(counter)
    }

    pub(crate) fn count(&self, entry: &Entry, outcome: &'static str) {
        let name = KeyValue::new("bilag.transform", entry.name.clone());
        self.0.add(1, &[name, KeyValue::new("bilag.transform.outcome", outcome)]);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn rereads_what_changed_and_keeps_what_was_valid() {
        let folder = tempfile::tempdir().expect("a folder");
        let (file, filter) = (folder.path().join("transforms.toml"), folder.path().join("a.jq"));
        let with = |name: &str| format!("[[transform]]\nname = \"{name}\"\nfilter_file = \"a.jq\"\n");
        fs::write(&filter, "{ v: 1 }").expect("written");
        fs::write(&file, with("one")).expect("written");
        let transforms = TransformsFile::open(&file.display().to_string()).expect("transforms");
        let mut seconds = 0;
        let mut made = || {
            seconds += 2;
            let current = transforms.at(Instant::now() + Duration::from_secs(seconds));
            let entry = &current.entries()[0];
            let Ok(Made::Event(event)) =
                entry.apply(&Source { id: Some("i"), body: b"{}", ..Source::default() })
            else {
                panic!("no event")
            };
            (entry.name.clone(), String::from_utf8(event).expect("text"))
        };
        let event = |v: &str| format!("{{\"v\":{v},\"type\":\"receipt.settled.v1\",\"id\":\"i\"}}");
        assert_eq!(made(), ("one".to_owned(), event("1")));
        fs::write(&file, with("another")).expect("written");
        assert_eq!(made(), ("another".to_owned(), event("1")));
        fs::write(&filter, "{ v: \"two\" }").expect("written");
        assert_eq!(made(), ("another".to_owned(), event("\"two\"")));
        fs::write(&filter, "{ v: ").expect("written");
        assert_eq!(made(), ("another".to_owned(), event("\"two\"")), "broken");
        fs::remove_file(&filter).expect("removed");
        assert_eq!(made(), ("another".to_owned(), event("\"two\"")), "missing");
        fs::write(&filter, "{ v: 3 }").expect("written");
        assert_eq!(made(), ("another".to_owned(), event("3")));
    }
}
