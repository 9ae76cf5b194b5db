//! One receipt to one PDF.

use std::fmt;

use events::ReceiptSettled;
use events::store_clock::Zone;

use crate::data::Variables;
use crate::error::RenderError;
use crate::image::Image;
use crate::language::Language;
use crate::layout::{
    Area, Composer, MOST_FOR_FRAME, Mark, Page, Paper, Row, Structure, Watermark, height, paginate,
};
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
    /// Something stands outside the page, where nobody sees it, or on something else; or the header and footer leave no room for the rest.
    Outside {
        /// The first such page, from 1.
        page: usize,
    },
    /// The watermark is too long to be read across the page, and was left out.
    Watermark,
    /// The data of an image is no PNG or JPEG, and was left out.
    Image {
        /// Line of the template, from 1.
        line: usize,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Character(c) => {
                write!(
                    f,
                    "no font has the character U+{:04X} ({c}): a replacement sign is printed; \
                     to print it, name a font that has it under `fallback` in the template's [fonts]",
                    u32::from(*c)
                )
            }
            Self::Outside { page } => write!(
                f,
                "something on page {page} stands outside the paper or on something else: make the template's margins, header, footer or texts smaller"
            ),
            Self::Code { kind, line, allowed } => {
                write!(f, "the {kind} of the template's line {line} is left out: it can hold {allowed}")
            }
            Self::Watermark => write!(
                f,
                "the watermark is left out: its text is too long to be read across the page, make it shorter"
            ),
            Self::Image { line } => write!(
                f,
                "the image of the template's line {line} is left out: its data is a data URI of a PNG or JPEG \
                 of up to 4000 × 4000 pixels, in base64"
            ),
        }
    }
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
    /// Makes a receipt's document, with the invoice for machines embedded in it: EN 16931 in the syntax of UN/CEFACT CII.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn render(self, receipt: &ReceiptSettled, factur_x: Option<&str>) -> Result<Rendered, RenderError> {
        render_in(self.template, self.language, self.zone, receipt, factur_x)
    }
}

/// Makes a receipt's document.
pub fn render(template: &Template, receipt: &ReceiptSettled) -> Result<Rendered, RenderError> {
    render_in(template, None, None, receipt, None)
}

fn render_in(
    template: &Template,
    language: Option<Language>,
    zone: Option<Zone>,
    receipt: &ReceiptSettled,
    factur_x: Option<&str>,
) -> Result<Rendered, RenderError> {
    let laid_out = lay_out(template, language, zone, receipt)?;
    let order_receipt = &receipt.order_receipt;
    let about = About {
        title: &laid_out.title,
        author: order_receipt.order.store.name.as_deref().or(receipt.tenant.name.as_deref()),
        language: laid_out.language,
        created: order_receipt.created_at.moment(),
        uid: &order_receipt.uid,
        factur_x,
    };
    let images: Vec<&Image> = template.images().iter().chain(&laid_out.images).collect();
    let pdf = pdf::write(&laid_out.pages, &laid_out.structure, &images, template.fonts(), &about)?;
    Ok(Rendered { pdf, warnings: laid_out.warnings, pages: laid_out.pages.len() })
}

/// A receipt's pages, before they are written.
pub(crate) struct LaidOut {
    pub(crate) pages: Vec<Page>,
    pub(crate) structure: Structure,
    /// The images that came with the receipt, numbered after those of the template.
    images: Vec<Image>,
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
    let rows = composer.compose(template.blocks(), paper.body_width())?;
    let headers = std::mem::take(&mut composer.headers);
    let structure = composer.structure.take().unwrap_or_default();

    let width = paper.body_width();
    let (mut pages, frames) = with_frames(rows, &headers, paper, |page, pages| {
        composer.set_variables(variables.on_page(page, pages));
        Ok([composer.compose(template.header(), width)?, composer.compose(template.footer(), width)?])
    })?;
    let room = paper.most_height() - paper.margin[0] - paper.margin[2];
    let is_overfull = |frame: &Frame| height(&frame[0]) + height(&frame[1]) > room * MOST_FOR_FRAME;
    let overfull = frames.iter().position(is_overfull).map(|page| Warning::Outside { page: page + 1 });
    composer.set_variables(variables.root());
    let mut height_before = None;
    let mut watermark = None;
    for (page, [header, footer]) in pages.iter_mut().zip(frames) {
        page.background = template.background();
        if let Some((text, angle)) = template.watermark() {
            if height_before.replace(page.height) != Some(page.height) {
                watermark = composer.watermark(text, angle, page.height)?;
            }
            page.watermark.clone_from(&watermark);
        }
        page.place_all(header, paper.margin[3], paper.margin[0]);
        let top = page.height - paper.margin[2] - height(&footer);
        page.place_all(footer, paper.margin[3], top);
    }
    let images = std::mem::take(&mut composer.images);
    let is_narrow = composer.is_narrow;
    let mut warnings = composer.into_warnings();
    let misplaced = || outside(&pages).or_else(|| is_narrow.then(|| overlapping(&pages)).flatten());
    warnings.extend(overfull.or_else(misplaced));
    Ok(LaidOut { pages, structure, images, warnings, title, language })
}

/// The header and the footer of a page.
type Frame = [Vec<Row>; 2];

/// The rows on pages, and each page's header and footer. Their texts may depend on the page and on how many there are,
/// and so their heights: the highest is left free on every page, and as a higher one may make more pages, and these a
/// still higher one, this is done until it holds.
fn with_frames(
    rows: Vec<Row>,
    headers: &[Vec<Row>],
    paper: &Paper,
    mut frame: impl FnMut(usize, usize) -> Result<Frame, RenderError>,
) -> Result<(Vec<Page>, Vec<Frame>), RenderError> {
    let mut frames = vec![frame(1, 1)?];
    let mut reserved = [0, 1].map(|i| height(&frames[0][i]));
    let room = paper.most_height() - paper.margin[0] - paper.margin[2];
    if height(&rows) + reserved[0] + reserved[1] <= room {
        return Ok((paginate(rows, headers, paper, reserved), frames));
    }
    loop {
        let pages = paginate(rows.clone(), headers, paper, reserved);
        if pages.len() != frames.len() {
            frames = (1..=pages.len()).map(|page| frame(page, pages.len())).collect::<Result<_, _>>()?;
        }
        let highest = [0, 1].map(|i| frames.iter().map(|frame| height(&frame[i])).fold(0.0, f32::max));
        let holds = highest[0] <= reserved[0] && highest[1] <= reserved[1];
        if holds || reserved[0] + reserved[1] >= room * MOST_FOR_FRAME {
            return Ok((pages, frames));
        }
        reserved = [0, 1].map(|i| highest[i].max(reserved[i]));
    }
}

/// A warning where something stands outside the page.
fn outside(pages: &[Page]) -> Option<Warning> {
    let is_outside = |page: &Page, Area { x, y, width, height }: Area| {
        x < -TOLERANCE
            || y < -TOLERANCE
            || x + width > page.width + TOLERANCE
            || y + height > page.height + TOLERANCE
    };
    let page = pages.iter().position(|page| {
        let watermark = page.watermark.iter().map(Watermark::area);
        page.marks.iter().map(Mark::area).chain(watermark).any(|area| is_outside(page, area))
    })?;
    Some(Warning::Outside { page: page + 1 })
}

/// A warning where something stands on something else. Looks at every mark: only for pages where that may be.
fn overlapping(pages: &[Page]) -> Option<Warning> {
    let page = pages.iter().position(|page| Area::overlap(page.marks.iter().map(Mark::area), TOLERANCE))?;
    Some(Warning::Outside { page: page + 1 })
}

/// In points: what rounding may come to.
const TOLERANCE: f32 = 0.05;
