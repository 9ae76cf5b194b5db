//! The structure of a finished PDF, read back.

use lopdf::{Dictionary, Document, Object, ObjectId};

/// An element of the structure.
pub(super) struct Element {
    /// By PDF's name: `H1`, `Table`, `TD` ...
    pub(super) role: String,
    /// What a figure shows, in words.
    pub(super) alt: Option<String>,
    /// Whether a header is one of a row.
    pub(super) is_of_row: bool,
    pub(super) parts: Vec<Part>,
}

pub(super) enum Part {
    Element(Element),
    /// Content by its page, from 0, and its number on it.
    Content(usize, usize),
}

/// The parts of the document.
pub(super) fn parts(document: &Document) -> Vec<Part> {
    let pages: Vec<ObjectId> = document.get_pages().into_values().collect();
    let root = document.catalog().and_then(|catalog| catalog.get(b"StructTreeRoot"));
    let root = dictionary(document, root.expect("a structure"));
    Part::of(document, &pages, dictionary(document, root.get(b"K").expect("a document")))
}

impl Part {
    fn of(document: &Document, pages: &[ObjectId], element: &Dictionary) -> Vec<Self> {
        let page = |dictionary: &Dictionary| {
            let id = dictionary.get(b"Pg").and_then(Object::as_reference).expect("a page");
            pages.iter().position(|page| *page == id).expect("a page of the document")
        };
        let part = |object: &Object| match object {
            Object::Integer(number) => Self::Content(page(element), *number as usize),
            Object::Dictionary(content) => {
                let number = content.get(b"MCID").and_then(Object::as_i64).expect("a number");
                Self::Content(page(content), number as usize)
            }
            object => Self::Element(Element::of(document, pages, dictionary(document, object))),
        };
        match element.get(b"K") {
            Ok(Object::Array(parts)) => parts.iter().map(part).collect(),
            Ok(object) => vec![part(object)],
            Err(_) => Vec::new(),
        }
    }
}

impl Element {
    fn of(document: &Document, pages: &[ObjectId], element: &Dictionary) -> Self {
        let attributes = element.get(b"A").map(|attributes| dictionary(document, attributes));
        let scope = attributes.and_then(|attributes| attributes.get(b"Scope")).and_then(Object::as_name);
        let role = element.get(b"S").and_then(Object::as_name).expect("a role");
        Self {
            role: String::from_utf8_lossy(role).into_owned(),
            alt: element.get(b"Alt").ok().map(|alt| lopdf::decode_text_string(alt).expect("a text")),
            is_of_row: scope.is_ok_and(|scope| scope == b"Row"),
            parts: Part::of(document, pages, element),
        }
    }
}

fn dictionary<'a>(document: &'a Document, object: &'a Object) -> &'a Dictionary {
    let (_, object) = document.dereference(object).expect("an object");
    object.as_dict().expect("a dictionary")
}
