//! Log lines that hold what others wrote: nothing in it breaks a line, forges one, or reaches a terminal.

use std::fmt;
use std::io::{self, Write};

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};

/// The fields of events and spans, messages and error chains included, on one line. What stands beside them is
/// of the program: time, level, colours.
#[derive(Debug, Default)]
pub struct OneLine(DefaultFields);

impl<'w> FormatFields<'w> for OneLine {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = String::new();
        self.0.format_fields(Writer::new(&mut text), fields)?;
        writer.write_str(&untrusted_text::line(&text))
    }
}

/// Lines of JSON, in whose strings everything is escaped that acts. A line is written as a whole.
#[derive(Debug)]
pub struct JsonLines<W>(pub W);

impl<W: Write> Write for JsonLines<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.write_all(untrusted_text::json(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{Layer, Registry, fmt as log};

    use super::*;

    const HOSTILE: &str =
        "1001\n2026-11-02T09:15:00Z  INFO complete\r\u{1b}[2J\u{9b}31m\u{202e}fdp\u{2028}\u{7f}";

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Debug)]
    struct Chained(Option<Box<Chained>>);

    impl fmt::Display for Chained {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(HOSTILE)
        }
    }

    impl Error for Chained {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.0.as_deref().map(|source| source as &dyn Error)
        }
    }

    /// What is logged of hostile texts, in every kind of field.
    fn logged(layer: impl Layer<Registry> + Send + Sync, kept: &Kept) -> String {
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            let error = Chained(Some(Box::new(Chained(None))));
            let span = tracing::info_span!("spanned", receipt = HOSTILE, shown = %HOSTILE);
            let _entered = span.enter();
            tracing::info!(voucher = %HOSTILE, text = HOSTILE, debug = ?Chained(None), "a voucher");
            tracing::warn!(error = &error as &dyn Error, "{HOSTILE}");
        });
        String::from_utf8(kept.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }

    #[test]
    fn no_field_of_a_text_log_breaks_its_line() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = log::layer().fmt_fields(OneLine::default()).with_ansi(false);
        let text = logged(layer.with_writer(move || writer.clone()), &kept);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains(|c| c != '\n' && untrusted_text::acts(c)), "{text:?}");
        assert!(text.contains("1001\\n2026"), "it is still told: {text}");
    }

    #[test]
    fn no_field_of_a_json_log_breaks_its_line() {
        let kept = Kept::default();
        let writer = kept.clone();
        let layer = log::layer().json().with_writer(move || JsonLines(writer.clone()));
        let text = logged(layer, &kept);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(!text.contains(|c| c != '\n' && untrusted_text::acts(c)), "{text:?}");
        let first: serde_json::Value =
            serde_json::from_str(text.lines().next().expect("a line")).expect("JSON");
        assert_eq!(first["fields"]["text"], HOSTILE);
    }
}
