//! Pages to the bytes of a PDF, by printpdf.
//!
//! printpdf makes the document: fonts with their maps to Unicode, pages, images, information. Its
//! objects are then finished here: it sets no language, draws its identifiers at random, and both
//! its content streams and its deflating cost more than all the rest.

mod content;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use flate2::{Compress, Compression, FlushCompress, Status};
use lopdf::{Object, ObjectId, Stream, StringFormat};
use printpdf::date::{Date, Offset, Time};
use printpdf::{
    DictItem, ExternalStream, ExternalXObject, FontId, Mm, Op, PdfDocument, PdfFont, PdfFontHandle, PdfPage,
    PdfSaveOptions, Pt, Px, TextItem, XObject, XObjectId,
};

use crate::font::{Characters, Subset, Weight, subset};
use crate::image::Image;
use crate::language::Language;
use crate::layout::{Mark, Page};
use crate::render::RenderError;
use content::{content, font_name};

/// What the file says of itself.
pub(crate) struct About<'a> {
    pub(crate) title: &'a str,
    pub(crate) author: Option<&'a str>,
    pub(crate) language: Language,
    pub(crate) created: DateTime<FixedOffset>,
    pub(crate) uid: &'a str,
}

/// Streams shorter than this are not worth deflating.
const SMALL: usize = 200;

/// Writes the pages.
pub(crate) fn write(pages: &[Page], images: &[Image], about: &About<'_>) -> Result<Vec<u8>, RenderError> {
    let [regular, bold] = characters(pages);
    let cut = |weight, characters: Characters| {
        (!characters.is_empty()).then(|| subset(weight, characters).map_err(RenderError::Font)).transpose()
    };
    let fonts = [cut(Weight::Regular, regular)?, cut(Weight::Bold, bold)?];

    let mut document = PdfDocument::new(about.title);
    describe(&mut document, about);
    for (weight, font) in [Weight::Regular, Weight::Bold].into_iter().zip(&fonts) {
        if let Some(font) = font {
            document
                .resources
                .fonts
                .map
                .insert(FontId(font_name(weight).to_owned()), PdfFont::new(font.font.clone()));
        }
    }
    for (i, image) in images.iter().enumerate() {
        document.resources.xobjects.map.insert(XObjectId(format!("I{i}")), xobject(image));
    }
    let mut ops = uses(&fonts);
    document.pages = pages
        .iter()
        .map(|page| {
            PdfPage::new(Mm::from(Pt(page.width)), Mm::from(Pt(page.height)), std::mem::take(&mut ops))
        })
        .collect();

    let options =
        PdfSaveOptions { optimize: false, subset_fonts: false, secure: true, image_optimization: None };
    let mut file = document.to_lopdf_document(&options, &mut Vec::new());
    finish(&mut file, about);
    set_contents(&mut file, pages, &fonts);
    set_fonts(&mut file, &fonts);
    for object in file.objects.values_mut() {
        if let Object::Stream(stream) = object
            && stream.content.len() >= SMALL
            && !stream.dict.has(b"Filter")
        {
            let deflated = deflate(&stream.content);
            set_deflated(stream, deflated);
        }
    }
    let mut bytes = Vec::with_capacity(16 * 1024);
    file.save_to(&mut bytes).map_err(RenderError::Write)?;
    Ok(bytes)
}

fn characters(pages: &[Page]) -> [Characters; 2] {
    let mut characters = <[Characters; 2]>::default();
    for mark in pages.iter().flat_map(|page| &page.marks) {
        if let Mark::Text { weight, text, .. } = mark {
            text.chars().for_each(|c| characters[*weight as usize].insert(c));
        }
    }
    characters
}

/// Operations that show every character once: printpdf embeds what its operations use. The page's
/// content takes their place.
fn uses(fonts: &[Option<Arc<Subset>>; 2]) -> Vec<Op> {
    let mut ops = Vec::new();
    for (weight, font) in [Weight::Regular, Weight::Bold].into_iter().zip(fonts) {
        let Some(font) = font else { continue };
        let characters =
            font.font.codepoint_to_glyph.keys().filter_map(|code| char::from_u32(*code)).collect();
        let handle = PdfFontHandle::External(FontId(font_name(weight).to_owned()));
        ops.push(Op::SetFont { font: handle, size: Pt(1.0) });
        ops.push(Op::ShowText { items: vec![TextItem::Text(characters)] });
    }
    ops
}

/// Puts the pages' content in, and takes out what printpdf writes though it says nothing.
fn set_contents(file: &mut lopdf::Document, pages: &[Page], fonts: &[Option<Arc<Subset>>; 2]) {
    let codes = [0, 1].map(|i| fonts[i].as_deref().map(|font| &font.codes));
    let ids: BTreeMap<u32, ObjectId> = file.get_pages();
    for (id, page) in ids.into_values().zip(pages) {
        if let Ok(dictionary) = file.get_dictionary_mut(id) {
            for unused in ["Annots", "CropBox", "TrimBox"] {
                dictionary.remove(unused.as_bytes());
            }
        }
        let contents =
            file.get_dictionary(id).and_then(|page| page.get(b"Contents")).and_then(Object::as_reference);
        if let Ok(Object::Stream(stream)) = contents.and_then(|contents| file.get_object_mut(contents)) {
            stream.set_content(content(page, codes));
        }
    }
}

/// Puts the fonts' streams in, deflated when the faces were cut.
fn set_fonts(file: &mut lopdf::Document, fonts: &[Option<Arc<Subset>>; 2]) {
    for font in fonts.iter().flatten() {
        let name = font.font.font_name.as_deref().unwrap_or_default().as_bytes();
        let referenced = |named: &[u8], key: &[u8]| {
            file.objects.values().find_map(|object| {
                let dictionary = object.as_dict().ok()?;
                let is_named = dictionary.get(named).and_then(Object::as_name).is_ok_and(|own| own == name);
                dictionary.get(key).and_then(Object::as_reference).ok().filter(|_| is_named)
            })
        };
        let program = referenced(b"FontName", b"FontFile2");
        let to_unicode = referenced(b"BaseFont", b"ToUnicode");
        if let Some(Ok(Object::Stream(stream))) = program.map(|id| file.get_object_mut(id)) {
            stream.dict.set("Length1", font.program_length as i64);
            set_deflated(stream, font.program.clone());
        }
        if let Some(Ok(Object::Stream(stream))) = to_unicode.map(|id| file.get_object_mut(id)) {
            set_deflated(stream, font.to_unicode.clone());
        }
    }
}

fn set_deflated(stream: &mut Stream, deflated: Vec<u8>) {
    stream.dict.set("Filter", Object::Name(b"FlateDecode".to_vec()));
    stream.set_content(deflated);
}

fn describe(document: &mut PdfDocument, about: &About<'_>) {
    let info = &mut document.metadata.info;
    info.author = about.author.unwrap_or_default().to_owned();
    info.creator = "Bilag".to_owned();
    info.producer = "printpdf".to_owned();
    let created = &about.created;
    let offset = created.offset().local_minus_utc() / 60;
    info.creation_date = printpdf::OffsetDateTime::new_in_offset(
        Date { year: created.year(), month: created.month() as u8, day: created.day() as u8 },
        Time {
            hour: created.hour() as u8,
            minute: created.minute() as u8,
            second: created.second() as u8,
            millisecond: 0,
        },
        Offset { hours: (offset / 60) as i8, minutes: (offset % 60) as i8, seconds: 0, milliseconds: 0 },
    );
    info.modification_date = info.creation_date;
    info.metadata_date = info.creation_date;
}

/// The language, identifiers that are the same each time, and no claim to be PDF/X.
fn finish(file: &mut lopdf::Document, about: &About<'_>) {
    file.version = "1.7".to_owned();
    let info = file.trailer.get(b"Info").and_then(Object::as_reference);
    if let Ok(info) = info.and_then(|info| file.get_dictionary_mut(info)) {
        for unused in ["GTS_PDFXVersion", "Identifier", "Keywords", "Subject", "Trapped"] {
            info.remove(unused.as_bytes());
        }
    }
    let tag = Object::String(about.language.code().into(), StringFormat::Literal);
    if let Ok(catalog) = file.catalog_mut() {
        catalog.set("Lang", tag);
        catalog.remove(b"PageLayout");
        catalog.remove(b"PageMode");
    }
    let id = Object::String(about.uid.as_bytes().to_vec(), StringFormat::Hexadecimal);
    file.trailer.set("ID", Object::Array(vec![id.clone(), id]));
    drop_empty_resources(file);
}

/// printpdf gives every page dictionaries of all kinds of resources, mostly empty.
fn drop_empty_resources(file: &mut lopdf::Document) {
    let is_empty =
        |object: &Object| matches!(object, Object::Dictionary(dictionary) if dictionary.is_empty());
    let empty: Vec<ObjectId> =
        file.objects.iter().filter(|(_, object)| is_empty(object)).map(|(id, _)| *id).collect();
    for object in file.objects.values_mut() {
        let Object::Dictionary(dictionary) = object else { continue };
        for kind in ["XObject", "ExtGState", "Shading"] {
            if dictionary
                .get(kind.as_bytes())
                .and_then(Object::as_reference)
                .is_ok_and(|id| empty.contains(&id))
            {
                dictionary.remove(kind.as_bytes());
            }
        }
    }
    empty.iter().for_each(|id| drop(file.objects.remove(id)));
}

/// An image as the stream it is in the document.
fn xobject(image: &Image) -> XObject {
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

/// The bytes in zlib's format (`FlateDecode`). The state is made once a thread: making it costs as much as using it.
pub(crate) fn deflate(bytes: &[u8]) -> Vec<u8> {
    thread_local! {
        static STATE: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), true));
    }
    STATE.with_borrow_mut(|state| {
        state.reset();
        let mut deflated = Vec::with_capacity(bytes.len() / 2 + 64);
        loop {
            let read = state.total_in() as usize;
            let done = state.compress_vec(&bytes[read..], &mut deflated, FlushCompress::Finish);
            if !matches!(done, Ok(Status::Ok | Status::BufError)) {
                return deflated;
            }
            deflated.reserve(deflated.capacity().max(64));
        }
    })
}
