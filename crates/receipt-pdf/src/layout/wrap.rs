//! Text into lines: characters that no face has are replaced, long words broken.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use unicode_linebreak::linebreaks;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::font::{
    self, Cluster, Face, FaceId, Fonts, Paragraph, REPLACEMENT, Run, Weight, is_invisible, needs_shaping,
};

/// A line of text and its width, in thousandths of the font size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) text: String,
    pub(crate) width: u32,
    pub(crate) face: FaceId,
    /// The glyphs, where they are not those of the face for each character of the text.
    pub(crate) runs: Vec<Run>,
}

/// Breaks a text into lines no wider than `limit` thousandths of the font size: at its line
/// breaks, then at spaces and after hyphens and slashes, then within a word that is too long.
/// Lines that come out empty are left out: an address without a city has no gap.
pub(crate) fn wrap(
    text: &str,
    fonts: &Fonts,
    weight: Weight,
    limit: u32,
    missing: &mut BTreeSet<char>,
) -> Vec<Line> {
    let mut lines = Vec::new();
    let id = fonts.primary(weight);
    let face = fonts.face(id);
    for paragraph in text.split('\n') {
        let paragraph = composed(paragraph.trim_matches(' '));
        let simple = simple(&paragraph, id, face).map_or_else(
            || {
                let covered = covered(&paragraph, fonts, weight, missing);
                simple(&covered, id, face).ok_or(covered)
            },
            Ok,
        );
        match simple {
            Ok(line) if line.text.is_empty() => {}
            Ok(line) => wrap_simple(line, face, limit, &mut lines),
            Err(covered) => wrap_shaped(&covered, fonts, weight, limit, &mut lines),
        }
    }
    lines
}

/// The width of a text's widest line where nothing but its own line breaks ends one, in thousandths of the
/// font size.
pub(crate) fn natural_width(text: &str, fonts: &Fonts, weight: Weight) -> u32 {
    let face = fonts.face(fonts.primary(weight));
    let width_of = |line: &str| -> Option<u32> {
        line.chars()
            .map(|c| face.glyph(c).filter(|_| !needs_shaping(c)).map(|glyph| u32::from(glyph.advance)))
            .sum()
    };
    text.split('\n').map(width_of).try_fold(0, |widest, width| Some(width?.max(widest))).unwrap_or_else(
        || {
            let lines = wrap(text, fonts, weight, u32::MAX, &mut BTreeSet::new());
            lines.iter().map(|line| line.width).max().unwrap_or(0)
        },
    )
}

/// A letter and its accent as one character.
fn composed(text: &str) -> Cow<'_, str> {
    // Below the accents, nothing composes.
    if text.chars().all(|c| c < '\u{300}') {
        return Cow::Borrowed(text);
    }
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfc().collect()),
    }
}

/// The paragraph as glyphs of one face, one after the other; `None` if that is not all it takes.
fn simple(paragraph: &str, id: FaceId, face: &Face) -> Option<Line> {
    let mut line =
        Line { text: String::with_capacity(paragraph.len()), width: 0, face: id, runs: Vec::new() };
    for c in paragraph.chars() {
        if needs_shaping(c) && !is_ignorable(c) {
            return None;
        }
        let (c, glyph) = match face.glyph(c) {
            _ if is_ignorable(c) => continue,
            Some(glyph) => (c, Some(glyph)),
            None if c.is_whitespace() || c.is_control() => (' ', face.glyph(' ')),
            None => return None,
        };
        line.text.push(c);
        line.width += glyph.map_or(0, |glyph| u32::from(glyph.advance));
    }
    Some(line)
}

/// The paragraph in characters each of which some face has.
fn covered(paragraph: &str, fonts: &Fonts, weight: Weight, missing: &mut BTreeSet<char>) -> String {
    let has = |c| fonts.covering(c, weight).is_some();
    let mut covered = String::with_capacity(paragraph.len());
    for c in paragraph.chars() {
        if is_invisible(c) || (!is_ignorable(c) && has(c) && !is_break(c)) {
            covered.push(c);
        } else if c.is_whitespace() || c.is_control() {
            covered.push(' ');
        } else if !is_ignorable(c) {
            let same = compatible(c);
            if !same.is_empty() && same.chars().all(has) {
                covered.push_str(&same);
            } else {
                missing.insert(c);
                covered.push(REPLACEMENT);
            }
        }
    }
    covered
}

/// Characters that say the same: the letters of a ligature, the ordinary form of a full-width, mathematical
/// or joined one, the letters of a square unit. Nothing where there are none, or where they would say
/// something else, as 2 for a raised 2.
fn compatible(c: char) -> String {
    let raised = |c| match c {
        '2' => '²',
        '3' => '³',
        other => other,
    };
    match c {
        '\u{fb00}'..='\u{fb17}'
        | '\u{fb1d}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}'
        | '\u{ff01}'..='\u{ffee}'
        | '\u{1d400}'..='\u{1d7ff}' => std::iter::once(c).nfkc().collect(),
        // Square units: cm², m³.
        '\u{3371}'..='\u{33df}' => std::iter::once(c).nfkc().map(raised).collect(),
        _ => String::new(),
    }
}

fn wrap_simple(paragraph: Line, face: &Face, limit: u32, lines: &mut Vec<Line>) {
    if paragraph.width <= limit {
        lines.push(paragraph);
        return;
    }
    let mut line = Line { text: String::new(), width: 0, ..paragraph };
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
        let runs = Vec::new();
        lines.push(Line { text: text.to_owned(), width: face.width(text), face: line.face, runs });
    }
    line.text.clear();
    line.width = 0;
}

/// Lines of all scripts break where Unicode allows it (UAX 14), and between clusters in a word that is too long.
fn wrap_shaped(text: &str, fonts: &Fonts, weight: Weight, limit: u32, lines: &mut Vec<Line>) {
    let paragraph = Paragraph::new(text, fonts, weight);
    let line = |part: Range<usize>| {
        let text = text[part.clone()].trim_end_matches(' ');
        let runs = paragraph.runs(part.start..part.start + text.len());
        Line { text: text.to_owned(), width: font::width(&runs), face: fonts.primary(weight), runs }
    };
    let whole = line(0..text.len());
    if whole.width <= limit {
        lines.extend((!whole.text.is_empty()).then_some(whole));
        return;
    }
    // Where a line may end, and how wide the text is up to there: with the spaces at its end, and without.
    let mut ends: Vec<(usize, [u32; 2])> = Vec::new();
    let mut start = 0;
    for (end, _) in linebreaks(text) {
        let clusters = paragraph.clusters(start..end);
        let width: u32 = clusters.iter().map(Cluster::width).sum();
        let spaces = clusters.iter().rev().take_while(|cluster| cluster.text == " ");
        let trimmed = width - spaces.map(Cluster::width).sum::<u32>();
        if trimmed <= limit {
            ends.push((end, [width, trimmed]));
        } else {
            ends.extend(clusters.iter().map(|cluster| {
                start += cluster.text.len();
                (start, [cluster.width(); 2])
            }));
        }
        start = end;
    }
    let (mut start, mut first) = (0, 0);
    while first < ends.len() {
        let (mut count, mut width) = (0, 0);
        for (_, [full, trimmed]) in &ends[first..] {
            if count > 0 && width + trimmed > limit {
                break;
            }
            width += full;
            count += 1;
        }
        // The parts of a line are not always as wide together as each alone.
        let mut best = line(start..ends[first + count - 1].0);
        while best.width > limit && count > 1 {
            count -= 1;
            best = line(start..ends[first + count - 1].0);
        }
        start = ends[first + count - 1].0;
        first += count;
        lines.extend((!best.text.is_empty()).then_some(best));
    }
}

/// Words with the spaces after them; a word may also end after a hyphen or a slash before a letter.
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

/// Ends a line or a paragraph, whatever the face has for it.
fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that only steer others and have no shape: joiners, direction marks, variation
/// selectors, the soft hyphen.
fn is_ignorable(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, limit: u32) -> (Vec<String>, BTreeSet<char>) {
        let mut missing = BTreeSet::new();
        let fonts = Fonts::builtin();
        let face = fonts.face(fonts.primary(Weight::Regular));
        let lines = wrap(text, &fonts, Weight::Regular, limit, &mut missing);
        for line in &lines {
            assert!(line.width <= limit.max(1000), "{line:?}");
            if line.runs.is_empty() {
                assert_eq!(line.width, face.width(&line.text));
            }
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

    #[test]
    fn prints_signs_that_the_text_face_lacks() {
        let (text, missing) = lines("−20 °C ≤ t ≤ 40 °C → ✓", 90_000);
        assert_eq!((text, missing), (vec!["−20 °C ≤ t ≤ 40 °C → ✓".to_owned()], BTreeSet::new()));
        let fonts = Fonts::builtin();
        let lines = wrap("−20", &fonts, Weight::Bold, 90_000, &mut BTreeSet::new());
        let faces: Vec<FaceId> = lines[0].runs.iter().map(|run| run.face).collect();
        assert_eq!(
            faces,
            [fonts.covering('−', Weight::Bold), fonts.covering('2', Weight::Bold)].map(Option::unwrap)
        );
        assert_eq!(lines[0].width, natural_width("−20", &fonts, Weight::Bold));
    }

    #[test]
    fn breaks_lines_with_signs() {
        assert_eq!(lines("ned → opp → ned", 4_000).0, ["ned →", "opp →", "ned"]);
        assert_eq!(lines("→→→→→→", 2_200).0, ["→→", "→→", "→→"]);
    }

    #[test]
    fn replaces_forms_by_characters_of_the_same_meaning() {
        let cases = [("oﬃce", "office"), ("ＡＢ１", "AB1"), ("5 ㎏, 3 ㎡", "5 kg, 3 m²"), ("x²½™", "x²½™")];
        for (text, expected) in cases {
            assert_eq!(lines(text, 90_000), (vec![expected.to_owned()], BTreeSet::new()), "{text}");
        }
    }

    proptest! {
        // No character is wider than the least limit: ‱ has 1544.
        #[test]
        fn no_line_is_too_wide(text in "(\\PC|[✓→ \u{200b}\u{200d}\u{202e}א-ת-]){0,200}", limit in 1_600_u32..9_000) {
            let (printed, _) = lines(&text, limit);
            let kept = |text: &str| text.chars().filter(|c| *c == '✓').count();
            prop_assert_eq!(kept(&printed.concat()), kept(&text));
        }
    }
}
