//! Text that needs more than one glyph after the other: scripts whose letters join, stack or run from right
//! to left, and characters of other faces than the text's own.

use std::ops::Range;

use harfrust::{Buffer, BufferFlags, Direction, Script, ShapeOptions, ShaperFont, unicode};
use unicode_bidi::ParagraphBidiInfo;
use unicode_normalization::char::is_combining_mark;

use super::{Face, FaceId, Fonts, Weight};

/// Glyphs of one face in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) face: FaceId,
    /// Where it starts on its line, in thousandths of the font size.
    pub(crate) x: i32,
    pub(crate) is_rtl: bool,
    /// From left to right.
    pub(crate) clusters: Vec<Cluster>,
}

/// The least part of a text that has glyphs of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cluster {
    /// In the order it is read.
    pub(crate) text: String,
    /// From left to right.
    pub(crate) glyphs: Vec<Placed>,
}

/// A glyph at its place. Lengths are in thousandths of the font size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Of the whole face.
    pub(crate) id: u16,
    /// How far the next glyph stands.
    pub(crate) advance: i32,
    /// Right of and above where it would stand.
    pub(crate) shift: [i32; 2],
}

/// A paragraph, before it is broken into lines.
pub(crate) struct Paragraph<'a> {
    text: &'a str,
    fonts: &'a Fonts,
    weight: Weight,
    bidi: ParagraphBidiInfo<'a>,
}

/// Whether a character's glyph depends on those beside it, or its place on the text's direction.
pub(crate) fn needs_shaping(c: char) -> bool {
    // Latin, Greek and Cyrillic come first; Latin and Greek letters with accents lie between.
    c >= '\u{590}'
        && matches!(c, '\u{590}'..='\u{1cff}' | '\u{200c}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{302a}'..='\u{302f}' | '\u{3099}'..='\u{309a}' | '\u{a800}'..='\u{abff}'
            | '\u{d7b0}'..='\u{d7ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}'
            | '\u{10800}'..='\u{11fff}' | '\u{16100}'..='\u{16fff}' | '\u{1e000}'..='\u{1efff}')
}

impl<'a> Paragraph<'a> {
    /// A text without line breaks, each of whose characters some face has.
    pub(crate) fn new(text: &'a str, fonts: &'a Fonts, weight: Weight) -> Self {
        Self { text, fonts, weight, bidi: ParagraphBidiInfo::new(text, None) }
    }

    /// A part of the paragraph as it stands on a line of its own: runs in the order they are read. Where they
    /// are read from right to left, each is of one word at most.
    pub(crate) fn runs(&self, part: Range<usize>) -> Vec<Run> {
        let mut runs: Vec<(usize, Run)> = Vec::new();
        let mut x = 0;
        let (levels, directional) = self.bidi.visual_runs(part);
        for range in directional {
            let is_rtl = levels[range.start].is_rtl();
            let mut items = self.items(range.clone(), is_rtl);
            if is_rtl {
                items.reverse();
            }
            for (face, item) in items {
                let start = item.start;
                let clusters = shape(self.fonts.face(face), &self.text[item], is_rtl);
                let run = Run { face, x, is_rtl, clusters };
                x += width(std::slice::from_ref(&run)).cast_signed();
                runs.push((start, run));
            }
        }
        runs.sort_by_key(|(start, _)| *start);
        runs.into_iter().map(|(_, run)| run).collect()
    }

    /// The clusters of a part, in the order they are read.
    pub(crate) fn clusters(&self, part: Range<usize>) -> Vec<Cluster> {
        let mut clusters = Vec::new();
        for (face, range) in self.items(part, false) {
            let is_rtl = self.bidi.levels[range.start].is_rtl();
            let mut item = shape(self.fonts.face(face), &self.text[range], is_rtl);
            if is_rtl {
                item.reverse();
            }
            clusters.extend(item);
        }
        clusters
    }

    /// Parts in one face and one script, in the order they are read; single words, if asked for.
    fn items(&self, range: Range<usize>, by_word: bool) -> Vec<(FaceId, Range<usize>)> {
        let mut items: Vec<(FaceId, Range<usize>)> = Vec::new();
        let mut item_script = Script::COMMON;
        for (i, c) in self.text[range.clone()].char_indices() {
            let place = range.start + i..range.start + i + c.len_utf8();
            let before = items.last_mut();
            let face = match &before {
                // A mark is shaped with its letter, and what has no shape with what it steers.
                Some((face, _)) if is_invisible(c) => *face,
                Some((face, _)) if is_combining_mark(c) && self.fonts.face(*face).glyph(c).is_some() => *face,
                _ => self.fonts.covering(c, self.weight).unwrap_or_else(|| self.fonts.primary(self.weight)),
            };
            let script = unicode::script(u32::from(c));
            let is_neutral = |script| matches!(script, Script::COMMON | Script::INHERITED | Script::UNKNOWN);
            match before {
                Some((last, item))
                    if *last == face
                        && !(by_word && self.text[..place.start].ends_with(' '))
                        && (is_neutral(script) || is_neutral(item_script) || script == item_script) =>
                {
                    item.end = place.end;
                    if !is_neutral(script) {
                        item_script = script;
                    }
                }
                _ => {
                    items.push((face, place));
                    item_script = script;
                }
            }
        }
        items
    }
}

impl Cluster {
    /// In thousandths of the font size.
    pub(crate) fn width(&self) -> u32 {
        let width: i32 = self.glyphs.iter().map(|glyph| glyph.advance).sum();
        width.max(0).cast_unsigned()
    }
}

/// The width of runs, in thousandths of the font size.
pub(crate) fn width(runs: &[Run]) -> u32 {
    runs.iter().flat_map(|run| &run.clusters).map(Cluster::width).sum()
}

/// Joiners and direction marks: they steer other characters, and have no shape.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}' | '\u{2066}'..='\u{2069}')
}

/// Clusters from left to right, which all of the text belongs to.
fn shape(face: &Face, text: &str, is_rtl: bool) -> Vec<Cluster> {
    let nothing = || vec![Cluster { text: text.to_owned(), glyphs: Vec::new() }];
    let Some(font) = face.shaper() else { return nothing() };
    let mut buffer = Buffer::new();
    buffer.push_str(text);
    buffer.set_direction(if is_rtl { Direction::RightToLeft } else { Direction::LeftToRight });
    buffer.guess_segment_properties();
    buffer.set_flags(BufferFlags::REMOVE_DEFAULT_IGNORABLES);
    let font = ShaperFont::new(font).with_scale(1000);
    if harfrust::shape(&font, &mut buffer, ShapeOptions::new()).is_err() || buffer.is_empty() {
        return nothing();
    }

    let infos = buffer.glyph_infos();
    let mut starts: Vec<usize> = infos.iter().map(|info| info.cluster as usize).collect();
    starts.sort_unstable();
    starts.dedup();
    let text_from = |start: usize| {
        let i = starts.partition_point(|other| *other <= start);
        // What comes before the first cluster has no shape.
        let start = if i == 1 { 0 } else { start };
        text[start..starts.get(i).copied().unwrap_or(text.len())].to_owned()
    };
    let mut clusters: Vec<(u32, Cluster)> = Vec::new();
    for (info, position) in infos.iter().zip(buffer.glyph_positions()) {
        let glyph = Placed {
            id: u16::try_from(info.glyph_id).unwrap_or(0),
            advance: position.x_advance,
            shift: [position.x_offset, position.y_offset],
        };
        match clusters.last_mut() {
            Some((start, cluster)) if *start == info.cluster => cluster.glyphs.push(glyph),
            _ => {
                let text = text_from(info.cluster as usize);
                clusters.push((info.cluster, Cluster { text, glyphs: vec![glyph] }));
            }
        }
    }
    clusters.into_iter().map(|(_, cluster)| cluster).collect()
}
