//! Receipts to render, and a finished page drawn again with krilla.

#[path = "../../tests/support/read.rs"]
mod read;
mod structure;

use std::num::NonZeroU16;
use std::sync::LazyLock;

use events::ReceiptSettled;
use krilla::SerializeSettings;
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::embed::{AssociationKind, EmbeddedFile, MimeType};
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::tagging::{
    Artifact, ArtifactType, BBox, ContentTag, Identifier, Node, Placement, TableHeaderScope, Tag, TagGroup,
    TagKind, TagTree,
};
use krilla::text::{Font, GlyphId, KrillaGlyph};
use lopdf::{Document, Object};
use read::Step;
use serde_json::{Value, json};
use structure::{Element, Part};

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
            // Two more letters of a wide alphabet on each: no two receipts use the same characters.
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

/// An invoice for machines, as it is embedded in documents.
pub(crate) fn e_invoice() -> String {
    let mut sample: Value = serde_json::from_str(include_str!("../../../../tests/samples/receipt-b2b.json"))
        .expect("the sample is JSON");
    sample["orderReceipt"]["dueDate"] = json!("2026-12-02");
    let receipt: ReceiptSettled = serde_json::from_value(sample).expect("the sample's shape");
    en16931::Invoice::of(&receipt, None).expect("the sample has all that an invoice needs").to_cii()
}

/// Documents as krilla is to draw them.
pub(crate) struct Drawn {
    pages: Vec<Vec<Stroke>>,
    structure: Vec<Part>,
    title: String,
    author: String,
    language: String,
}

enum Stroke {
    Color(rgb::Color),
    Text { at: Point, bold: bool, size: f32, text: String, glyphs: Vec<KrillaGlyph> },
    Path(Path),
    Begin(Option<usize>),
    End,
}

const FONTS: [&[u8]; 2] =
    [include_bytes!("../../fonts/NotoSans-Regular.ttf"), include_bytes!("../../fonts/NotoSans-Bold.ttf")];

static KRILLA_FONTS: LazyLock<[Font; 2]> =
    LazyLock::new(|| FONTS.map(|bytes| Font::new(bytes.to_vec().into(), 0).expect("a font")));

const HEIGHT: f32 = 841.89;

impl Drawn {
    /// Reads a PDF of this crate back.
    pub(crate) fn read(pdf: &[u8]) -> Self {
        let pages =
            read::pages(pdf).into_iter().map(|steps| steps.into_iter().map(stroke).collect()).collect();
        let document = Document::load_mem(pdf).expect("a PDF that can be read back");
        let info = document.trailer.get(b"Info").and_then(Object::as_reference).expect("information");
        let info = document.get_dictionary(info).expect("information");
        let catalog = document.catalog().expect("a catalog");
        let text = |text: &Object| lopdf::decode_text_string(text).expect("a text");
        Self {
            pages,
            structure: structure::parts(&document),
            title: text(info.get(b"Title").expect("a title")),
            author: text(info.get(b"Author").expect("an author")),
            language: text(catalog.get(b"Lang").expect("a language")),
        }
    }

    /// The same pages, and nothing else, by krilla.
    pub(crate) fn plain(&self) -> Vec<u8> {
        let mut document = krilla::Document::new();
        self.draw(&mut document, false);
        document.finish().expect("krilla's PDF")
    }

    /// The same document, by krilla: PDF/A-3u and PDF/UA-1, with the same structure and embedded file.
    pub(crate) fn standard(&self, e_invoice: Option<&str>) -> Vec<u8> {
        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A3_U)
            .with_accessibility_validator(Accessibility::UA1)
            .finish()
            .expect("standards that go together");
        let mut document =
            krilla::Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
        let contents = self.draw(&mut document, true);
        let mut tree = TagTree::new();
        self.structure.iter().for_each(|part| tree.push(node(part, &contents)));
        document.set_tag_tree(tree);
        // krilla asks for one.
        let mut outline = Outline::new();
        let start = XyzDestination::new(0, Point::from_xy(0.0, 0.0));
        outline.push_child(OutlineNode::new(self.title.clone(), start));
        document.set_outline(outline);
        let created = DateTime::new(2026).month(11).day(2).hour(9).minute(15).second(0);
        let metadata = Metadata::new()
            .title(self.title.clone())
            .authors(vec![self.author.clone()])
            .language(self.language.clone())
            .creator("Bilag".to_owned())
            .producer("krilla".to_owned())
            .creation_date(created);
        document.set_metadata(metadata);
        if let Some(xml) = e_invoice {
            let file = EmbeddedFile {
                path: "factur-x.xml".to_owned(),
                mime_type: MimeType::new("text/xml"),
                description: Some("Invoice by EN 16931".to_owned()),
                association_kind: AssociationKind::Alternative,
                data: xml.as_bytes().to_vec().into(),
                modification_date: Some(created),
                compress: Some(true),
                location: None,
            };
            document.embed_file(file).expect("one file");
        }
        document.finish().expect("krilla's PDF")
    }

    /// Draws the pages; returns what each section of each page is known by.
    fn draw(&self, document: &mut krilla::Document, is_tagged: bool) -> Vec<Vec<Identifier>> {
        let mut contents = Vec::new();
        for strokes in &self.pages {
            let mut page = document.start_page_with(PageSettings::from_wh(595.28, HEIGHT).expect("a size"));
            let mut surface = page.surface();
            let mut of_page = Vec::new();
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
                    Stroke::Begin(Some(number)) if is_tagged => {
                        assert_eq!(*number, of_page.len());
                        of_page.push(surface.start_tagged(ContentTag::Other));
                    }
                    Stroke::Begin(None) if is_tagged => {
                        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Other)));
                    }
                    Stroke::End if is_tagged => surface.end_tagged(),
                    Stroke::Begin(_) | Stroke::End => {}
                }
            }
            surface.finish();
            page.finish();
            contents.push(of_page);
        }
        contents
    }
}

/// A part of the structure, as krilla has it.
fn node(part: &Part, contents: &[Vec<Identifier>]) -> Node {
    match part {
        Part::Content(page, number) => contents[*page][*number].into(),
        Part::Element(element) => {
            let parts = element.parts.iter().map(|part| node(part, contents)).collect();
            TagGroup::with_children(tag(element), parts).into()
        }
    }
}

fn tag(element: &Element) -> TagKind {
    let heading = |level| {
        let level = NonZeroU16::new(level).expect("a level");
        TagKind::from(Tag::Hn(level, Some("Heading".to_owned())))
    };
    match element.role.as_str() {
        "H1" => heading(1),
        "H2" => heading(2),
        "P" => Tag::P.into(),
        "Table" => Tag::Table.into(),
        "TR" => Tag::TR.into(),
        "TH" if element.is_of_row => Tag::TH(TableHeaderScope::Row).into(),
        "TH" => Tag::TH(TableHeaderScope::Column).into(),
        "TD" => Tag::TD.into(),
        "Figure" => {
            let area = Rect::from_xywh(50.0, 50.0, 100.0, 50.0).expect("a rectangle");
            Tag::Figure(element.alt.clone())
                .with_placement(Some(Placement::Block))
                .with_bbox(Some(BBox::new(0, area)))
                .into()
        }
        other => panic!("no such role: {other}"),
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
        Step::Begin(number) => Stroke::Begin(number),
        Step::End => Stroke::End,
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
