//! One receipt to one PDF.

use std::fmt;

use events::ReceiptSettled;
use events::store_clock::Zone;

use crate::data::Variables;
use crate::language::Language;
use crate::layout::{Composer, Page, Row, paginate};
use crate::pdf::{self, About};
use crate::template::Template;

/// A receipt's document.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The file's bytes: the same for the same receipt and template.
    pub pdf: Vec<u8>,
    /// What could not be shown as the receipt says.
    pub warnings: Vec<Warning>,
    /// How many pages the document has.
    pub pages: usize,
}

/// The document was made, but not quite as the receipt says. Worth a line in the log.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Warning {
    /// The fonts have no such character; a replacement sign is printed in its place.
    Character(char),
    /// The text cannot be a barcode or QR code of this kind, and was left out.
    Code {
        /// `QR code` or `barcode`.
        kind: &'static str,
        /// Line of the template, from 1.
        line: usize,
        /// What such a code can hold.
        allowed: &'static str,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c) => {
                write!(
                    f,
                    "no embedded font has the character U+{:04X} ({c}): a replacement sign is printed",
                    u32::from(*c)
                )
            }
            Self::Code { kind, line, allowed } => {
                write!(f, "the {kind} of the template's line {line} is left out: it can hold {allowed}")
            }
        }
    }
}

/// Why no document could be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A text of the template cannot be evaluated for this receipt.
    #[error(
        "the text at line {line} of template {template} cannot be evaluated for this receipt: correct it"
    )]
    Text {
        /// The template.
        template: String,
        /// Line of the template, from 1.
        line: usize,
        /// What the template engine says.
        source: minijinja::Error,
    },
    /// A text of the template takes more than any text should.
    #[error(
        "the text at line {line} of template {template} does not come to an end in time: look for a loop that goes on and on"
    )]
    Endless {
        /// The template.
        template: String,
        /// Line of the template, from 1.
        line: usize,
    },
    /// A text of the template comes to more than any receipt has.
    #[error("the text at line {line} of template {template} comes to more than 2 MiB: look for a loop")]
    TooLong {
        /// The template.
        template: String,
        /// Line of the template, from 1.
        line: usize,
    },
    /// The font cannot be cut to the characters used.
    #[error("the embedded font cannot be cut to the receipt's characters: report this as a defect")]
    Font(#[source] subsetter::Error),
    /// The document cannot be written.
    #[error("the PDF cannot be written: report this as a defect")]
    Write(#[source] std::io::Error),
}

/// How somebody's documents look.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The template.
    pub template: &'static Template,
    /// The language, which the template must be able to be printed in; `None`: the template's own, else
    /// that of the receipt's country.
    pub language: Option<Language>,
    /// The time zone that was set for its stores; `None`: that of the tenant's country, where it is known.
    pub zone: Option<Zone>,
}

impl Look {
    /// Makes a receipt's document.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render(self, receipt: &ReceiptSettled) -> Result<Rendered, RenderError> {
        render_in(self.template, self.language, self.zone, receipt)
    }
}

/// Makes a receipt's document.
pub fn render(template: &Template, receipt: &ReceiptSettled) -> Result<Rendered, RenderError> {
    render_in(template, None, None, receipt)
}

fn render_in(
    template: &Template,
    language: Option<Language>,
    zone: Option<Zone>,
    receipt: &ReceiptSettled,
) -> Result<Rendered, RenderError> {
    let laid_out = lay_out(template, language, zone, receipt)?;
    let order_receipt = &receipt.order_receipt;
    let about = About {
        title: &laid_out.title,
        author: order_receipt.order.store.name.as_deref().or(receipt.tenant.name.as_deref()),
        language: laid_out.language,
        created: order_receipt.created_at.moment(),
        uid: &order_receipt.uid,
    };
    let pdf = pdf::write(&laid_out.pages, template.images(), &about)?;
    Ok(Rendered { pdf, warnings: laid_out.warnings, pages: laid_out.pages.len() })
}

/// A receipt's pages, before they are written.
pub(crate) struct LaidOut {
    pub(crate) pages: Vec<Page>,
    pub(crate) warnings: Vec<Warning>,
    title: String,
    language: Language,
}

/// Sets a receipt on pages.
pub(crate) fn lay_out(
    template: &Template,
    language: Option<Language>,
    zone: Option<Zone>,
    receipt: &ReceiptSettled,
) -> Result<LaidOut, RenderError> {
    let language = language.unwrap_or_else(|| template.language(receipt.tenant.country.code.as_deref()));
    let variables = Variables::new(receipt, language, zone);
    let mut composer = Composer::new(template, language, variables.root());
    let title = composer.evaluate(template.title())?;
    let paper = template.paper();
    let width = paper.body_width();
    let rows = composer.compose(template.blocks(), width)?;
    let headers = std::mem::take(&mut composer.headers);

    // The footer's height must be known before the pages are, and its text tells their number: it
    // is first set with more pages than there will be.
    let most = rows.len() + 1;
    composer.set_variables(variables.on_page(most, most));
    let footer = height(&composer.compose(template.footer(), width)?);
    let mut pages = paginate(rows, &headers, paper, footer);
    let count = pages.len();
    for (i, page) in pages.iter_mut().enumerate() {
        composer.set_variables(variables.on_page(i + 1, count));
        let mut top = page.height - paper.margin[2] - footer;
        for row in composer.compose(template.footer(), width)? {
            top += row.before;
            let height = row.height;
            page.place(row, paper.margin[3], top);
            top += height;
        }
    }
    Ok(LaidOut { pages, warnings: composer.into_warnings(), title, language })
}

fn height(rows: &[Row]) -> f32 {
    rows.iter().map(|row| row.before + row.height).sum()
}
