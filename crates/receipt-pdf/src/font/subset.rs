//! A face cut to the characters of a document.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use printpdf::{FontMetrics, FontType, ParsedFont, PdfFontMetricsStub};
use subsetter::GlyphRemapper;

use super::Weight;

/// A cut face, as printpdf takes it, with its program deflated.
#[derive(Debug)]
pub(crate) struct Subset {
    pub(crate) font: ParsedFont,
    pub(crate) deflated: Vec<u8>,
}

/// Cut faces that are kept: receipts of one till use the same few sets of characters.
const KEPT: usize = 128;

type Key = (bool, Vec<char>);

/// The face cut to some characters. Kept and reused; a kept one equals a new one.
pub(crate) fn subset(weight: Weight, characters: &BTreeSet<char>) -> Result<Arc<Subset>, subsetter::Error> {
    static CACHE: Mutex<Option<HashMap<Key, Arc<Subset>>>> = Mutex::new(None);
    let key = (weight == Weight::Bold, characters.iter().copied().collect());
    let lock = || CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(subset) = lock().get_or_insert_default().get(&key) {
        return Ok(Arc::clone(subset));
    }
    let subset = Arc::new(cut(weight, characters)?);
    let mut cache = lock();
    let kept = cache.get_or_insert_default();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(key, Arc::clone(&subset));
    Ok(subset)
}

fn cut(weight: Weight, characters: &BTreeSet<char>) -> Result<Subset, subsetter::Error> {
    let face = weight.face();
    let mut remapper = GlyphRemapper::new();
    let mut codepoint_to_glyph = BTreeMap::new();
    let mut glyph_widths = BTreeMap::new();
    for c in characters {
        if let Some(glyph) = face.glyph(*c) {
            let id = remapper.remap(glyph.id);
            codepoint_to_glyph.insert(u32::from(*c), id);
            glyph_widths.insert(id, glyph.advance);
        }
    }
    let program = subsetter::subset(face.bytes, 0, &remapper)?;
    let deflated = crate::pdf::deflate(&program);
    let metrics = face.metrics;
    let [x_min, y_min, x_max, y_max] = metrics.bounds;
    let font = ParsedFont {
        original_bytes: program,
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
    Ok(Subset { font, deflated })
}
