//! Marks as printpdf's operations.

use std::collections::BTreeMap;

use printpdf::{
    Color, DictItem, ExternalStream, ExternalXObject, FontId, LinePoint, Mm, Op, PaintMode, PdfFontHandle,
    PdfPage, Point, Polygon, PolygonRing, Pt, Px, Rgb, TextItem, TextMatrix, WindingOrder, XObject,
    XObjectId, XObjectTransform,
};

use crate::font::Weight;
use crate::image::Image;
use crate::layout::{self, Area, Mark, Page};

impl Weight {
    /// The font's name in the document.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Regular => "R",
            Self::Bold => "B",
        }
    }
}

/// A page: its text in one section, then what is drawn.
pub(super) fn page(page: &Page) -> PdfPage {
    let mut ops = Vec::with_capacity(page.marks.len() * 3);
    text(page, &mut ops);
    let mut fill = None;
    for mark in &page.marks {
        match mark {
            Mark::Text { .. } => {}
            Mark::Fill { area, color } => {
                set_fill(&mut fill, *color, &mut ops);
                ops.push(polygon([0.0, page.height], std::slice::from_ref(area)));
            }
            Mark::Bars { area, bars } => {
                set_fill(&mut fill, layout::Color::BLACK, &mut ops);
                ops.push(polygon([area.x, page.height - area.y], bars));
            }
            Mark::Image { area, image } => ops.push(Op::UseXobject {
                id: image_id(*image),
                transform: XObjectTransform {
                    translate_x: Some(Pt(area.x)),
                    translate_y: Some(Pt(page.height - area.y - area.height)),
                    scale_x: Some(area.width),
                    scale_y: Some(area.height),
                    no_auto_scale: true,
                    ..XObjectTransform::default()
                },
            }),
        }
    }
    PdfPage::new(Mm::from(Pt(page.width)), Mm::from(Pt(page.height)), ops)
}

fn text(page: &Page, ops: &mut Vec<Op>) {
    ops.push(Op::StartTextSection);
    let (mut font, mut fill) = (None, None);
    for mark in &page.marks {
        let Mark::Text { x, baseline, weight, size, color, text, .. } = mark else { continue };
        if font != Some((*weight, *size)) {
            font = Some((*weight, *size));
            let id = FontId(weight.id().to_owned());
            ops.push(Op::SetFont { font: PdfFontHandle::External(id), size: Pt(*size) });
        }
        set_fill(&mut fill, *color, ops);
        ops.push(Op::SetTextMatrix { matrix: TextMatrix::Translate(Pt(*x), Pt(page.height - baseline)) });
        ops.push(Op::ShowText { items: vec![TextItem::Text(text.clone())] });
    }
    ops.push(Op::EndTextSection);
}

fn set_fill(current: &mut Option<layout::Color>, color: layout::Color, ops: &mut Vec<Op>) {
    if *current != Some(color) {
        *current = Some(color);
        let [r, g, b] = color.0.map(|channel| f32::from(channel) / 255.0);
        ops.push(Op::SetFillColor { col: Color::Rgb(Rgb { r, g, b, icc_profile: None }) });
    }
}

/// Rectangles, filled at once, relative to a place counted from the page's lower left corner.
fn polygon([left, top]: [f32; 2], areas: &[Area]) -> Op {
    let point = |x: f32, y: f32| LinePoint { p: Point { x: Pt(left + x), y: Pt(top - y) }, bezier: false };
    let ring = |area: &Area| PolygonRing {
        points: vec![
            point(area.x, area.y),
            point(area.x + area.width, area.y),
            point(area.x + area.width, area.y + area.height),
            point(area.x, area.y + area.height),
        ],
    };
    let rings = areas.iter().map(ring).collect();
    Op::DrawPolygon {
        polygon: Polygon { rings, mode: PaintMode::Fill, winding_order: WindingOrder::NonZero },
    }
}

/// The name of a template's image in the document.
pub(super) fn image_id(image: usize) -> XObjectId {
    XObjectId(format!("I{image}"))
}

/// An image as the stream it is in the document.
pub(super) fn image(image: &Image) -> XObject {
    let name = |name: &str| DictItem::Name(name.as_bytes().to_vec());
    let dict = BTreeMap::from([
        ("Type".to_owned(), name("XObject")),
        ("Subtype".to_owned(), name("Image")),
        ("Width".to_owned(), DictItem::Int(i64::from(image.width))),
        ("Height".to_owned(), DictItem::Int(i64::from(image.height))),
        ("ColorSpace".to_owned(), name("DeviceRGB")),
        ("BitsPerComponent".to_owned(), DictItem::Int(8)),
        ("Filter".to_owned(), name("FlateDecode")),
    ]);
    let stream = ExternalStream { dict, content: image.deflated.clone(), compress: false };
    let (width, height) = (Some(Px(image.width as usize)), Some(Px(image.height as usize)));
    XObject::External(ExternalXObject { stream, width, height, dpi: None })
}
