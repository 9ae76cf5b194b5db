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
    /// Content of an element of the structure begins, by its number on the page, or an artifact.
    Begin(Option<usize>),
    End,
}

/// The steps of each page.
pub(super) fn pages(pdf: &[u8]) -> Vec<Vec<Step>> {
    let document = Document::load_mem(pdf).expect("a PDF that can be read back");
    document.get_pages().into_values().map(|page| steps(&document, page)).collect()
}

fn steps(document: &Document, page: ObjectId) -> Vec<Step> {
    let content = Content::decode(&document.get_page_content(page)).expect("a content stream");
    let fonts = document.get_page_fonts(page).expect("fonts");
    let maps: BTreeMap<Vec<u8>, BTreeMap<u16, String>> = fonts
        .into_iter()
        .map(|(name, font)| {
            let map = font.get(b"ToUnicode").and_then(Object::as_reference).expect("a map to Unicode");
            let map = document.get_object(map).and_then(Object::as_stream).expect("a stream");
            (name, unicode(&String::from_utf8_lossy(&map.get_plain_content().expect("a map"))))
        })
        .collect();
    let (mut font, mut size, mut x, mut y) = (Vec::new(), 0.0, 0.0, 0.0);
    // Of shaped text: what it is said to be in place of what its glyphs are, and that it goes on.
    let (mut actual, mut goes_on) = (None, false);
    // Of each open section, whether it is a step.
    let mut sections = Vec::new();
    let mut rectangles = Vec::new();
    let mut steps = Vec::new();
    for operation in content.operations {
        let number = |i: usize| operation.operands[i].as_float().expect("a number");
        match operation.operator.as_str() {
            "Tf" => {
                font = operation.operands[0].as_name().expect("a name").to_vec();
                size = number(1);
            }
            "Td" => (x, y, goes_on) = (x + number(0), y + number(1), false),
            "rg" => steps.push(Step::Color([number(0), number(1), number(2)])),
            "BMC" => {
                sections.push(true);
                steps.push(Step::Begin(None));
            }
            "BDC" => {
                let properties = operation.operands[1].as_dict().expect("properties");
                let number = properties.get(b"MCID").and_then(Object::as_i64).ok();
                let text = properties.get(b"ActualText").ok();
                actual = text.map(|text| lopdf::decode_text_string(text).expect("a text"));
                sections.push(number.is_some());
                steps.extend(number.map(|number| Step::Begin(Some(number as usize))));
            }
            "EMC" => {
                actual = None;
                steps.extend(sections.pop().filter(|is_step| *is_step).map(|_| Step::End));
            }
            "Tj" | "TJ" => {
                let shown = match &operation.operands[0] {
                    Object::Array(shown) => shown.iter().filter_map(|shown| shown.as_str().ok()).collect(),
                    shown => vec![shown.as_str().expect("a string")],
                };
                let codes = shown.into_iter().flat_map(|codes| codes.chunks(2));
                let read = codes.map(|code| maps[&font][&u16::from_be_bytes([code[0], code[1]])].as_str());
                let more = actual.as_mut().map_or_else(|| read.collect(), std::mem::take);
                match steps.last_mut() {
                    Some(Step::Text { text, .. }) if goes_on => *text += &more,
                    _ => steps.push(Step::Text { x, y, bold: font == b"B", size, text: more }),
                }
                goes_on = true;
            }
            "re" => rectangles.push([number(0), number(1), number(2), number(3)]),
            "f" => steps.push(Step::Fill(std::mem::take(&mut rectangles))),
            _ => {}
        }
    }
    steps
}

/// Code to text, from a map whose ranges list their texts: `<0001><0002>[<0041><00660069>]`.
fn unicode(map: &str) -> BTreeMap<u16, String> {
    let mut texts = BTreeMap::new();
    for range in map.split("beginbfrange").skip(1) {
        let (range, _) = range.split_once("endbfrange").expect("the end of the range");
        let mut parts =
            range.split(['<', '>', '[', ']']).filter(|part| !part.trim().is_empty()).map(|part| {
                let units =
                    part.as_bytes().chunks(4).map(|unit| std::str::from_utf8(unit).expect("a number"));
                units.map(|unit| u16::from_str_radix(unit, 16).expect("a number")).collect::<Vec<u16>>()
            });
        let mut code = || parts.next().expect("a code")[0];
        let (first, last) = (code(), code());
        for (code, text) in (first..=last).zip(parts) {
            texts.insert(code, String::from_utf16(&text).expect("a text"));
        }
    }
    texts
}
