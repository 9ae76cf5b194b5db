//! The structure of a document as PDF has it: its elements, and which of them each piece of content belongs to
//! (ISO 32000-1, 14.7; PDF/UA-1).

use std::io::Write as _;

use lopdf::ObjectId;

use super::file::{File, integer, reference, text};
use crate::layout::{Area, Role, Structure, Tag};

/// What a page shows.
pub(super) struct Shown {
    pub(super) page: ObjectId,
    /// How high the page is.
    pub(super) height: f32,
    /// In order: a piece's place in the list is its number on the page.
    pub(super) pieces: Vec<Piece>,
}

/// A piece of content that belongs to an element.
pub(super) struct Piece {
    pub(super) tag: Tag,
    /// Where a figure stands.
    pub(super) area: Option<Area>,
}

/// How many objects the structure takes.
pub(super) fn count(structure: &Structure) -> u32 {
    structure.0.len() as u32 + FIRST_ELEMENT
}

/// From the root: the map of content to elements, what column and row headers have in common, and the document.
const PARENTS: u32 = 1;
const OF_COLUMN: u32 = 2;
const OF_ROW: u32 = 3;
const DOCUMENT: u32 = 4;
const FIRST_ELEMENT: u32 = 5;

/// Writes the structure. Its root gets the number `root`, and the rest the numbers that follow.
pub(super) fn write(file: &mut File, root: u32, structure: &Structure, pages: &[Shown]) {
    let number = |tag: Tag| root + FIRST_ELEMENT + tag.index() as u32;
    let mut children = vec![Vec::new(); structure.0.len()];
    let mut of_document = Vec::new();
    for (i, element) in structure.0.iter().enumerate() {
        let own = root + FIRST_ELEMENT + i as u32;
        element.parent.map_or(&mut of_document, |parent| &mut children[parent.index()]).push(own);
    }
    let mut content: Vec<Vec<(usize, usize)>> = vec![Vec::new(); structure.0.len()];
    for (page, shown) in pages.iter().enumerate() {
        for (i, piece) in shown.pieces.iter().enumerate() {
            content[piece.tag.index()].push((page, i));
        }
    }

    file.pack(root, |out| {
        out.extend_from_slice(b"<</Type/StructTreeRoot/K ");
        reference(out, root + DOCUMENT);
        out.extend_from_slice(b"/ParentTree ");
        reference(out, root + PARENTS);
        out.extend_from_slice(b"/ParentTreeNextKey ");
        integer(out, pages.len());
        out.extend_from_slice(b">>");
    });
    file.pack(root + PARENTS, |out| {
        out.extend_from_slice(b"<</Nums[");
        for (page, shown) in pages.iter().enumerate() {
            integer(out, page);
            out.push(b'[');
            shown.pieces.iter().for_each(|piece| {
                reference(out, number(piece.tag));
                out.push(b' ');
            });
            out.push(b']');
        }
        out.extend_from_slice(b"]>>");
    });
    file.pack(root + OF_COLUMN, |out| out.extend_from_slice(b"<</O/Table/Scope/Column>>"));
    file.pack(root + OF_ROW, |out| out.extend_from_slice(b"<</O/Table/Scope/Row>>"));
    file.pack(root + DOCUMENT, |out| {
        out.extend_from_slice(b"<</S/Document/P ");
        reference(out, root);
        references(out, &of_document);
        out.extend_from_slice(b">>");
    });
    for (i, element) in structure.0.iter().enumerate() {
        file.pack(root + FIRST_ELEMENT + i as u32, |out| {
            out.extend_from_slice(b"<</S/");
            out.extend_from_slice(name(&element.role));
            out.extend_from_slice(b"/P ");
            reference(out, element.parent.map_or(root + DOCUMENT, number));
            match &element.role {
                Role::ColumnHeader => attributes(out, root + OF_COLUMN),
                Role::RowHeader => attributes(out, root + OF_ROW),
                Role::Figure { alt } => {
                    out.extend_from_slice(b"/Alt");
                    text(out, alt);
                    content[i].first().iter().for_each(|(page, piece)| bounds(out, &pages[*page], *piece));
                }
                _ => {}
            }
            match &*content[i] {
                [] => references(out, &children[i]),
                pieces => pieces_of(out, pieces, pages),
            }
            out.extend_from_slice(b">>");
        });
    }
}

/// The element's kind, by its name (ISO 32000-1, 14.8.4).
pub(super) fn name(role: &Role) -> &'static [u8] {
    match role {
        Role::FirstHeading => b"H1",
        Role::Heading => b"H2",
        Role::Paragraph => b"P",
        Role::Table => b"Table",
        Role::Row => b"TR",
        Role::ColumnHeader | Role::RowHeader => b"TH",
        Role::Cell => b"TD",
        Role::Figure { .. } => b"Figure",
    }
}

/// Where a figure stands on its page, from the lower left corner.
fn bounds(out: &mut Vec<u8>, shown: &Shown, piece: usize) {
    let Some(Area { x, y, width, height }) = shown.pieces[piece].area else { return };
    let bottom = shown.height - y - height;
    let sides = [x, bottom, x + width, bottom + height].map(|side| side.round() as i32);
    let [left, bottom, right, top] = sides;
    let _ = write!(out, "/A<</O/Layout/Placement/Block/BBox[{left} {bottom} {right} {top}]>>");
}

fn attributes(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(b"/A ");
    reference(out, number);
}

fn references(out: &mut Vec<u8>, numbers: &[u32]) {
    if numbers.is_empty() {
        return;
    }
    out.extend_from_slice(b"/K[");
    for (i, number) in numbers.iter().enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        reference(out, *number);
    }
    out.push(b']');
}

/// Content of one page by its number alone, of several with the page of each.
fn pieces_of(out: &mut Vec<u8>, pieces: &[(usize, usize)], pages: &[Shown]) {
    let first = pieces[0].0;
    out.extend_from_slice(b"/Pg ");
    reference(out, pages[first].page.0);
    out.extend_from_slice(b"/K");
    if let [(_, piece)] = pieces {
        out.push(b' ');
        return integer(out, *piece);
    }
    out.push(b'[');
    for (page, piece) in pieces {
        if *page == first {
            integer(out, *piece);
            out.push(b' ');
        } else {
            out.extend_from_slice(b"<</Type/MCR/Pg ");
            reference(out, pages[*page].page.0);
            out.extend_from_slice(b"/MCID ");
            integer(out, *piece);
            out.extend_from_slice(b">>");
        }
    }
    out.push(b']');
}
