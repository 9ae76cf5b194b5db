//! Marks as a page's content stream.
//!
//! Written directly: printpdf turns operations into content with an allocation for each operand,
//! which took half of a document's time.

use crate::font::{Codes, Weight};
use crate::layout::{Area, Color, Mark, Page};

/// The content of a page, and of which faces it uses which codes.
pub(super) fn content(page: &Page, codes: [Option<&Codes>; 2]) -> Vec<u8> {
    let mut stream = Stream { bytes: Vec::with_capacity(page.marks.len() * 48), color: Color::BLACK };
    stream.texts(page, codes);
    for mark in &page.marks {
        match mark {
            Mark::Text { .. } => {}
            Mark::Fill { area, color } => {
                stream.fill(*color);
                stream.rectangle(area, 0.0, page.height);
                stream.operator("f");
            }
            Mark::Bars { area, bars } => {
                stream.fill(Color::BLACK);
                bars.iter().for_each(|bar| stream.rectangle(bar, area.x, page.height - area.y));
                stream.operator("f");
            }
            Mark::Image { area, image } => {
                stream.operator("q");
                let place = [area.width, 0.0, 0.0, area.height, area.x, page.height - area.y - area.height];
                place.into_iter().for_each(|number| stream.length(number));
                stream.operator("cm");
                stream.bytes.extend_from_slice(format!("/I{image} Do\nQ\n").as_bytes());
            }
        }
    }
    stream.bytes
}

/// The name of a face in the document.
pub(super) fn font_name(weight: Weight) -> &'static str {
    match weight {
        Weight::Regular => "R",
        Weight::Bold => "B",
    }
}

struct Stream {
    bytes: Vec<u8>,
    color: Color,
}

impl Stream {
    /// All texts in one section, in the order they are read.
    fn texts(&mut self, page: &Page, codes: [Option<&Codes>; 2]) {
        self.operator("BT");
        let mut font = None;
        let mut cursor = [0, 0];
        for mark in &page.marks {
            let Mark::Text { x, baseline, weight, size, color, text, .. } = mark else { continue };
            let Some(codes) = codes[*weight as usize] else { continue };
            if font != Some((*weight, *size)) {
                font = Some((*weight, *size));
                self.bytes.push(b'/');
                self.bytes.extend_from_slice(font_name(*weight).as_bytes());
                self.bytes.push(b' ');
                self.length(*size);
                self.operator("Tf");
            }
            self.fill(*color);
            // From the text before, not from the corner: fewer digits.
            let place = [hundredths(*x), hundredths(page.height - baseline)];
            self.number(place[0] - cursor[0], 2);
            self.number(place[1] - cursor[1], 2);
            self.operator("Td");
            cursor = place;
            self.show(text, codes);
        }
        self.operator("ET");
    }

    fn show(&mut self, text: &str, codes: &Codes) {
        self.bytes.push(b'(');
        for c in text.chars() {
            for byte in codes.code(c).to_be_bytes() {
                match byte {
                    b'(' | b')' | b'\\' => self.bytes.extend([b'\\', byte]),
                    // A bare carriage return would be read as a line feed.
                    b'\r' => self.bytes.extend(b"\\r"),
                    byte => self.bytes.push(byte),
                }
            }
        }
        self.bytes.extend(b")Tj\n");
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
            self.integer(whole);
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

    fn integer(&mut self, number: u32) {
        let mut digits = [0; 10];
        let mut start = digits.len();
        let mut rest = number;
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        self.bytes.extend_from_slice(&digits[start..]);
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
            let mut stream = Stream { bytes: Vec::new(), color: Color::BLACK };
            stream.number(number, 2);
            assert_eq!(stream.bytes, expected.as_bytes(), "{number}");
        }
    }
}
