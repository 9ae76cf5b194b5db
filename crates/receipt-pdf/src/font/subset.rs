//! A face cut to the characters of a document.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use printpdf::{FontMetrics, FontType, ParsedFont, PdfFontMetricsStub};
use subsetter::GlyphRemapper;

use super::Weight;
use crate::deflate::deflate;

/// A cut face.
#[derive(Debug)]
pub(crate) struct Subset {
    /// As printpdf takes it.
    pub(crate) font: ParsedFont,
    /// The cut font file, deflated.
    pub(crate) program: Vec<u8>,
    /// Its length before.
    pub(crate) program_length: usize,
    /// The map from codes back to characters, deflated.
    pub(crate) to_unicode: Vec<u8>,
    pub(crate) codes: Codes,
}

/// The codes that stand for characters in a content stream: glyphs of the cut face.
#[derive(Debug)]
pub(crate) struct Codes(Vec<u16>);

/// Characters of a document in one face.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Characters(Vec<u64>);

/// Cut faces that are kept: receipts of one till often use the same characters.
const KEPT: usize = 64;

/// The face cut to some characters. Kept and reused; a kept one equals a new one.
pub(crate) fn subset(weight: Weight, characters: Characters) -> Result<Arc<Subset>, subsetter::Error> {
    type Kept = HashMap<(Weight, Characters), Arc<Subset>>;
    static CACHE: Mutex<Option<Kept>> = Mutex::new(None);
    let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (weight, characters);
    if let Some(subset) = lock().get_or_insert_default().get(&key) {
        return Ok(Arc::clone(subset));
    }
    let subset = Arc::new(cut(weight, &key.1)?);
    let mut cache = lock();
    let kept = cache.get_or_insert_default();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(key, Arc::clone(&subset));
    Ok(subset)
}

impl Characters {
    pub(crate) fn insert(&mut self, c: char) {
        let (word, bit) = (c as usize / 64, c as usize % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// By rising code point.
    pub(crate) fn iter(&self) -> impl Iterator<Item = char> {
        let words = self.0.iter().zip(0..).filter(|(word, _)| **word != 0);
        words.flat_map(|(word, i)| {
            (0..64)
                .filter(move |bit| word & (1 << bit) != 0)
                .filter_map(move |bit| char::from_u32(i * 64 + bit))
        })
    }
}

impl Codes {
    /// Zero, the sign for a missing glyph, for a character that the face was not cut to.
    pub(crate) fn code(&self, c: char) -> u16 {
        self.0.get(c as usize).copied().unwrap_or(0)
    }
}

fn cut(weight: Weight, characters: &Characters) -> Result<Subset, subsetter::Error> {
    let face = weight.face();
    let mut remapper = GlyphRemapper::new();
    let mut codepoint_to_glyph = BTreeMap::new();
    let mut glyph_widths = BTreeMap::new();
    let mut codes = Vec::new();
    for c in characters.iter() {
        let Some(glyph) = face.glyph(c) else { continue };
        let id = remapper.remap(glyph.id);
        codepoint_to_glyph.insert(u32::from(c), id);
        glyph_widths.insert(id, glyph.advance);
        codes.resize(c as usize + 1, 0);
        codes[c as usize] = id;
    }
    let program = subsetter::subset(face.bytes, 0, &remapper)?;
    let metrics = face.metrics;
    let [x_min, y_min, x_max, y_max] = metrics.bounds;
    let font = ParsedFont {
        // printpdf copies the program many times over on its way to the document: it is given the
        // first bytes, from which it sees what kind of font this is, and the rest is put in after.
        original_bytes: program.iter().take(4).copied().collect(),
        font_index: 0,
        font_name: Some(weight.postscript_name().to_owned()),
        codepoint_to_glyph,
        glyph_widths,
        units_per_em: 1000,
        font_metrics: FontMetrics { ascent: metrics.ascender, descent: metrics.descender },
        font_type: FontType::TrueType,
        pdf_font_metrics: PdfFontMetricsStub {
            units_per_em: 1000,
            x_min,
            y_min,
            x_max,
            y_max,
            caret_slope_rise: 1,
            caret_slope_run: 0,
            us_weight_class: metrics.weight,
        },
    };
    Ok(Subset {
        font,
        program: deflate(&program),
        program_length: program.len(),
        to_unicode: deflate(to_unicode(characters).as_bytes()),
        codes: Codes(codes),
    })
}

/// The map from codes to characters (ISO 32000-1, 9.10.3), as ranges: printpdf's, with an entry for
/// each, deflates to twice the size. No two characters share a glyph, so codes count from one in the
/// order of the characters.
fn to_unicode(characters: &Characters) -> String {
    let mut map = String::from(
        "/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapName/U def/CMapType 2 def\n\
         1 begincodespacerange<0000><FFFF>endcodespacerange\n",
    );
    let characters: Vec<char> = characters.iter().collect();
    // The codes of one range share their high byte.
    let mut first = 1;
    while first <= characters.len() {
        let last = characters.len().min(first | 0xff);
        map += &format!("1 beginbfrange<{first:04X}><{last:04X}>[");
        for c in &characters[first - 1..last] {
            map += &format!("<{:04X}>", u32::from(*c));
        }
        map += "]endbfrange\n";
        first = last + 1;
    }
    map + "endcmap CMapName currentdict/CMap defineresource pop end end"
}
