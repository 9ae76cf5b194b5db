//! Receipts to render, and a finished page drawn again with krilla.

#[path = "../../tests/support/read.rs"]
mod read;

use std::sync::LazyLock;

use events::ReceiptSettled;
use krilla::color::rgb;
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::text::{Font, GlyphId, KrillaGlyph};
use read::Step;
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
pub(crate) fn receipts(count: usize, lines: usize) -> Vec<ReceiptSettled> {
    let sample: Value = serde_json::from_str(include_str!("../../../../tests/samples/receipt-standard.json"))
        .expect("the sample is JSON");
    (0..count)
        .map(|n| {
            let mut event = sample.clone();
            let receipt = &mut event["orderReceipt"];
            receipt["voucherNumber"] = json!(format!("{}", 1001 + n * 37));
            // Two more dead letters of a wide alphabet on each: no two receipts use the same characters.
            let letters: String =
                [n % 64, 64 + n / 64].into_iter().filter_map(|i| char::from_u32(0x400 + i as u32)).collect();
            receipt["items"] = (0..lines)
                .map(|i| {
                    let price = 1_990 + (i as i64 * 7_310 + n as i64 * 530) % 250_000;
                    let name = NAMES[(i * 5 + n) % NAMES.len()];
                    let name =
                        if i == 0 && count > 1 { format!("{name} {letters}") } else { name.to_owned() };
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

/// Pages as krilla is to draw them.
pub(crate) struct Drawn(Vec<Vec<Stroke>>);

enum Stroke {
    Color(rgb::Color),
    Text { at: Point, bold: bool, size: f32, text: String, glyphs: Vec<KrillaGlyph> },
    Path(Path),
}

const FONTS: [&[u8]; 2] =
    [include_bytes!("../../fonts/NotoSans-Regular.ttf"), include_bytes!("../../fonts/NotoSans-Bold.ttf")];

static KRILLA_FONTS: LazyLock<[Font; 2]> =
    LazyLock::new(|| FONTS.map(|bytes| Font::new(bytes.to_vec().into(), 0).expect("a font")));

const HEIGHT: f32 = 841.89;

impl Drawn {
    /// Reads a PDF of this crate back.
    pub(crate) fn read(pdf: &[u8]) -> Self {
        Self(read::pages(pdf).into_iter().map(|steps| steps.into_iter().map(stroke).collect()).collect())
    }

    /// The same pages, by krilla.
    pub(crate) fn with_krilla(&self) -> Vec<u8> {
        let mut document = krilla::Document::new();
        for strokes in &self.0 {
            let mut page = document.start_page_with(PageSettings::from_wh(595.28, HEIGHT).expect("a size"));
            let mut surface = page.surface();
            for stroke in strokes {
                match stroke {
                    Stroke::Color(color) => {
                        surface.set_fill(Some(Fill { paint: (*color).into(), ..Fill::default() }));
                    }
                    Stroke::Text { at, bold, size, text, glyphs } => {
                        let font = KRILLA_FONTS[usize::from(*bold)].clone();
                        surface.draw_glyphs(*at, glyphs, font, text, *size, false);
                    }
                    Stroke::Path(path) => surface.draw_path(path),
                }
            }
            surface.finish();
            page.finish();
        }
        document.finish().expect("krilla's PDF")
    }
}

fn stroke(step: Step) -> Stroke {
    match step {
        Step::Color(color) => {
            let [r, g, b] = color.map(|channel| (channel * 255.0).round() as u8);
            Stroke::Color(rgb::Color::new(r, g, b))
        }
        Step::Text { x, y, bold, size, text } => {
            let glyphs = glyphs(&text, bold);
            Stroke::Text { at: Point::from_xy(x, HEIGHT - y), bold, size, text, glyphs }
        }
        Step::Fill(rectangles) => {
            let mut path = PathBuilder::new();
            for [left, bottom, width, height] in rectangles {
                path.push_rect(
                    Rect::from_xywh(left, HEIGHT - bottom - height, width, height).expect("a rectangle"),
                );
            }
            Stroke::Path(path.finish().expect("a path"))
        }
    }
}

fn glyphs(text: &str, bold: bool) -> Vec<KrillaGlyph> {
    static FACES: LazyLock<[ttf_parser::Face<'static>; 2]> =
        LazyLock::new(|| FONTS.map(|bytes| ttf_parser::Face::parse(bytes, 0).expect("a font")));
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
