//! Receipt and template to PDF: selectable text, embedded fonts, the same bytes for the same input.
//!
//! Pure: no I/O and no clock. `docs/templates.md` is the template language's reference.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod barcode;
mod data;
mod font;
mod image;
mod labels;
mod language;
mod layout;
mod numbers;
mod pdf;
mod render;
mod template;

pub use language::Language;
pub use render::{Look, RenderError, Rendered, Warning, render};
pub use template::{Mistake, Template, TemplateErrors};
