//! A finished PDF read back: what is drawn on each page, in order.

use std::collections::BTreeMap;

use lopdf::content::Content;
use lopdf::{Document, Object, ObjectId};

/// One thing that is drawn. Places are in points from the page's lower left corner.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Color([f32; 3]),
    Text {
        x: f32,
        y: f32,
        bold: bool,
        size: f32,
        text: String,
    },
    /// Rectangles filled at once: left, bottom, width, height of each.
    Fill(Vec<[f32; 4]>),
}

/// The steps of each page.
pub(super) fn pages(pdf: &[u8]) -> Vec<Vec<Step>> {
    let document = Document::load_mem(pdf).expect("a PDF that can be read back");
    document.get_pages().into_values().map(|page| steps(&document, page)).collect()
}

fn steps(document: &Document, page: ObjectId) -> Vec<Step> {
    let content = Content::decode(&document.get_page_content(page)).expect("a content stream");
    let fonts = document.get_page_fonts(page).expect("fonts");
    let maps: BTreeMap<Vec<u8>, BTreeMap<u16, char>> = fonts
        .into_iter()
        .map(|(name, font)| {
            let map = font.get(b"ToUnicode").and_then(Object::as_reference).expect("a map to Unicode");
            let map = document.get_object(map).and_then(Object::as_stream).expect("a stream");
            (name, unicode(&String::from_utf8_lossy(&map.get_plain_content().expect("a map"))))
        })
        .collect();
    let (mut font, mut size, mut x, mut y) = (Vec::new(), 0.0, 0.0, 0.0);
    let mut rectangles = Vec::new();
    let mut steps = Vec::new();
    for operation in content.operations {
        let number = |i: usize| operation.operands[i].as_float().expect("a number");
        match operation.operator.as_str() {
            "Tf" => {
                font = operation.operands[0].as_name().expect("a name").to_vec();
                size = number(1);
            }
            "Td" => (x, y) = (x + number(0), y + number(1)),
            "rg" => steps.push(Step::Color([number(0), number(1), number(2)])),
            "Tj" => {
                let codes = operation.operands[0].as_str().expect("a string").chunks(2);
                let text = codes.map(|code| maps[&font][&u16::from_be_bytes([code[0], code[1]])]).collect();
                steps.push(Step::Text { x, y, bold: font == b"B", size, text });
            }
            "re" => rectangles.push([number(0), number(1), number(2), number(3)]),
            "f" => steps.push(Step::Fill(std::mem::take(&mut rectangles))),
            _ => {}
        }
    }
    steps
}

/// Code to character, from a map whose ranges list their characters: `<0001><0002>[<0041><0042>]`.
fn unicode(map: &str) -> BTreeMap<u16, char> {
    let mut characters = BTreeMap::new();
    for range in map.split("beginbfrange").skip(1) {
        let (range, _) = range.split_once("endbfrange").expect("the end of the range");
        let numbers: Vec<u32> = range
            .split(['<', '>', '[', ']'])
            .filter(|number| !number.trim().is_empty())
            .map(|number| u32::from_str_radix(number, 16).expect("a number in hexadecimal"))
            .collect();
        for (code, character) in (numbers[0]..=numbers[1]).zip(&numbers[2..]) {
            characters.insert(code as u16, char::from_u32(*character).expect("a character"));
        }
    }
    characters
}
