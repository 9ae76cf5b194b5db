//! What pages show again and again: times, texts of others, addresses, lists in pages.

mod address;
mod field;
mod indent;
mod list;
mod text;
mod time;

pub(crate) use address::{Params, Segment, address, encoded, segment};
pub(crate) use field::Facts;
pub(crate) use indent::indented;
pub(crate) use list::{Window, empty};
pub(crate) use text::{amount, badge, foreign, long, plural, short, with_code};
pub(crate) use time::{ago, moment, when};
