//! A face cut to what a document shows of it.

use std::collections::{BTreeMap, HashMap};
use std::iter;
use std::sync::{Arc, PoisonError};

use subsetter::GlyphRemapper;
use unicode_normalization::UnicodeNormalization;

use super::{Cluster, Face, Outlines};
use crate::deflate::deflate;

/// A cut face.
#[derive(Debug)]
pub(crate) struct Subset {
    /// The cut font file, deflated.
    pub(crate) program: Vec<u8>,
    /// Its length before.
    pub(crate) program_length: usize,
    /// The map from codes back to characters, deflated.
    pub(crate) to_unicode: Vec<u8>,
    /// By code, in thousandths of the font size. Code zero is the sign for a missing glyph.
    pub(crate) widths: Vec<u16>,
    pub(crate) codes: Codes,
}

/// The codes in a content stream: glyphs of the cut face.
#[derive(Debug)]
pub(crate) struct Codes {
    /// By code point.
    characters: Vec<u16>,
    /// Those that look like another of the document, and that readers take for it.
    taken_for_others: Vec<char>,
    /// Of shaped text: by glyph of the whole face, the code and the text it is mapped back to.
    glyphs: HashMap<u16, (u16, Box<str>)>,
}

/// What a document shows of a face.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Used {
    /// The characters of text that needs no shaping: a bit for each code point.
    characters: Vec<u64>,
    /// The glyphs of shaped text, and the text that each stands for.
    glyphs: BTreeMap<u16, Box<str>>,
}

/// Cut faces that are kept of each: receipts of one till often use the same characters.
const KEPT: usize = 64;

/// The face cut to what is used. Kept and reused; a kept one equals a new one.
pub(crate) fn subset(face: &Face, used: Used) -> Result<Arc<Subset>, subsetter::Error> {
    let lock = || face.cuts.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(subset) = lock().get(&used) {
        return Ok(Arc::clone(subset));
    }
    let subset = Arc::new(cut(face, &used)?);
    let mut kept = lock();
    if kept.len() >= KEPT {
        kept.clear();
    }
    kept.insert(used, Arc::clone(&subset));
    Ok(subset)
}

impl Used {
    pub(crate) fn insert(&mut self, c: char) {
        let (word, bit) = (c as usize / 64, c as usize % 64);
        if self.characters.len() <= word {
            self.characters.resize(word + 1, 0);
        }
        self.characters[word] |= 1 << bit;
    }

    /// The glyphs of a cluster. Of several, one that is a character's own is mapped to that character; another
    /// to the whole text.
    pub(crate) fn insert_cluster(&mut self, face: &Face, cluster: &Cluster) {
        for glyph in &cluster.glyphs {
            self.glyphs.entry(glyph.id).or_insert_with(|| {
                let is_own = |c: &char| face.glyph(*c).is_some_and(|own| own.id == glyph.id);
                match cluster.text.chars().find(is_own) {
                    Some(c) if cluster.glyphs.len() > 1 => c.to_string().into(),
                    _ => cluster.text.as_str().into(),
                }
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.characters.is_empty() && self.glyphs.is_empty()
    }

    /// By rising code point.
    fn characters(&self) -> impl Iterator<Item = char> {
        let words = self.characters.iter().zip(0..).filter(|(word, _)| **word != 0);
        words.flat_map(|(word, i)| {
            (0..64)
                .filter(move |bit| word & (1 << bit) != 0)
                .filter_map(move |bit| char::from_u32(i * 64 + bit))
        })
    }
}

impl Codes {
    /// Zero, the sign for a missing glyph, for a character that the face was not cut to.
    pub(crate) fn character(&self, c: char) -> u16 {
        self.characters.get(c as usize).copied().unwrap_or(0)
    }

    /// Whether readers take a character for another that has the same glyph. One that means the same, as a
    /// no-break space and a space, does not count.
    pub(crate) fn is_taken_for_another(&self, c: char) -> bool {
        self.taken_for_others.contains(&c)
    }

    /// The code of a glyph of shaped text, and the text that readers take it for.
    pub(crate) fn glyph(&self, id: u16) -> (u16, &str) {
        self.glyphs.get(&id).map_or((0, ""), |(code, text)| (*code, text))
    }
}

fn cut(face: &Face, used: &Used) -> Result<Subset, subsetter::Error> {
    let mut remapper = GlyphRemapper::new();
    let mut characters = Vec::new();
    let mut glyphs = HashMap::new();
    let mut widths = vec![face.advance(0)];
    let mut to_unicode = ToUnicode::default();
    let mut first_of_code = vec![char::REPLACEMENT_CHARACTER];
    let mut taken_for_others = Vec::new();
    for c in used.characters() {
        let Some(glyph) = face.glyph(c) else { continue };
        let code = remapper.remap(glyph.id);
        if usize::from(code) == widths.len() {
            widths.push(glyph.advance);
            to_unicode.push(c.encode_utf8(&mut [0; 4]));
            first_of_code.push(c);
            if !used.glyphs.is_empty() {
                glyphs.insert(glyph.id, (code, c.to_string().into()));
            }
        } else if !iter::once(c).nfkc().eq(iter::once(first_of_code[usize::from(code)]).nfkc()) {
            taken_for_others.push(c);
        }
        characters.resize(c as usize + 1, 0);
        characters[c as usize] = code;
    }
    for (id, text) in &used.glyphs {
        let code = remapper.remap(*id);
        if usize::from(code) == widths.len() {
            widths.push(face.advance(*id));
            to_unicode.push(text);
            glyphs.insert(*id, (code, text.clone()));
        }
    }
    let mut program = subsetter::subset(&face.bytes, 0, &remapper)?;
    if face.outlines == Outlines::Cff {
        // A PDF takes the table alone.
        let cff = ttf_parser::RawFace::parse(&program, 0).ok();
        let table = cff.and_then(|font| font.table(ttf_parser::Tag::from_bytes(b"CFF ")));
        program = table.ok_or(subsetter::Error::MalformedFont)?.to_vec();
    }
    Ok(Subset {
        program: deflate(&program),
        program_length: program.len(),
        to_unicode: deflate(to_unicode.finish().as_bytes()),
        widths,
        codes: Codes { characters, taken_for_others, glyphs },
    })
}

/// The map from codes to characters (ISO 32000-1, 9.10.3), as ranges: with an entry for each, it deflates
/// to twice the size. Codes count from one.
#[derive(Default)]
struct ToUnicode {
    /// In hexadecimal, `<0041><0042>…`, of each range.
    ranges: Vec<String>,
    last: usize,
}

impl ToUnicode {
    /// The text of the next code.
    fn push(&mut self, text: &str) {
        self.last += 1;
        // The codes of one range share their high byte.
        if self.ranges.is_empty() || self.last & 0xff == 0 {
            self.ranges.push(String::new());
        }
        let Some(range) = self.ranges.last_mut() else { return };
        range.push('<');
        text.encode_utf16().for_each(|unit| *range += &format!("{unit:04X}"));
        range.push('>');
    }

    fn finish(self) -> String {
        let mut map = String::from(
            "/CIDInit/ProcSet findresource begin 12 dict begin begincmap/CMapName/U def/CMapType 2 def\n\
             1 begincodespacerange<0000><FFFF>endcodespacerange\n",
        );
        for (i, range) in self.ranges.iter().enumerate() {
            let (first, last) = ((i << 8).max(1), self.last.min(i << 8 | 0xff));
            map += &format!("1 beginbfrange<{first:04X}><{last:04X}>[{range}]endbfrange\n");
        }
        map + "endcmap CMapName currentdict/CMap defineresource pop end end"
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn knows_characters_that_share_a_glyph_with_another() {
        let bytes = Cow::Borrowed(include_bytes!("../../fonts/NotoSans-Regular.ttf").as_slice());
        let mut face = Face::read("Shared".to_owned(), bytes).expect("a font");
        for (c, other) in [('Α', 'A'), ('\u{a0}', ' ')] {
            face.common[c as usize] = face.glyph(other);
        }
        let mut used = Used::default();
        "AΑ \u{a0}".chars().for_each(|c| used.insert(c));
        let subset = subset(&face, used).expect("a cut face");
        assert_eq!(subset.widths.len(), 3);
        assert_eq!(subset.codes.character('Α'), subset.codes.character('A'));
        let taken: Vec<char> =
            "AΑ \u{a0}".chars().filter(|c| subset.codes.is_taken_for_another(*c)).collect();
        assert_eq!(taken, ['Α']);
    }
}
