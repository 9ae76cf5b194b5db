//! Configuration files: secrets, files that settings name, and TOML documents whose errors have lines.
//!
//! ```
//! let text = "retries = 3\nproxy = true";
//! let read = config::read_toml(text, |report, table| {
//!     let root = config::TomlReader::new(report, table, 1, "the file");
//!     let retries = root.integer("retries", 1..=10);
//!     root.finish();
//!     retries
//! });
//! let mistake = &read.unwrap_err()[0];
//! assert_eq!((mistake.line, mistake.message.as_str()), (2, "unknown key `proxy`: the file takes retries"));
//! ```

mod file;
mod redact;
mod secret;
mod toml_error;
mod toml_reader;

pub use file::{FileVersion, ReloadedFile, read, read_text};
pub use redact::{redact_secrets, remember};
pub use secret::{FileProblem, Secret};
pub use toml_error::{TomlFileError, WithCause};
pub use toml_reader::{At, Mistake, Report, TomlReader, read_toml};
