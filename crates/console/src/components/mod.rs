//! Building blocks of pages.

mod event;
mod json;
mod list;
mod text;
mod url;

pub(crate) use event::{document, error_text, event, pdf_response};
pub(crate) use json::indented;
pub(crate) use list::{Facts, Window, empty};
pub(crate) use text::{ago, amount, badge, long, moment, plural, short, span, untrusted, when, with_code};
pub(crate) use url::{Params, Segment, address, dead_letter_path, encoded, package_path, receipt_path};
