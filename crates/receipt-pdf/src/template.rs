//! Templates: what retailers write in TOML, loaded and checked once, used for many receipts.

mod load;
mod model;
mod read_block;
mod read_style;
mod texts;
mod trial;

use std::io;
use std::sync::OnceLock;

use minijinja::Environment;

use crate::Language;
use crate::image::Image;
use crate::layout::Paper;
pub use config::Mistake;
pub use load::TemplateErrors;
pub(crate) use model::{Align, Block, Code, CodeKind, Column, Kind, Pairs, Style, Table, TableColumn, Width};
pub(crate) use texts::Program;

/// A template, checked. Load it once; it may be used by many threads at a time.
#[derive(Debug)]
pub struct Template {
    paper: Paper,
    /// Fixed by the template; else the receipt's country chooses.
    language: Option<Language>,
    /// The document's title.
    title: Program,
    blocks: Vec<Block>,
    footer: Vec<Block>,
    images: Vec<Image>,
    /// The compiled texts with the labels of each language the template can be printed in.
    texts: [Option<Environment<'static>>; 6],
}

impl Template {
    /// Names of the templates that come with the crate.
    pub const BUILTIN: [&str; 2] = ["a4", "roll-80mm"];

    /// A template that comes with the crate: `a4` or `roll-80mm`.
    pub fn builtin(name: &str) -> Option<&'static Self> {
        static A4: OnceLock<Option<Template>> = OnceLock::new();
        static ROLL: OnceLock<Option<Template>> = OnceLock::new();
        let (cell, source) = match name {
            "a4" => (&A4, include_str!("../templates/a4.toml")),
            "roll-80mm" => (&ROLL, include_str!("../templates/roll-80mm.toml")),
            _ => return None,
        };
        let none = |_: &str| Err(io::ErrorKind::NotFound.into());
        cell.get_or_init(|| Self::load(source, name, &none).ok()).as_ref()
    }

    /// The language of a receipt from a country (ISO 3166-1 alpha-2).
    pub(crate) fn language(&self, country: Option<&str>) -> Language {
        self.language.unwrap_or_else(|| Language::of_country(country))
    }

    /// Whether it can be printed in a language: one that fixes its own can in that alone.
    pub fn speaks(&self, language: Language) -> bool {
        self.texts(language).is_some()
    }

    pub(crate) fn paper(&self) -> &Paper {
        &self.paper
    }

    pub(crate) fn title(&self) -> &Program {
        &self.title
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(crate) fn footer(&self) -> &[Block] {
        &self.footer
    }

    pub(crate) fn images(&self) -> &[Image] {
        &self.images
    }

    pub(crate) fn image(&self, image: usize) -> &Image {
        &self.images[image]
    }

    pub(crate) fn texts(&self, language: Language) -> Option<&Environment<'static>> {
        self.texts[language.index()].as_ref()
    }
}
