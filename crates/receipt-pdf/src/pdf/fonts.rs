//! The faces that a document shows, as its font objects.

use std::sync::Arc;

use lopdf::{Dictionary, Document, Object, Stream, StringFormat, dictionary};

use super::set_deflated;
use crate::error::RenderError;
use crate::font::{Codes, Face, FaceId, Fonts, Outlines, Subset, Used, subset};
use crate::layout::{Ink, Page};

/// The faces of a document, cut to what its pages show of them.
pub(super) struct EmbeddedFonts<'a> {
    fonts: &'a Fonts,
    /// By face; `None` for one that is not used.
    subsets: Vec<Option<Arc<Subset>>>,
}

impl<'a> EmbeddedFonts<'a> {
    pub(super) fn of(pages: &[Page], fonts: &'a Fonts) -> Result<Self, RenderError> {
        let mut used = vec![Used::default(); fonts.len()];
        for mark in pages.iter().flat_map(Page::all_marks) {
            let Ink::Text { face, text, runs, .. } = &mark.ink else { continue };
            if runs.is_empty() {
                let used = &mut used[face.index()];
                text.chars().for_each(|c| used.insert(c));
            }
            for run in runs {
                let face = fonts.face(run.face);
                let used = &mut used[run.face.index()];
                run.clusters.iter().for_each(|cluster| used.insert_cluster(face, cluster));
            }
        }
        let cut = |(used, id): (Used, FaceId)| {
            (!used.is_empty()).then(|| subset(fonts.face(id), used).map_err(RenderError::Font)).transpose()
        };
        let subsets = used.into_iter().zip(fonts.ids()).map(cut).collect::<Result<_, _>>()?;
        Ok(Self { fonts, subsets })
    }

    /// `None` for a face that no page shows.
    pub(super) fn codes(&self, id: FaceId) -> Option<&Codes> {
        self.subsets[id.index()].as_deref().map(|subset| &subset.codes)
    }

    /// Of a glyph, in thousandths of the font size.
    pub(super) fn advance(&self, id: FaceId, glyph: u16) -> i32 {
        i32::from(self.fonts.face(id).advance(glyph))
    }

    /// Adds the objects, and names them in every page's resources.
    pub(super) fn write(&self, file: &mut Document) {
        let mut named = Dictionary::new();
        for (subset, id) in self.subsets.iter().zip(self.fonts.ids()) {
            let Some(subset) = subset else { continue };
            let font = font(self.fonts.face(id), subset, file);
            named.set(id.resource_name().as_bytes(), file.add_object(font));
        }
        let named = file.add_object(named);
        let pages: Vec<_> = file.get_pages().into_values().collect();
        for page in pages {
            if let Ok(resources) = file.get_or_create_resources(page).and_then(Object::as_dict_mut) {
                resources.set("Font", named);
            }
        }
    }
}

/// A font whose codes are the glyphs of the cut face (ISO 32000-1, 9.7).
fn font(face: &Face, subset: &Subset, file: &mut Document) -> Dictionary {
    let name = || Object::Name(face.postscript_name.as_bytes().to_vec());
    let deflated = |dictionary: Dictionary, bytes: &[u8]| {
        let mut stream = Stream::new(dictionary, Vec::new());
        set_deflated(&mut stream, bytes.to_vec());
        stream
    };
    let (subtype, key, dictionary) = match face.outlines {
        Outlines::TrueType => {
            ("CIDFontType2", "FontFile2", dictionary! { "Length1" => subset.program_length as i64 })
        }
        Outlines::Cff => ("CIDFontType0", "FontFile3", dictionary! { "Subtype" => "CIDFontType0C" }),
    };
    let program = file.add_object(deflated(dictionary, &subset.program));
    let metrics = face.metrics;
    let numbers = |numbers: &[i64]| Object::Array(numbers.iter().map(|number| (*number).into()).collect());
    const NONSYMBOLIC: i64 = 1 << 5;
    const ITALIC: i64 = 1 << 6;
    let mut descriptor = dictionary! {
        "Type" => "FontDescriptor",
        "FontName" => name(),
        "Flags" => NONSYMBOLIC | if metrics.italic_angle == 0 { 0 } else { ITALIC },
        "FontBBox" => numbers(&metrics.bounds),
        "ItalicAngle" => metrics.italic_angle,
        "Ascent" => metrics.ascender,
        "Descent" => metrics.descender,
        "CapHeight" => metrics.cap_height,
        // No table of the font says it; thicker stems for bolder faces, as is customary.
        "StemV" => 50 + i64::from(metrics.weight).pow(2) / 65_i64.pow(2),
    };
    descriptor.set(key, program);
    let descriptor = file.add_object(descriptor);
    let widths: Vec<i64> = subset.widths.iter().map(|width| i64::from(*width)).collect();
    let system = dictionary! {
        "Registry" => Object::String(b"Adobe".to_vec(), StringFormat::Literal),
        "Ordering" => Object::String(b"Identity".to_vec(), StringFormat::Literal),
        "Supplement" => 0,
    };
    let mut glyphs = dictionary! {
        "Type" => "Font",
        "Subtype" => subtype,
        "BaseFont" => name(),
        "CIDSystemInfo" => system,
        "FontDescriptor" => descriptor,
        "W" => vec![0.into(), numbers(&widths)],
    };
    if face.outlines == Outlines::TrueType {
        glyphs.set("CIDToGIDMap", "Identity");
    }
    let to_unicode = file.add_object(deflated(Dictionary::new(), &subset.to_unicode));
    dictionary! {
        "Type" => "Font",
        "Subtype" => "Type0",
        "BaseFont" => name(),
        "Encoding" => "Identity-H",
        "DescendantFonts" => vec![glyphs.into()],
        "ToUnicode" => to_unicode,
    }
}
