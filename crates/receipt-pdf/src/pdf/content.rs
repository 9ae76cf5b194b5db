//! Marks as a page's content stream.
//!
//! Written directly: printpdf turns operations into content with an allocation for each operand,
//! which took half of a document's time.

use super::file::integer;
use super::fonts::EmbeddedFonts;
use super::tags::{Piece, name};
use crate::font::{Cluster, Codes, FaceId, Placed, Run};
use crate::layout::{Area, Color, Ink, Mark, Page, Structure, Tag, Watermark};

/// The content of a page, and the pieces of it that belong to elements of the structure.
pub(super) fn content(
    page: &Page,
    structure: &Structure,
    fonts: &EmbeddedFonts<'_>,
) -> (Vec<u8>, Vec<Piece>) {
    let mut stream = Stream {
        bytes: Vec::with_capacity(page.marks.len() * 80),
        color: Color::BLACK,
        is_in_glyphs: false,
        structure,
        pieces: Vec::new(),
    };
    if let Some(image) = page.background {
        let area = Area { x: 0.0, y: 0.0, width: page.width, height: page.height };
        stream.begin(None, None);
        stream.image(image, &area, page.height);
        stream.operator("EMC");
    }
    if let Some(watermark) = &page.watermark {
        stream.watermark(watermark, page.height, fonts);
    }
    stream.texts(&page.marks, page.height, fonts);
    let drawn: Vec<&Mark> = page.marks.iter().filter(|mark| !mark.is_text()).collect();
    for run in drawn.chunk_by(|a, b| a.tag == b.tag) {
        stream.begin(run[0].tag, Some(run[0].area()));
        run.iter().for_each(|mark| stream.draw(mark, page.height));
        stream.operator("EMC");
    }
    (stream.bytes, stream.pieces)
}

/// Whether readers find the cluster's text by its glyphs. A mark away from its place they would take for
/// another line.
fn is_read(cluster: &Cluster, is_rtl: bool, codes: &Codes) -> bool {
    let is_shifted = cluster.glyphs.iter().any(|glyph| glyph.shift != [0; 2]);
    let texts = cluster.glyphs.iter().map(|glyph| codes.glyph(glyph.id).1);
    let read: String = if is_rtl { texts.rev().collect() } else { texts.collect() };
    read == cluster.text && !is_shifted
}

struct Stream<'a> {
    bytes: Vec<u8>,
    color: Color,
    /// An array of glyphs is open.
    is_in_glyphs: bool,
    structure: &'a Structure,
    pieces: Vec<Piece>,
}

impl Stream<'_> {
    /// Begins what belongs to an element, or to none.
    fn begin(&mut self, tag: Option<Tag>, area: Option<Area>) {
        let Some(tag) = tag else { return self.operator("/Artifact BMC") };
        self.bytes.push(b'/');
        self.bytes.extend_from_slice(name(&self.structure.0[tag.index()].role));
        self.bytes.extend_from_slice(b"<</MCID ");
        integer(&mut self.bytes, self.pieces.len());
        self.operator(">>BDC");
        self.pieces.push(Piece { tag, area });
    }

    fn image(&mut self, image: usize, area: &Area, page: f32) {
        self.operator("q");
        let place = [area.width, 0.0, 0.0, area.height, area.x, page - area.y - area.height];
        place.into_iter().for_each(|number| self.length(number));
        self.operator("cm");
        self.bytes.extend_from_slice(format!("/I{image} Do\nQ\n").as_bytes());
    }

    /// Draws what is no text.
    fn draw(&mut self, mark: &Mark, page: f32) {
        match &mark.ink {
            Ink::Text { .. } => {}
            Ink::Fill { area, color } => {
                self.fill(*color);
                self.rectangle(area, 0.0, page);
                self.operator("f");
            }
            Ink::Bars { area, bars } => {
                self.fill(Color::BLACK);
                bars.iter().for_each(|bar| self.rectangle(bar, area.x, page - area.y));
                self.operator("f");
            }
            Ink::Image { area, image } => {
                self.image(*image, area, page);
            }
        }
    }

    /// Turns the page about the middle of the text, and sets it.
    fn watermark(&mut self, watermark: &Watermark, page: f32, fonts: &EmbeddedFonts<'_>) {
        let Area { x, y, width, height } = watermark.mark.area();
        let (x, y) = (x + width / 2.0, page - y - height / 2.0);
        let (sin, cos) = watermark.angle.to_radians().sin_cos();
        let color = self.color;
        self.operator("q");
        for number in [cos, sin, -sin, cos] {
            self.number((number * 100_000.0).round() as i32, 5);
        }
        [x - x * cos + y * sin, y - x * sin - y * cos].into_iter().for_each(|number| self.length(number));
        self.operator("cm");
        self.texts(std::slice::from_ref(&watermark.mark), page, fonts);
        self.operator("Q");
        self.color = color;
    }

    /// Texts in one section, in the order they are read.
    fn texts(&mut self, marks: &[Mark], page: f32, fonts: &EmbeddedFonts<'_>) {
        self.operator("BT");
        let mut font = None;
        let mut cursor = [0, 0];
        let mut open: Option<Option<Tag>> = None;
        for mark in marks {
            let Ink::Text { x, baseline, face, size, color, text, runs, .. } = &mark.ink else { continue };
            if open != Some(mark.tag) {
                if open.is_some() {
                    self.operator("EMC");
                }
                self.begin(mark.tag, None);
                open = Some(mark.tag);
            }
            self.fill(*color);
            // From the text before, not from the corner: fewer digits.
            let place = [hundredths(*x), hundredths(page - baseline)];
            self.number(place[0] - cursor[0], 2);
            self.number(place[1] - cursor[1], 2);
            self.operator("Td");
            cursor = place;
            if runs.is_empty() {
                let Some(codes) = fonts.codes(*face) else { continue };
                self.font(&mut font, *face, *size);
                self.show(text, codes);
            } else {
                self.runs(runs, *size, fonts, &mut font);
            }
        }
        if open.is_some() {
            self.operator("EMC");
        }
        self.operator("ET");
    }

    fn font(&mut self, current: &mut Option<(FaceId, f32)>, face: FaceId, size: f32) {
        if *current != Some((face, size)) {
            *current = Some((face, size));
            self.bytes.push(b'/');
            self.bytes.extend_from_slice(face.resource_name().as_bytes());
            self.bytes.push(b' ');
            self.length(size);
            self.operator("Tf");
        }
    }

    fn show(&mut self, text: &str, codes: &Codes) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let is_read = !codes.is_taken_for_another(c);
            let end = rest.find(|c| codes.is_taken_for_another(c) == is_read).unwrap_or(rest.len());
            let (part, after) = rest.split_at(end);
            if !is_read {
                self.begin_actual_text(part);
            }
            self.bytes.push(b'(');
            part.chars().for_each(|c| self.code(codes.character(c)));
            self.bytes.extend(b")Tj\n");
            if !is_read {
                self.operator("EMC");
            }
            rest = after;
        }
    }

    /// Begins glyphs that stand for a text that their codes do not tell.
    fn begin_actual_text(&mut self, text: &str) {
        self.bytes.extend_from_slice(b"/Span<</ActualText<FEFF");
        for unit in text.encode_utf16() {
            self.bytes.extend_from_slice(format!("{unit:04X}").as_bytes());
        }
        self.operator(">>>BDC");
    }

    /// Two bytes of a string.
    fn code(&mut self, code: u16) {
        for byte in code.to_be_bytes() {
            match byte {
                b'(' | b')' | b'\\' => self.bytes.extend([b'\\', byte]),
                // A bare carriage return would be read as a line feed.
                b'\r' => self.bytes.extend(b"\\r"),
                byte => self.bytes.push(byte),
            }
        }
    }

    /// Shaped text. What readers would not take for the text that it is, is told them.
    fn runs(&mut self, runs: &[Run], size: f32, fonts: &EmbeddedFonts<'_>, font: &mut Option<(FaceId, f32)>) {
        // Where the reader's pen is, in thousandths of the font size from the start of the text.
        let mut pen = 0;
        for run in runs {
            let Some(codes) = fonts.codes(run.face) else { continue };
            self.font(font, run.face, size);
            let mut x = run.x;
            for cluster in run.clusters.iter().filter(|cluster| !cluster.glyphs.is_empty()) {
                let is_read = is_read(cluster, run.is_rtl, codes);
                if !is_read {
                    self.close_glyphs();
                    self.begin_actual_text(&cluster.text);
                }
                let start = x;
                x += cluster.glyphs.iter().map(|glyph| glyph.advance).sum::<i32>();
                let mut place = |(glyph, at): (&Placed, i32)| {
                    let [right, up] = glyph.shift;
                    if up != 0 {
                        self.close_glyphs();
                        self.length(up as f32 * size / 1000.0);
                        self.operator("Ts");
                    }
                    self.glyph(codes.glyph(glyph.id).0, pen - at - right);
                    pen = at + right + fonts.advance(run.face, glyph.id);
                    if up != 0 {
                        self.close_glyphs();
                        self.operator("0 Ts");
                    }
                };
                let places = cluster.glyphs.iter().scan(start, |x, glyph| {
                    let at = *x;
                    *x += glyph.advance;
                    Some((glyph, at))
                });
                // The letter before its marks: its place is taken for that of the cluster.
                if run.is_rtl {
                    places.collect::<Vec<_>>().into_iter().rev().for_each(&mut place);
                } else {
                    places.for_each(&mut place);
                }
                if !is_read {
                    self.close_glyphs();
                    self.operator("EMC");
                }
            }
            self.close_glyphs();
        }
    }

    /// A glyph that stands `back` left of the pen, in thousandths of the font size.
    fn glyph(&mut self, code: u16, back: i32) {
        if !self.is_in_glyphs {
            self.bytes.extend(b"[(");
            self.is_in_glyphs = true;
        }
        if back != 0 {
            self.bytes.push(b')');
            self.number(back, 0);
            self.bytes.push(b'(');
        }
        self.code(code);
    }

    fn close_glyphs(&mut self) {
        if std::mem::take(&mut self.is_in_glyphs) {
            self.bytes.extend(b")]TJ\n");
        }
    }

    fn fill(&mut self, color: Color) {
        if self.color != color {
            self.color = color;
            color.0.into_iter().for_each(|channel| self.number((i32::from(channel) * 1000 + 127) / 255, 3));
            self.operator("rg");
        }
    }

    /// An area, relative to a place that is measured from the page's lower left corner.
    fn rectangle(&mut self, area: &Area, left: f32, top: f32) {
        let sides = [left + area.x, top - area.y - area.height, area.width, area.height];
        sides.into_iter().for_each(|number| self.length(number));
        self.operator("re");
    }

    fn operator(&mut self, operator: &str) {
        self.bytes.extend_from_slice(operator.as_bytes());
        self.bytes.push(b'\n');
    }

    fn length(&mut self, length: f32) {
        self.number(hundredths(length), 2);
    }

    /// A number with implied decimals, as short as it can be, and a space.
    fn number(&mut self, number: i32, decimals: u32) {
        let (one, mut rest) = (10_u32.pow(decimals), number.unsigned_abs());
        if number < 0 {
            self.bytes.push(b'-');
        }
        let whole = rest / one;
        rest %= one;
        if whole > 0 || rest == 0 {
            integer(&mut self.bytes, whole as usize);
        }
        if rest > 0 {
            self.bytes.push(b'.');
            let mut place = one / 10;
            while rest > 0 {
                self.bytes.push(b'0' + (rest / place) as u8);
                rest %= place;
                place /= 10;
            }
        }
        self.bytes.push(b' ');
    }
}

/// A length as precise as print needs it.
fn hundredths(length: f32) -> i32 {
    (length * 100.0).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_short_as_possible() {
        let cases =
            [(0, "0 "), (5, ".05 "), (50, ".5 "), (100, "1 "), (-1234, "-12.34 "), (84_189, "841.89 ")];
        for (number, expected) in cases {
            let structure = Structure::default();
            let mut stream = Stream {
                bytes: Vec::new(),
                color: Color::BLACK,
                is_in_glyphs: false,
                structure: &structure,
                pieces: Vec::new(),
            };
            stream.number(number, 2);
            assert_eq!(stream.bytes, expected.as_bytes(), "{number}");
        }
    }
}
