//! Receipt and template to PDF: selectable text, embedded fonts, the same bytes for the same input.
//!
//! Pure: no I/O and no clock. `docs/templates.md` is the template language's reference.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod barcode;
mod data;
mod deflate;
mod error;
mod font;
mod image;
mod labels;
mod language;
mod layout;
mod legal;
mod numbers;
mod pdf;
mod render;
mod swiss_qr;
mod template;

pub use error::RenderError;
pub use language::Language;
pub use legal::{COUNTRIES, MissingContent, MissingFrom, SampleKind, legal_sample};
pub use render::{Look, Rendered, Warning, render};
pub use template::{Mistake, Template, TemplateErrors};
