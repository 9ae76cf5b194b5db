//! Pages to the bytes of a PDF: PDF/A-3u (ISO 19005-3) and PDF/UA-1 (ISO 14289-1), by printpdf.
//!
//! printpdf makes the document: pages, images, information. Its objects are then finished here, and the fonts added: it sets
//! no language, draws its identifiers at random, tags nothing, knows one glyph for each character, and both its content streams and its deflating cost more than all the rest.

mod content;
mod file;
mod fonts;
mod metadata;
mod tags;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use lopdf::{Object, ObjectId, Stream, StringFormat, dictionary};
use printpdf::date::{Date, Offset, Time};
use printpdf::{
    DictItem, ExternalStream, ExternalXObject, Mm, PdfDocument, PdfPage, PdfSaveOptions, Pt, Px, XObject,
    XObjectId,
};

use crate::deflate::{deflate, deflate_fast};
use crate::error::RenderError;
use crate::font::Fonts;
use crate::image::Image;
use crate::language::Language;
use crate::layout::{Page, Structure};
use content::content;
use file::File;
use fonts::EmbeddedFonts;
use tags::Shown;

/// What the file says of itself.
pub(crate) struct About<'a> {
    pub(crate) title: &'a str,
    pub(crate) author: Option<&'a str>,
    pub(crate) language: Language,
    pub(crate) created: DateTime<FixedOffset>,
    pub(crate) uid: &'a str,
    /// The same invoice for machines (EN 16931 in the syntax of UN/CEFACT CII).
    pub(crate) factur_x: Option<&'a str>,
}

/// sRGB (`color/srgb.py`), which a PDF/A has to say that its colours are of.
const SRGB: &[u8] = include_bytes!("../color/sRGB.icc");

/// Streams shorter than this are not worth deflating.
const SMALL: usize = 200;

/// Writes the pages.
pub(crate) fn write(
    pages: &[Page],
    structure: &Structure,
    images: &[&Image],
    fonts: &Fonts,
    about: &About<'_>,
) -> Result<Vec<u8>, RenderError> {
    let fonts = EmbeddedFonts::of(pages, fonts)?;
    let mut document = PdfDocument::new(about.title);
    describe(&mut document, about);
    for (i, image) in images.iter().enumerate() {
        document.resources.xobjects.map.insert(XObjectId(format!("I{i}")), xobject(image));
    }
    document.pages = pages
        .iter()
        .map(|page| PdfPage::new(Mm::from(Pt(page.width)), Mm::from(Pt(page.height)), Vec::new()))
        .collect();

    let options =
        PdfSaveOptions { optimize: false, subset_fonts: false, secure: true, image_optimization: None };
    let mut file = document.to_lopdf_document(&options, &mut Vec::new());
    finish(&mut file, about);
    let shown = set_contents(&mut file, pages, structure, &fonts);
    fonts.write(&mut file);
    set_catalog(&mut file, about);
    for object in file.objects.values_mut() {
        if let Object::Stream(stream) = object
            && stream.content.len() >= SMALL
            && !stream.dict.has(b"Filter")
        {
            let deflated = deflate(&stream.content);
            set_deflated(stream, deflated);
        }
    }
    let root = file.max_id + 1;
    if let Ok(catalog) = file.catalog_mut() {
        catalog.set("StructTreeRoot", Object::Reference((root, 0)));
    }
    let mut out = File::new(file.max_id + tags::count(structure));
    file.objects.iter().for_each(|(id, object)| out.add(*id, object));
    tags::write(&mut out, root, structure, &shown);
    Ok(out.finish(&file.trailer))
}

/// What PDF/A-3 and PDF/UA-1 want to be said of the document, and the invoice for machines.
fn set_catalog(file: &mut lopdf::Document, about: &About<'_>) {
    let metadata = dictionary! { "Type" => "Metadata", "Subtype" => "XML" };
    let mut metadata = Stream::new(metadata, Vec::new());
    set_deflated(&mut metadata, deflate_fast(metadata::xmp(about).as_bytes()));
    let metadata = file.add_object(metadata);
    // The same in every document.
    static PROFILE: LazyLock<Vec<u8>> = LazyLock::new(|| deflate(SRGB));
    let mut profile = Stream::new(dictionary! { "N" => 3 }, Vec::new());
    set_deflated(&mut profile, PROFILE.clone());
    let profile = file.add_object(profile);
    let intent = dictionary! {
        "Type" => "OutputIntent",
        "S" => "GTS_PDFA1",
        "OutputConditionIdentifier" => Object::string_literal("sRGB"),
        "DestOutputProfile" => profile,
    };
    let attached = about.factur_x.map(|xml| attach(file, xml, about));
    let Ok(catalog) = file.catalog_mut() else { return };
    catalog.set("Metadata", metadata);
    catalog.set("OutputIntents", vec![intent.into()]);
    catalog.set("MarkInfo", dictionary! { "Marked" => true });
    catalog.set("ViewerPreferences", dictionary! { "DisplayDocTitle" => true });
    if let Some(specification) = attached {
        let name = Object::string_literal(metadata::FACTUR_X_FILE);
        let files = dictionary! { "Names" => vec![name, specification.into()] };
        catalog.set("Names", dictionary! { "EmbeddedFiles" => files });
        catalog.set("AF", vec![specification.into()]);
    }
}

/// Embeds the invoice for machines as what the page says in another form (ISO 19005-3, annex E).
fn attach(file: &mut lopdf::Document, xml: &str, about: &About<'_>) -> ObjectId {
    let parameters = dictionary! {
        "ModDate" => Object::string_literal(metadata::date(&about.created)),
        "Size" => xml.len() as i64,
    };
    let embedded = dictionary! { "Type" => "EmbeddedFile", "Subtype" => "text/xml", "Params" => parameters };
    let embedded = file.add_object(Stream::new(embedded, xml.as_bytes().to_vec()));
    let name = || Object::string_literal(metadata::FACTUR_X_FILE);
    file.add_object(dictionary! {
        "Type" => "Filespec",
        "F" => name(),
        "UF" => name(),
        "Desc" => Object::string_literal("Invoice by EN 16931"),
        "AFRelationship" => "Alternative",
        "EF" => dictionary! { "F" => embedded, "UF" => embedded },
    })
}

/// Puts the pages' content in, and takes out what printpdf writes though it says nothing. Returns what each page shows.
fn set_contents(
    file: &mut lopdf::Document,
    pages: &[Page],
    structure: &Structure,
    fonts: &EmbeddedFonts<'_>,
) -> Vec<Shown> {
    let ids: BTreeMap<u32, ObjectId> = file.get_pages();
    let mut shown = Vec::with_capacity(pages.len());
    for ((i, id), page) in ids.into_values().enumerate().zip(pages) {
        let (content, pieces) = content(page, structure, fonts);
        if let Ok(dictionary) = file.get_dictionary_mut(id) {
            for unused in ["Annots", "CropBox", "TrimBox"] {
                dictionary.remove(unused.as_bytes());
            }
            dictionary.set("StructParents", i as i64);
        }
        let contents =
            file.get_dictionary(id).and_then(|page| page.get(b"Contents")).and_then(Object::as_reference);
        if let Ok(Object::Stream(stream)) = contents.and_then(|contents| file.get_object_mut(contents)) {
            stream.set_content(content);
        }
        shown.push(Shown { page: id, height: page.height, pieces });
    }
    shown
}

fn set_deflated(stream: &mut Stream, deflated: Vec<u8>) {
    stream.dict.set("Filter", Object::Name(b"FlateDecode".to_vec()));
    stream.set_content(deflated);
}

fn describe(document: &mut PdfDocument, about: &About<'_>) {
    let info = &mut document.metadata.info;
    info.author = about.author.unwrap_or_default().to_owned();
    info.creator = metadata::CREATOR.to_owned();
    info.producer = metadata::PRODUCER.to_owned();
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
        ("ColorSpace".to_owned(), name(if image.is_gray { "DeviceGray" } else { "DeviceRGB" })),
        ("BitsPerComponent".to_owned(), DictItem::Int(8)),
        ("Filter".to_owned(), name("FlateDecode")),
    ]);
    let stream = ExternalStream { dict, content: image.deflated.clone(), compress: false };
    let (width, height) = (Some(Px(image.width as usize)), Some(Px(image.height as usize)));
    XObject::External(ExternalXObject { stream, width, height, dpi: None })
}
