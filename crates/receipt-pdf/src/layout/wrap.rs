//! Text into lines: characters the face lacks are replaced, long words broken.

use std::borrow::Cow;
use std::collections::BTreeSet;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::font::{Face, REPLACEMENT};

/// A line of text and its width, in thousandths of the font size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) width: u32,
}

/// Breaks a text into lines no wider than `limit` thousandths of the font size: at its line
/// breaks, then at spaces and after hyphens and slashes, then within a word that is too long.
/// Lines that come out empty are left out: an address without a city has no gap.
pub(crate) fn wrap(text: &str, face: &Face, limit: u32, missing: &mut BTreeSet<char>) -> Vec<Line> {
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let paragraph = printable(paragraph, face, missing);
        if !paragraph.text.is_empty() {
            wrap_paragraph(paragraph, face, limit, &mut lines);
        }
    }
    lines
}

/// The paragraph in characters that the face has; a dead letter and its accent as one character.
fn printable(paragraph: &str, face: &Face, missing: &mut BTreeSet<char>) -> Line {
    let mut line = Line { text: String::with_capacity(paragraph.len()), width: 0 };
    let paragraph = paragraph.trim_matches(' ');
    let composed = match is_nfc_quick(paragraph.chars()) {
        IsNormalized::Yes => Cow::Borrowed(paragraph),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(paragraph.nfc().collect::<String>()),
    };
    for c in composed.chars() {
        if is_ignorable(c) {
            continue;
        }
        let (c, glyph) = match face.glyph(c) {
            Some(glyph) => (c, Some(glyph)),
            None if c.is_whitespace() || c.is_control() => (' ', face.glyph(' ')),
            None => {
                missing.insert(c);
                (REPLACEMENT, face.glyph(REPLACEMENT))
            }
        };
        line.text.push(c);
        line.width += glyph.map_or(0, |glyph| u32::from(glyph.advance));
    }
    line
}

fn wrap_paragraph(paragraph: Line, face: &Face, limit: u32, lines: &mut Vec<Line>) {
    if paragraph.width <= limit {
        lines.push(paragraph);
        return;
    }
    let mut line = Line { text: String::new(), width: 0 };
    for piece in pieces(&paragraph.text) {
        let width = face.width(piece);
        if line.width + face.width(piece.trim_end_matches(' ')) > limit {
            flush(&mut line, face, lines);
        }
        if width <= limit || face.width(piece.trim_end_matches(' ')) <= limit {
            line.text.push_str(piece);
            line.width += width;
        } else {
            for c in piece.chars() {
                let advance = face.glyph(c).map_or(0, |glyph| u32::from(glyph.advance));
                if line.width + advance > limit && c != ' ' {
                    flush(&mut line, face, lines);
                }
                line.text.push(c);
                line.width += advance;
            }
        }
    }
    flush(&mut line, face, lines);
}

fn flush(line: &mut Line, face: &Face, lines: &mut Vec<Line>) {
    let text = line.text.trim_end_matches(' ');
    if !text.is_empty() {
        lines.push(Line { text: text.to_owned(), width: face.width(text) });
    }
    *line = Line { text: String::new(), width: 0 };
}

/// Words with the spaces after them; a word may also end after a hyphen or a slash before a dead letter.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    text.split_inclusive(' ').flat_map(|word| {
        let mut rest = word;
        std::iter::from_fn(move || {
            let is_end = |(i, c): (usize, char)| {
                let next = rest[i + c.len_utf8()..].chars().next();
                (matches!(c, '-' | '/' | '–' | '—') && next.is_some_and(char::is_alphabetic))
                    .then_some(i + c.len_utf8())
            };
            let end = rest.char_indices().find_map(is_end).unwrap_or(rest.len());
            let (piece, left) = rest.split_at(end);
            rest = left;
            (!piece.is_empty()).then_some(piece)
        })
    })
}

/// Characters that only steer others and have no shape: joiners, direction marks, variation
/// selectors, the soft hyphen.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::font::Weight;

    fn lines(text: &str, limit: u32) -> (Vec<String>, BTreeSet<char>) {
        let mut missing = BTreeSet::new();
        let lines = wrap(text, Weight::Regular.face(), limit, &mut missing);
        for line in &lines {
            assert!(line.width <= limit.max(1000), "{line:?}");
            assert_eq!(line.width, Weight::Regular.face().width(&line.text));
        }
        (lines.into_iter().map(|line| line.text).collect(), missing)
    }

    #[test]
    fn breaks_at_spaces_hyphens_and_within_long_words() {
        let cases: [(&str, u32, &[&str]); 8] = [
            ("short", 5_000, &["short"]),
            ("one two three", 4_000, &["one two", "three"]),
            ("ull-blanding", 4_700, &["ull-", "blanding"]),
            ("aaaaaaaaaa", 2_900, &["aaaaa", "aaaaa"]),
            ("first\n\n second ", 5_000, &["first", "second"]),
            ("2026-11-02", 4_000, &["2026-11", "-02"]),
            ("A\u{30a}se", 5_000, &["Åse"]),
            ("1\u{a0}000\u{a0}000", 3_000, &["1\u{a0}000\u{a0}", "000"]),
        ];
        for (text, limit, expected) in cases {
            assert_eq!(lines(text, limit).0, expected, "{text:?} within {limit}");
        }
    }

    #[test]
    fn replaces_missing_glyphs_and_drops_invisible_ones() {
        let (text, missing) = lines("a中b👩\u{200d}🚀\u{fe0f}\u{ad}c", 90_000);
        assert_eq!(text, ["a\u{fffd}b\u{fffd}\u{fffd}c"]);
        assert_eq!(missing, BTreeSet::from(['中', '👩', '🚀']));
    }
}
