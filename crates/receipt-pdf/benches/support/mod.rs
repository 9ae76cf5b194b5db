//! Receipts to render, and a finished page drawn again with krilla.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use events::ReceiptSettled;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use lopdf::content::Content;
use lopdf::{Document, Object};
use serde_json::{Value, json};

const NAMES: [&str; 12] = [
    "Turski «Fonna» 180 cm",
    "Blå klister, 60 ml",
    "Havrebar økologisk",
    "Regnjakke dame, grønn, str. M",
    "Ullsokker 2-pk (38–40)",
    "Kjøkkenvekt 5 kg",
    "Hodelykt XQ-400 lumen",
    "Sykkelhjelm junior «Zip»",
    "Vannflaske 0,75 l",
    "Chaga-te, 20 poser",
    "Júlíus & Þór: jubileumsbok",
    "Café Brûlée-kopp, 2 stk.",
];

/// Receipts of some lines, made from the first sample; each has words and amounts of its own.
pub fn receipts(count: usize, lines: usize) -> Vec<ReceiptSettled> {
    let sample: Value = serde_json::from_str(include_str!("../../../../tests/samples/receipt-standard.json"))
        .expect("the sample is JSON");
    (0..count)
        .map(|n| {
            let mut event = sample.clone();
            let receipt = &mut event["orderReceipt"];
            receipt["voucherNumber"] = json!(format!("{}", 1001 + n * 37));
            // Another letter of a wide alphabet on each receipt: no two use the same characters.
            let letter = char::from_u32(0x100 + n as u32).unwrap_or('Ā');
            receipt["items"] = (0..lines)
                .map(|i| {
                    let price = 1_990 + (i as i64 * 7_310 + n as i64 * 530) % 250_000;
                    let name = NAMES[(i * 5 + n) % NAMES.len()];
                    let name = if i == 0 && count > 1 { format!("{name} {letter}") } else { name.to_owned() };
                    json!({
                        "uid": format!("i{i}"), "sku": format!("SKU-{:04}", i * 13 + n), "name": name,
                        "quantity": 100, "unitPrice": price, "discountAmount": 0, "total": price,
                        "vatRate": 2500, "vatAmount": price / 5,
                    })
                })
                .collect();
            serde_json::from_value(event).expect("the sample's shape")
        })
        .collect()
}

/// Pages as a list of what is drawn.
pub struct Drawn(Vec<Vec<Step>>);

enum Step {
    Color(rgb::Color),
    Text { at: Point, bold: bool, size: f32, text: String, glyphs: Vec<KrillaGlyph> },
    Path(Path),
}

static FONTS: LazyLock<[Font; 2]> = LazyLock::new(|| {
    [&include_bytes!("../../fonts/NotoSans-Regular.ttf")[..], include_bytes!("../../fonts/NotoSans-Bold.ttf")]
        .map(|bytes| Font::new(bytes.to_vec().into(), 0).expect("a font"))
});

impl Drawn {
    /// Reads a PDF of this crate back.
    pub fn read(pdf: &[u8]) -> Self {
        let document = Document::load_mem(pdf).expect("a PDF");
        Self(document.get_pages().into_values().map(|page| steps(&document, page)).collect())
    }

    /// The same pages, by krilla.
    pub fn with_krilla(&self) -> Vec<u8> {
        let mut document = krilla::Document::new();
        for steps in &self.0 {
            let mut page = document.start_page_with(PageSettings::from_wh(595.28, 841.89).expect("a size"));
            let mut surface = page.surface();
            for step in steps {
                match step {
                    Step::Color(color) => {
                        surface.set_fill(Some(Fill { paint: (*color).into(), ..Fill::default() }));
                    }
                    Step::Text { at, bold, size, text, glyphs } => {
                        surface.draw_glyphs(
                            *at,
                            glyphs,
                            FONTS[usize::from(*bold)].clone(),
                            text,
                            *size,
                            false,
                        );
                    }
                    Step::Path(path) => surface.draw_path(path),
                }
            }
            surface.finish();
            page.finish();
        }
        document.finish().expect("krilla's PDF")
    }
}

fn steps(document: &Document, page: lopdf::ObjectId) -> Vec<Step> {
    let content = Content::decode(&document.get_page_content(page)).expect("a content stream");
    let fonts = document.get_page_fonts(page).expect("fonts");
    let to_unicode = |name: &[u8]| {
        let map = fonts[name].get(b"ToUnicode").and_then(Object::as_reference).expect("a map");
        let map = document.get_object(map).and_then(Object::as_stream).expect("a stream");
        unicode(&String::from_utf8_lossy(&map.get_plain_content().expect("a map")))
    };
    let maps = [to_unicode(b"R"), to_unicode(b"B")];
    let (mut bold, mut size, mut x, mut y) = (false, 0.0, 0.0, 0.0);
    let mut corners: Vec<(f32, f32)> = Vec::new();
    let mut steps = Vec::new();
    for operation in content.operations {
        let number = |i: usize| operation.operands[i].as_float().expect("a number");
        match operation.operator.as_str() {
            "Tf" => {
                bold = operation.operands[0].as_name().expect("a name") == b"B";
                size = number(1);
            }
            "BT" => (x, y) = (0.0, 0.0),
            "Td" => (x, y) = (x + number(0), y + number(1)),
            "rg" => {
                let [r, g, b] = [0, 1, 2].map(|i| (number(i) * 255.0).round() as u8);
                steps.push(Step::Color(rgb::Color::new(r, g, b)));
            }
            "Tj" => {
                let codes = operation.operands[0].as_str().expect("a string").chunks(2);
                let map = &maps[usize::from(bold)];
                let text: String = codes.map(|code| map[&u16::from_be_bytes([code[0], code[1]])]).collect();
                let glyphs = glyphs(&text, bold);
                steps.push(Step::Text { at: Point::from_xy(x, 841.89 - y), bold, size, text, glyphs });
            }
            "m" | "l" => corners.push((number(0), 841.89 - number(1))),
            "h" => {
                let mut path = PathBuilder::new();
                for corners in corners.chunks(4) {
                    let (left, top, right, bottom) = (corners[0].0, corners[0].1, corners[2].0, corners[2].1);
                    path.push_rect(Rect::from_ltrb(left, top, right, bottom).expect("a rectangle"));
                }
                steps.push(Step::Path(path.finish().expect("a path")));
                corners.clear();
            }
            _ => {}
        }
    }
    steps
}

/// Code to character, from a ToUnicode map whose entries are `<code> <character>`.
fn unicode(map: &str) -> BTreeMap<u16, char> {
    let pairs = map.lines().filter_map(|line| {
        let (code, character) = line.trim().strip_prefix('<')?.strip_suffix('>')?.split_once("> <")?;
        let code = u16::from_str_radix(code, 16).ok()?;
        Some((code, char::from_u32(u32::from_str_radix(character, 16).ok()?)?))
    });
    pairs.collect()
}

fn glyphs(text: &str, bold: bool) -> Vec<KrillaGlyph> {
    static FACES: LazyLock<[ttf_parser::Face<'static>; 2]> = LazyLock::new(|| {
        [
            &include_bytes!("../../fonts/NotoSans-Regular.ttf")[..],
            include_bytes!("../../fonts/NotoSans-Bold.ttf"),
        ]
        .map(|bytes| ttf_parser::Face::parse(bytes, 0).expect("a font"))
    });
    let face = &FACES[usize::from(bold)];
    text.char_indices()
        .map(|(at, c)| {
            let id = face.glyph_index(c).expect("a glyph");
            let advance = f32::from(face.glyph_hor_advance(id).expect("an advance")) / 1000.0;
            KrillaGlyph::new(
                GlyphId::new(u32::from(id.0)),
                advance,
                0.0,
                0.0,
                0.0,
                at..at + c.len_utf8(),
                None,
            )
        })
        .collect()
}
