//! Templates: what retailers write in TOML, loaded and checked once, used for many receipts.

mod load;
mod model;
mod read_block;
mod read_fonts;
mod read_style;
mod texts;
mod trial;

use std::io;
use std::sync::OnceLock;

use minijinja::Environment;

use crate::Language;
use crate::font::Fonts;
use crate::image::Image;
use crate::layout::Paper;
pub use config::Mistake;
pub use load::TemplateErrors;
pub(crate) use model::{
    Align, Block, Code, CodeKind, Column, Kind, Pairs, Picture, Style, Table, TableColumn, Width,
};
pub(crate) use texts::Program;

/// A template, checked. Load it once; it may be used by many threads at a time.
#[derive(Debug)]
pub struct Template {
    paper: Paper,
    /// Fixed by the template; else the receipt's country chooses.
    language: Option<Language>,
    /// The document's title.
    title: Program,
    /// On top of every page.
    header: Vec<Block>,
    blocks: Vec<Block>,
    footer: Vec<Block>,
    /// The image under every page, by its number.
    background: Option<usize>,
    /// Large across every page, at an angle in degrees; none where it comes out empty.
    watermark: Option<(Program, f32)>,
    images: Vec<Image>,
    fonts: Fonts,
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
        let source = Self::builtin_source(name)?;
        let cell = if name == "a4" { &A4 } else { &ROLL };
        let none = |_: &str| Err(io::ErrorKind::NotFound.into());
        cell.get_or_init(|| Self::load(source, name, &none).ok()).as_ref()
    }

    /// The TOML of a template that comes with the crate.
    pub fn builtin_source(name: &str) -> Option<&'static str> {
        match name {
            "a4" => Some(include_str!("../templates/a4.toml")),
            "roll-80mm" => Some(include_str!("../templates/roll-80mm.toml")),
            _ => None,
        }
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

    /// On top of every page.
    pub(crate) fn header(&self) -> &[Block] {
        &self.header
    }

    pub(crate) fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    pub(crate) fn footer(&self) -> &[Block] {
        &self.footer
    }

    /// The image under every page, by its number.
    pub(crate) fn background(&self) -> Option<usize> {
        self.background
    }

    /// The text that is set large across every page, where it does not come out empty, and its angle in degrees,
    /// anticlockwise.
    pub(crate) fn watermark(&self) -> Option<(&Program, f32)> {
        self.watermark.as_ref().map(|(text, angle)| (text, *angle))
    }

    pub(crate) fn images(&self) -> &[Image] {
        &self.images
    }

    pub(crate) fn fonts(&self) -> &Fonts {
        &self.fonts
    }

    pub(crate) fn image(&self, image: usize) -> &Image {
        &self.images[image]
    }

    pub(crate) fn texts(&self, language: Language) -> Option<&Environment<'static>> {
        self.texts[language.index()].as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = include_bytes!("../tests/templates/logo.png");

    fn template(source: &str) -> Template {
        let read = |_: &str| Ok(PNG.to_vec());
        Template::load(source, "t.toml", &read).unwrap_or_else(|errors| panic!("{errors}"))
    }

    #[test]
    fn reads_header_background_and_watermark() {
        let read = template(
            "[page]\nbackground = \"paper.png\"\nwatermark = \"{% if receipt.isReturn %}KOPI{% endif %}\"\n\
             [[header]]\ntype = \"text\"\ntext = \"{{ page }} / {{ pages }}\"\n[[block]]\ntype = \"rule\"\n",
        );
        assert_eq!(read.header().len(), 1);
        assert_eq!(read.background(), Some(0));
        assert_eq!(read.image(0).width, 120);
        let (watermark, angle) = read.watermark().expect("a watermark");
        assert_eq!((watermark.line, angle, read.blocks().len()), (3, 45.0, 1));
        let plain = template("[[block]]\ntype = \"rule\"\n");
        assert!(plain.header().is_empty() && plain.background().is_none() && plain.watermark().is_none());
    }

    #[test]
    fn reads_keep_together_and_the_alternative_text() {
        let read = template(
            "[[block]]\ntype = \"table\"\neach = \"items\"\nkeep-together = true\ncolumns = [{ text = \"x\" }]\n\
             [[block]]\ntype = \"image\"\nfile = \"logo.png\"\nalt = \"\"\n\
             [[block]]\ntype = \"image\"\nfile = \"logo.png\"\nwidth = \"30mm\"\n",
        );
        assert!(read.blocks()[0].keep_together && !read.blocks()[1].keep_together);
        let texts = read.texts(Language::En).expect("texts");
        let store = minijinja::context! { store => minijinja::context! { name => "Fjellsport" } };
        let alt = |block: &Block| match &block.kind {
            Kind::Image { alt, picture: Picture::File(0), .. } => {
                alt.render(Some(texts), &store).expect("a text")
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(alt(&read.blocks()[1]), "");
        assert_eq!(alt(&read.blocks()[2]), "Fjellsport");
        assert_eq!(read.images().len(), 1);
    }
}
