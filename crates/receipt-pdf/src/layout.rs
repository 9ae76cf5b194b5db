//! From a receipt's texts to marks at their places on pages.
//!
//! Lengths are in points, measured from the page's top left corner.

mod blocks;
mod columns;
mod mark;
mod paginate;
mod structure;
mod table;
#[cfg(test)]
mod tests;
mod wrap;

pub(crate) use blocks::Composer;
pub(crate) use mark::{Area, Color, Ink, Mark, Page, Row, Watermark, height};
pub(crate) use paginate::{MOST_FOR_FRAME, Paper, paginate};
pub(crate) use structure::{Role, Structure, Tag};
