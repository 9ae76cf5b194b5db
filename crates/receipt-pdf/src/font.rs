//! The embedded faces: which characters they have, and how wide each is.

mod subset;

use std::sync::OnceLock;

pub(crate) use subset::{Characters, Codes, Subset, subset};

/// Printed where neither face has the character.
pub(crate) const REPLACEMENT: char = '\u{fffd}';

/// Which of the two faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// A face cut ahead of time (`fonts/cut.sh`). One em is 1000 units.
pub(crate) struct Face {
    /// The whole font file.
    pub(crate) bytes: &'static [u8],
    /// By code point; every character the faces have lies in the Basic Multilingual Plane.
    glyphs: Vec<Option<Glyph>>,
    /// Ascender, descender and bounding box, in units.
    pub(crate) metrics: Metrics,
}

/// A character's shape.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glyph {
    pub(crate) id: u16,
    /// How far the next character stands, in thousandths of the font size.
    pub(crate) advance: u16,
}

/// What a PDF's font descriptor tells of a face, in thousandths of the font size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Metrics {
    pub(crate) ascender: i16,
    pub(crate) descender: i16,
    /// x and y of the lower left, x and y of the upper right corner of the largest glyph.
    pub(crate) bounds: [i16; 4],
    pub(crate) weight: u16,
}

impl Weight {
    /// The name a PDF gives the face, with the tag of a subset (ISO 32000-1, 9.6.4).
    pub(crate) fn postscript_name(self) -> &'static str {
        match self {
            Self::Regular => "BILAGR+NotoSans-Regular",
            Self::Bold => "BILAGB+NotoSans-Bold",
        }
    }

    /// The face, read once.
    pub(crate) fn face(self) -> &'static Face {
        static REGULAR: OnceLock<Face> = OnceLock::new();
        static BOLD: OnceLock<Face> = OnceLock::new();
        match self {
            Self::Regular => {
                REGULAR.get_or_init(|| Face::read(include_bytes!("../fonts/NotoSans-Regular.ttf")))
            }
            Self::Bold => BOLD.get_or_init(|| Face::read(include_bytes!("../fonts/NotoSans-Bold.ttf"))),
        }
    }
}

impl Face {
    /// `None` where the face lacks the character.
    pub(crate) fn glyph(&self, c: char) -> Option<Glyph> {
        self.glyphs.get(c as usize).copied().flatten()
    }

    /// Of a text all of whose characters the face has, in thousandths of the font size.
    pub(crate) fn width(&self, text: &str) -> u32 {
        text.chars().filter_map(|c| self.glyph(c)).map(|glyph| u32::from(glyph.advance)).sum()
    }

    // A face that cannot be read has no glyphs; the tests below hold that this does not happen.
    fn read(bytes: &'static [u8]) -> Self {
        let mut face = Self { bytes, glyphs: Vec::new(), metrics: Metrics::default() };
        let Ok(parsed) = ttf_parser::Face::parse(bytes, 0) else { return face };
        let bounds = parsed.global_bounding_box();
        face.metrics = Metrics {
            ascender: parsed.ascender(),
            descender: parsed.descender(),
            bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max],
            weight: parsed.weight().to_number(),
        };
        let subtables = parsed.tables().cmap.map(|cmap| cmap.subtables).into_iter().flatten();
        for subtable in subtables.filter(ttf_parser::cmap::Subtable::is_unicode) {
            subtable.codepoints(|code| {
                let Some(id) = subtable.glyph_index(code) else { return };
                let advance = parsed.glyph_hor_advance(id).unwrap_or(0);
                if face.glyphs.len() <= code as usize {
                    face.glyphs.resize(code as usize + 1, None);
                }
                face.glyphs[code as usize] = Some(Glyph { id: id.0, advance });
            });
        }
        face
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_faces_cover_receipts() {
        let needed = "Åå Ææ Øø Ää Öö ğışİĞŞçÇ ðþß Łł Žž ŐőŰű Țț Ωψ Жяёі Ґґ €£¥₺₽ «»„“”’–—… ×·•№ ½²³ ™©® \u{a0}\u{202f}";
        for weight in [Weight::Regular, Weight::Bold] {
            let face = weight.face();
            for c in needed.chars().chain(' '..='~').chain([REPLACEMENT]) {
                assert!(face.glyph(c).is_some(), "{weight:?} lacks {c:?}");
            }
            assert!(face.glyph('中').is_none());
        }
    }

    #[test]
    fn digits_have_equal_width() {
        for weight in [Weight::Regular, Weight::Bold] {
            let widths: Vec<u32> = ('0'..='9').map(|c| weight.face().width(&c.to_string())).collect();
            assert!(widths.iter().all(|width| *width == widths[0] && *width > 0), "{widths:?}");
        }
    }

    #[test]
    fn each_character_has_its_own_glyph() {
        for weight in [Weight::Regular, Weight::Bold] {
            let mut ids: Vec<u16> = weight.face().glyphs.iter().flatten().map(|glyph| glyph.id).collect();
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count, "{weight:?}");
        }
    }
}
