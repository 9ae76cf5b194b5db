//! What the marks of a document are: the headings, paragraphs, tables and figures that PDF/UA-1 asks for, in
//! reading order.

/// The elements of a document. An element stands after the one that it is part of.
#[derive(Debug, Default)]
pub(crate) struct Structure(pub(crate) Vec<Element>);

/// A part of the document.
#[derive(Debug)]
pub(crate) struct Element {
    /// What it is part of; of the document itself where `None`.
    pub(crate) parent: Option<Tag>,
    pub(crate) role: Role,
}

/// The element that a mark belongs to, by its place in [`Structure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(u32);

/// What an element is (ISO 32000-1, 14.8.4).
#[derive(Debug, PartialEq)]
pub(crate) enum Role {
    /// The first of a document; the title.
    FirstHeading,
    /// All further ones.
    Heading,
    Paragraph,
    Table,
    Row,
    /// The title of a table's column.
    ColumnHeader,
    /// The title of a table's row.
    RowHeader,
    Cell,
    /// With what it shows, in words.
    Figure {
        alt: String,
    },
}

impl Structure {
    /// Adds an element.
    pub(crate) fn add(&mut self, parent: Option<Tag>, role: Role) -> Tag {
        self.0.push(Element { parent, role });
        Tag(self.0.len() as u32 - 1)
    }

    /// Adds a heading. The document's first is its title.
    pub(crate) fn add_heading(&mut self, parent: Option<Tag>) -> Tag {
        let is_first = !self.0.iter().any(|element| element.role == Role::FirstHeading);
        self.add(parent, if is_first { Role::FirstHeading } else { Role::Heading })
    }
}

impl Tag {
    /// Its place in [`Structure`].
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}
