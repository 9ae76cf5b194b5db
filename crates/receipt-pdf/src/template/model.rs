//! A loaded template's parts. Lengths are in points.

use super::Program;
use crate::font::Weight;
use crate::layout::Color;

/// One block of a page, set below the one before.
#[derive(Debug)]
pub(crate) struct Block {
    /// Line of the file, from 1.
    pub(crate) line: usize,
    /// The block is left out where this comes out empty.
    pub(crate) when: Option<Program>,
    /// Space above and below.
    pub(crate) before: f32,
    pub(crate) after: f32,
    /// Stays on the page of the block that follows.
    pub(crate) keep_with_next: bool,
    /// Is not divided between pages.
    pub(crate) keep_together: bool,
    pub(crate) kind: Kind,
}

/// What a block shows.
#[derive(Debug)]
pub(crate) enum Kind {
    Text { text: Program, style: Style, is_heading: bool },
    Pairs(Pairs),
    Table(Table),
    Columns(Vec<Column>),
    Rule { thickness: f32, color: Color },
    Space { height: f32 },
    Image { picture: Picture, width: f32, align: Align, alt: Program },
    Code(Code),
}

/// Where an image comes from.
#[derive(Debug)]
pub(crate) enum Picture {
    /// One of the template's, by its number.
    File(usize),
    /// A `data:` URI.
    Data(Program),
}

/// Rows of a label and its value.
#[derive(Debug)]
pub(crate) struct Pairs {
    pub(crate) rows: Vec<Pair>,
    /// Every row's label and value in one program.
    pub(crate) texts: Program,
    /// `None` is the whole width.
    pub(crate) width: Option<f32>,
    /// Where the rows stand if narrower than the page.
    pub(crate) align: Align,
    pub(crate) gap: f32,
}

/// The styles of one label and value.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) label: Style,
    pub(crate) value: Style,
    /// The value stands at the right edge, as in totals, not beside its label.
    pub(crate) spread: bool,
    pub(crate) before: f32,
}

/// A table with one row for each member of a list.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) columns: Vec<TableColumn>,
    pub(crate) header: bool,
    pub(crate) titles: Program,
    /// Every row's texts and notes in one program.
    pub(crate) texts: Program,
    pub(crate) title: Style,
    /// Above and below the text of a row.
    pub(crate) padding: f32,
    /// Colour of the rules between rows.
    pub(crate) row_rule: Option<Color>,
}

/// A column of a table.
#[derive(Debug)]
pub(crate) struct TableColumn {
    pub(crate) width: Width,
    pub(crate) gap: f32,
    pub(crate) style: Style,
    /// The column is left out where it has nothing to show.
    pub(crate) hide_empty: bool,
}

/// Blocks beside other blocks.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) width: Width,
    pub(crate) gap: f32,
    pub(crate) blocks: Vec<Block>,
}

/// A code for scanners.
#[derive(Debug)]
pub(crate) struct Code {
    pub(crate) kind: CodeKind,
    pub(crate) text: Program,
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) align: Align,
}

/// Which code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeKind {
    Qr,
    /// With `fallback`, a QR code takes its place where it cannot hold the text.
    Code128 {
        fallback: bool,
    },
    Ean13,
    /// Of a QR-bill; the fields of its payload come with U+001F between them.
    SwissQr,
}

impl CodeKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Qr => "QR code",
            Self::Code128 { .. } => "barcode",
            Self::Ean13 => "EAN-13 barcode",
            Self::SwissQr => "Swiss QR code",
        }
    }

    /// The key of the label that says what it is.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Qr | Self::SwissQr => "qrCode",
            Self::Code128 { .. } | Self::Ean13 => "barcode",
        }
    }

    /// What such a code can hold.
    pub(crate) fn allowed(self) -> &'static str {
        match self {
            Self::Qr => "no more text than its width has room for, with modules of 0.25 mm",
            Self::Code128 { .. } => {
                "letters, digits and signs of ASCII, no more than its width has room for, with bars of 0.19 mm"
            }
            Self::Ean13 => "12 digits, or 13 with the right check digit, with bars of 0.19 mm",
            Self::SwissQr => {
                "an IBAN of Switzerland or Liechtenstein with a reference of its kind, full addresses, and \
                 an amount that is not negative in CHF or EUR"
            }
        }
    }
}

/// How wide a column is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Width {
    Fixed(f32),
    /// As its widest cell.
    Content,
    /// A share of what the others leave.
    Share(f32),
}

impl Width {
    pub(crate) fn fixed(self) -> Option<f32> {
        if let Self::Fixed(width) = self { Some(width) } else { None }
    }

    /// Zero for a column that takes no share.
    pub(crate) fn share(self) -> f32 {
        if let Self::Share(share) = self { share } else { 0.0 }
    }
}

/// How text is set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) weight: Weight,
    pub(crate) size: f32,
    pub(crate) color: Color,
    pub(crate) align: Align,
    /// From line to line, in font sizes.
    pub(crate) line_height: f32,
}

/// Where something stands in its box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
}
