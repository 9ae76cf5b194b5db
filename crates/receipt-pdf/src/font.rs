//! The faces that documents embed: which characters they have, and how wide each is.
//!
//! Two faces of Noto Sans and one of symbols are built in. A template's own fonts stand before them or fill
//! their gaps.

mod load;
mod shape;
mod subset;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock};

pub(crate) use shape::{Cluster, Paragraph, Placed, Run, is_invisible, needs_shaping, width};
pub(crate) use subset::{Codes, Subset, Used, subset};

/// Printed where no face has the character. The built-in faces have it.
pub(crate) const REPLACEMENT: char = '\u{fffd}';

/// Which of the two weights a text is set in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// A face of [`Fonts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FaceId(u8);

/// The faces of a template's documents.
#[derive(Debug)]
pub(crate) struct Fonts {
    faces: Vec<Arc<Face>>,
    /// By weight: the faces in which a character is looked for, one after the other.
    order: [Vec<FaceId>; 2],
}

/// A font file, read once.
pub(crate) struct Face {
    /// The name a PDF gives it, with the tag of a subset (ISO 32000-1, 9.6.4).
    pub(crate) postscript_name: String,
    /// The whole font file.
    pub(crate) bytes: Arc<Cow<'static, [u8]>>,
    pub(crate) outlines: Outlines,
    /// By code point.
    common: Vec<Option<Glyph>>,
    /// Of code points beyond those.
    rare: HashMap<char, Glyph>,
    /// By glyph.
    advances: Vec<u16>,
    pub(crate) metrics: Metrics,
    shaper: OnceLock<Option<harfrust::Font>>,
    cuts: Mutex<HashMap<Used, Arc<Subset>>>,
}

/// How a font file describes its shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outlines {
    TrueType,
    Cff,
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
    pub(crate) ascender: i64,
    pub(crate) descender: i64,
    pub(crate) cap_height: i64,
    /// x and y of the lower left, x and y of the upper right corner of the largest glyph.
    pub(crate) bounds: [i64; 4],
    /// 400 is regular, 700 bold.
    pub(crate) weight: u16,
    /// Degrees, counter-clockwise from the vertical.
    pub(crate) italic_angle: i64,
}

const REGULAR: FaceId = FaceId(0);
const BOLD: FaceId = FaceId(1);
const SYMBOLS: FaceId = FaceId(2);

/// Code points below those of Han, Hangul and most pictures.
const COMMON: usize = 0x3000;

fn builtin() -> &'static [Arc<Face>; 3] {
    static FACES: OnceLock<[Arc<Face>; 3]> = OnceLock::new();
    FACES.get_or_init(|| {
        let read = |name: &str, bytes: &'static [u8]| {
            Arc::new(Face::read(name.to_owned(), Cow::Borrowed(bytes)).unwrap_or_else(|| Face::empty(name)))
        };
        [
            read("BILAGR+NotoSans-Regular", include_bytes!("../fonts/NotoSans-Regular.ttf")),
            read("BILAGB+NotoSans-Bold", include_bytes!("../fonts/NotoSans-Bold.ttf")),
            read("BILAGS+NotoSans-Symbols", include_bytes!("../fonts/NotoSans-Symbols.ttf")),
        ]
    })
}

impl Fonts {
    /// The built-in faces alone.
    pub(crate) fn builtin() -> Self {
        Self { faces: builtin().to_vec(), order: [vec![REGULAR, SYMBOLS], vec![BOLD, SYMBOLS]] }
    }

    /// The face that a text is set in as far as it can be.
    pub(crate) fn primary(&self, weight: Weight) -> FaceId {
        self.order[weight as usize][0]
    }

    /// The first face that has a character.
    pub(crate) fn covering(&self, c: char, weight: Weight) -> Option<FaceId> {
        self.order[weight as usize].iter().copied().find(|id| self.face(*id).glyph(c).is_some())
    }

    pub(crate) fn face(&self, id: FaceId) -> &Face {
        &self.faces[id.index()]
    }

    pub(crate) fn len(&self) -> usize {
        self.faces.len()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = FaceId> {
        (0..self.faces.len() as u8).map(FaceId)
    }
}

impl FaceId {
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The name of the face in a content stream.
    pub(crate) fn resource_name(self) -> Cow<'static, str> {
        match self {
            REGULAR => "R".into(),
            BOLD => "B".into(),
            SYMBOLS => "S".into(),
            Self(own) => format!("F{own}").into(),
        }
    }
}

impl Face {
    /// `None` where the face lacks the character.
    pub(crate) fn glyph(&self, c: char) -> Option<Glyph> {
        if (c as usize) < COMMON {
            self.common.get(c as usize).copied().flatten()
        } else {
            self.rare.get(&c).copied()
        }
    }

    /// Of a text all of whose characters the face has, in thousandths of the font size.
    pub(crate) fn width(&self, text: &str) -> u32 {
        text.chars().filter_map(|c| self.glyph(c)).map(|glyph| u32::from(glyph.advance)).sum()
    }

    /// Of a glyph, in thousandths of the font size.
    pub(crate) fn advance(&self, glyph: u16) -> u16 {
        self.advances.get(usize::from(glyph)).copied().unwrap_or(0)
    }

    fn any_character(&self) -> Option<char> {
        let common = (0..).zip(&self.common).find_map(|(code, glyph)| glyph.and(char::from_u32(code)));
        common.or_else(|| self.rare.keys().min().copied())
    }

    pub(crate) fn shaper(&self) -> Option<&harfrust::Font> {
        self.shaper
            .get_or_init(|| {
                let bytes: Arc<dyn AsRef<[u8]> + Send + Sync> = Arc::clone(&self.bytes) as _;
                harfrust::Font::new(bytes, 0)
            })
            .as_ref()
    }

    /// `None` if the bytes are no font.
    fn read(postscript_name: String, bytes: Cow<'static, [u8]>) -> Option<Self> {
        let parsed = ttf_parser::Face::parse(&bytes, 0).ok()?;
        let thousandths = |units: i16| i64::from(units) * 1000 / i64::from(parsed.units_per_em());
        let advance = |id: u16| {
            let units = u32::from(parsed.glyph_hor_advance(ttf_parser::GlyphId(id)).unwrap_or(0));
            let em = u32::from(parsed.units_per_em());
            u16::try_from((units * 1000 + em / 2) / em).unwrap_or(u16::MAX)
        };
        let bounds = parsed.global_bounding_box();
        let mut face = Self {
            metrics: Metrics {
                ascender: thousandths(parsed.ascender()),
                descender: thousandths(parsed.descender()),
                cap_height: thousandths(parsed.capital_height().unwrap_or(parsed.ascender())),
                bounds: [bounds.x_min, bounds.y_min, bounds.x_max, bounds.y_max].map(thousandths),
                weight: parsed.weight().to_number(),
                italic_angle: parsed.italic_angle().round() as i64,
            },
            outlines: if parsed.tables().cff.is_some() { Outlines::Cff } else { Outlines::TrueType },
            advances: (0..parsed.number_of_glyphs()).map(advance).collect(),
            ..Self::empty(&postscript_name)
        };
        let subtables = parsed.tables().cmap.map(|cmap| cmap.subtables).into_iter().flatten();
        for subtable in subtables.filter(ttf_parser::cmap::Subtable::is_unicode) {
            subtable.codepoints(|code| {
                let (Some(id), Some(c)) = (subtable.glyph_index(code), char::from_u32(code)) else { return };
                let glyph = Glyph { id: id.0, advance: face.advance(id.0) };
                if code as usize >= COMMON {
                    face.rare.insert(c, glyph);
                    return;
                }
                if face.common.len() <= code as usize {
                    face.common.resize(code as usize + 1, None);
                }
                face.common[code as usize] = Some(glyph);
            });
        }
        face.bytes = Arc::new(bytes);
        Some(face)
    }

    // A built-in face that cannot be read has no glyphs; the tests below hold that this does not happen.
    fn empty(postscript_name: &str) -> Self {
        Self {
            postscript_name: postscript_name.to_owned(),
            bytes: Arc::default(),
            outlines: Outlines::TrueType,
            common: Vec::new(),
            rare: HashMap::new(),
            advances: Vec::new(),
            metrics: Metrics::default(),
            shaper: OnceLock::new(),
            cuts: Mutex::default(),
        }
    }
}

impl fmt::Debug for Face {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Face").field(&self.postscript_name).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_weights_cover_receipts() {
        let needed = "Åå Ææ Øø Ää Öö ğışİĞŞçÇ ðþß Łł Žž ŐőŰű Țț Ωψ Жяёі Ґґ €£¥₺₽ «»„“”’–—… ×·•№ ½²³ ™©® \u{a0}\u{202f}";
        for id in [REGULAR, BOLD] {
            let face = &builtin()[id.index()];
            for c in needed.chars().chain(' '..='~').chain([REPLACEMENT]) {
                assert!(face.glyph(c).is_some(), "{face:?} lacks {c:?}");
            }
            assert!(face.glyph('中').is_none());
        }
    }

    #[test]
    fn symbols_fill_the_gaps_of_both_weights() {
        let fonts = Fonts::builtin();
        for weight in [Weight::Regular, Weight::Bold] {
            for c in "−≤≥≠≈±×÷√∑∞∆⌀→←↑↓⇒✓✔✗✘☐☑☒★☆●○■□▪▲▼◆♠♣♥♦☎✂✉⚠♻℮①❤".chars()
            {
                assert!(fonts.covering(c, weight).is_some(), "{weight:?} lacks {c:?}");
            }
        }
    }

    #[test]
    fn digits_have_equal_width() {
        for face in &builtin()[..2] {
            let widths: Vec<u32> = ('0'..='9').map(|c| face.width(&c.to_string())).collect();
            assert!(widths.iter().all(|width| *width == widths[0] && *width > 0), "{widths:?}");
        }
    }

    #[test]
    fn each_character_has_its_own_glyph() {
        for face in builtin() {
            let mut ids: Vec<u16> =
                face.common.iter().flatten().chain(face.rare.values()).map(|glyph| glyph.id).collect();
            let count = ids.len();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count, "{face:?}");
        }
    }
}
