//! The incremental update that has the seal: a signature field without appearance on the first page, and a
//! signature dictionary with room for the signature.

use std::ops::Range;

use chrono::{DateTime, Utc};
use lopdf::{Dictionary, Document, IncrementalDocument, Object, ObjectId, StringFormat, dictionary};

use crate::SealError;
use crate::cms::sha256;

/// Stands for a number of the byte range, as wide as any.
const NUMBER: i64 = 9_999_999_999;

/// Flags of the field's annotation: printed, and locked. PDF/A forbids hidden ones.
const PRINT_AND_LOCKED: i64 = 4 | 128;

/// Flags of the form: it has signatures, and later changes are appended.
const SIGNED_AND_APPEND_ONLY: i64 = 1 | 2;

/// A document whose seal is to be filled in.
pub(crate) struct Update {
    pub(crate) bytes: Vec<u8>,
    /// The signature, between its angle brackets.
    contents: Range<usize>,
}

impl Update {
    /// Appends it, with room for a signature of `room` bytes.
    pub(crate) fn new(pdf: &[u8], when: DateTime<Utc>, room: usize) -> Result<Self, SealError> {
        let document = Document::load_mem(pdf).map_err(SealError::Pdf)?;
        if document.is_encrypted() || document.encryption_state.is_some() {
            return Err(SealError::UnsupportedPdf("it is encrypted"));
        }
        let mut update = IncrementalDocument::create_from(pdf.to_vec(), document);
        add_seal(&mut update, when, room).map_err(SealError::Pdf)?;
        let mut bytes = Vec::with_capacity(pdf.len() + 2 * room + 4096);
        update.save_to(&mut bytes).map_err(|error| SealError::Pdf(error.into()))?;
        bytes.push(b'\n');
        Self::locate(bytes, room)
    }

    /// Finds the signature dictionary, which is the last object, and fills its byte range in.
    fn locate(mut bytes: Vec<u8>, room: usize) -> Result<Self, SealError> {
        let placeholder = format!("/ByteRange[0 {NUMBER} {NUMBER} {NUMBER}]");
        let missing = || SealError::UnsupportedPdf("its seal is not where it was written");
        let range = rfind(&bytes, placeholder.as_bytes()).ok_or_else(missing)?;
        let open = range + placeholder.len() + "/Contents".len();
        let close = open + 1 + 2 * room;
        if bytes.get(open) != Some(&b'<') || bytes.get(close) != Some(&b'>') {
            return Err(missing());
        }
        let (before, after) = (open, close + 1);
        let written = format!("/ByteRange[0 {before} {after} {}]", bytes.len() - after);
        let written = format!("{written:<width$}", width = placeholder.len());
        bytes[range..range + written.len()].copy_from_slice(written.as_bytes());
        Ok(Self { bytes, contents: open + 1..close })
    }

    /// What is signed: all but the signature and its brackets.
    pub(crate) fn digest(&self) -> Vec<u8> {
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        context.update(&self.bytes[..self.contents.start - 1]);
        context.update(&self.bytes[self.contents.end + 1..]);
        context.finish().as_ref().to_vec()
    }

    /// The longest signature that there is room for, in bytes.
    pub(crate) fn room(&self) -> usize {
        self.contents.len() / 2
    }

    /// Fills the signature in, which is no longer than there is room.
    pub(crate) fn fill(mut self, signature: &[u8]) -> Vec<u8> {
        let hex = hex::encode(signature);
        self.bytes[self.contents.start..self.contents.start + hex.len()].copy_from_slice(hex.as_bytes());
        self.bytes
    }
}

fn rfind(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).rposition(|window| window == wanted)
}

fn add_seal(update: &mut IncrementalDocument, when: DateTime<Utc>, room: usize) -> lopdf::Result<()> {
    let document = update.get_prev_documents();
    let catalog_id = document.trailer.get(b"Root")?.as_reference()?;
    let mut catalog = document.get_dictionary(catalog_id)?.clone();
    let page_id = document.page_iter().next().ok_or(lopdf::Error::PageNumberNotFound(1))?;
    let mut page = document.get_dictionary(page_id)?.clone();
    let (version, binary_mark) = (document.version.clone(), document.binary_mark.clone());
    let identifiers = identifiers(document, update.get_prev_documents_bytes(), when);

    let field_id: ObjectId = (document.max_id + 1, 0);
    let signature_id: ObjectId = (document.max_id + 2, 0);

    let mut form = dictionary_of(document, &catalog, b"AcroForm")?;
    let mut fields = array_of(document, &form, b"Fields")?;
    let name = match fields.len() {
        0 => "Seal".to_owned(),
        others => format!("Seal{}", others + 1),
    };
    fields.push(field_id.into());
    form.set("Fields", fields);
    form.set("SigFlags", SIGNED_AND_APPEND_ONLY);
    catalog.set("AcroForm", form);

    let mut annotations = array_of(document, &page, b"Annots")?;
    annotations.push(field_id.into());
    page.set("Annots", annotations);
    if catalog.has(b"StructTreeRoot") {
        // PDF/UA asks for it on each page with annotations.
        page.set("Tabs", "S");
    }

    let field = dictionary! {
        "Type" => "Annot",
        "Subtype" => "Widget",
        "FT" => "Sig",
        "T" => Object::string_literal(name),
        "TU" => Object::string_literal("Electronic seal"),
        "V" => signature_id,
        "P" => page_id,
        "Rect" => vec![0.into(), 0.into(), 0.into(), 0.into()],
        "F" => PRINT_AND_LOCKED,
    };
    let signature = dictionary! {
        "Type" => "Sig",
        "Filter" => "Adobe.PPKLite",
        "SubFilter" => "ETSI.CAdES.detached",
        "M" => Object::string_literal(when.format("D:%Y%m%d%H%M%SZ").to_string()),
        "ByteRange" => vec![0.into(), NUMBER.into(), NUMBER.into(), NUMBER.into()],
        "Contents" => Object::String(vec![0; room], StringFormat::Hexadecimal),
    };

    let new = &mut update.new_document;
    (new.version, new.binary_mark) = (version, binary_mark);
    new.trailer.set("ID", identifiers);
    new.max_id = signature_id.0;
    new.set_object(catalog_id, catalog);
    new.set_object(page_id, page);
    new.set_object(field_id, field);
    new.set_object(signature_id, signature);
    Ok(())
}

/// The document's own identifier, and a new one of what it is now.
fn identifiers(document: &Document, bytes: &[u8], when: DateTime<Utc>) -> Vec<Object> {
    let mut content = sha256(bytes);
    content.extend(when.timestamp_micros().to_be_bytes());
    let new = Object::String(sha256(&content)[..16].to_vec(), StringFormat::Hexadecimal);
    let first = document.trailer.get(b"ID").and_then(Object::as_array).ok().and_then(|ids| ids.first());
    vec![first.unwrap_or(&new).clone(), new]
}

/// An entry that is a dictionary, or a reference to one; empty where there is none.
fn dictionary_of(document: &Document, holder: &Dictionary, key: &[u8]) -> lopdf::Result<Dictionary> {
    match holder.get(key) {
        Ok(object) => Ok(document.dereference(object)?.1.as_dict()?.clone()),
        Err(_) => Ok(Dictionary::new()),
    }
}

/// An entry that is an array, or a reference to one; empty where there is none.
fn array_of(document: &Document, holder: &Dictionary, key: &[u8]) -> lopdf::Result<Vec<Object>> {
    match holder.get(key) {
        Ok(object) => Ok(document.dereference(object)?.1.as_array()?.clone()),
        Err(_) => Ok(Vec::new()),
    }
}
