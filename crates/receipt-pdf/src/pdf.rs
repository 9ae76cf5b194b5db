//! Pages to the bytes of a PDF, by printpdf.
//!
//! printpdf's document is finished as objects: it sets no language, draws its identifiers at
//! random, and deflates each stream with a state of its own.

mod deflate;
mod draw;

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, FixedOffset, Timelike};
use lopdf::{Object, StringFormat};
use printpdf::date::{Date, Offset, Time};
use printpdf::{FontId, PdfDocument, PdfFont, PdfSaveOptions};

use crate::font::{Weight, subset};
use crate::image::Image;
use crate::language::Language;
use crate::layout::{Mark, Page};
use crate::render::RenderError;
pub(crate) use deflate::deflate;

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
    let mut document = PdfDocument::new(about.title);
    describe(&mut document, about);
    let mut deflated = Vec::new();
    for weight in [Weight::Regular, Weight::Bold] {
        let characters = characters(pages, weight);
        if !characters.is_empty() {
            let subset = subset(weight, &characters).map_err(RenderError::Font)?;
            document
                .resources
                .fonts
                .map
                .insert(FontId(weight.id().to_owned()), PdfFont::new(subset.font.clone()));
            deflated.push(subset);
        }
    }
    for (i, image) in images.iter().enumerate() {
        document.resources.xobjects.map.insert(draw::image_id(i), draw::image(image));
    }
    document.pages = pages.iter().map(draw::page).collect();

    let options =
        PdfSaveOptions { optimize: false, subset_fonts: false, secure: true, image_optimization: None };
    let mut file = document.to_lopdf_document(&options, &mut Vec::new());
    finish(&mut file, about);
    for object in file.objects.values_mut() {
        let Object::Stream(stream) = object else { continue };
        if stream.dict.has(b"Filter") || stream.content.len() < SMALL {
            continue;
        }
        // The programs of fonts are deflated already: they are recognised by their bytes.
        let known = deflated.iter().find(|subset| subset.font.original_bytes == stream.content);
        let content = known.map_or_else(|| deflate(&stream.content), |subset| subset.deflated.clone());
        stream.dict.set("Filter", Object::Name(b"FlateDecode".to_vec()));
        stream.set_content(content);
    }
    let mut bytes = Vec::with_capacity(16 * 1024);
    file.save_to(&mut bytes).map_err(RenderError::Write)?;
    Ok(bytes)
}

fn characters(pages: &[Page], wanted: Weight) -> BTreeSet<char> {
    let marks = pages.iter().flat_map(|page| &page.marks);
    marks
        .filter_map(|mark| match mark {
            Mark::Text { weight, text, .. } if *weight == wanted => Some(text),
            _ => None,
        })
        .flat_map(|text| text.chars())
        .collect()
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
    info.modification_date = info.creation_date.clone();
    info.metadata_date = info.creation_date.clone();
}

/// The language, and identifiers that are the same each time.
fn finish(file: &mut lopdf::Document, about: &About<'_>) {
    let tag = Object::String(about.language.code().into(), StringFormat::Literal);
    if let Ok(catalog) = file.catalog_mut() {
        catalog.set("Lang", tag);
    }
    let id = Object::String(about.uid.as_bytes().to_vec(), StringFormat::Hexadecimal);
    file.trailer.set("ID", Object::Array(vec![id.clone(), id]));
}
