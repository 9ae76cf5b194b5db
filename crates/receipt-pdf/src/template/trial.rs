//! A trial print of a new template: what only shows once its texts meet a receipt.

use events::{OrderType, ReceiptSettled, Text};

use super::read_style::millimetres;
use super::{Block, Kind, Mistake, Template};
use crate::data::Variables;
use crate::error::RenderError;
use crate::layout::{Area, Composer, MOST_FOR_FRAME, Mark, Page, Row, height};

/// Sets invented receipts of every type, full and bare, block by block, and tells which texts failed.
pub(super) fn run(template: &Template) -> Vec<Mistake> {
    let (mut mistakes, mut places) = (Vec::new(), Vec::new());
    for receipt in examples() {
        let language = template.language(receipt.tenant.country.code.as_deref());
        let variables = Variables::new(&receipt, language, None).on_page(1, 1);
        let mut composer = Composer::new(template, language, variables);
        let watermark = template.watermark().map(|(text, _)| text);
        for text in std::iter::once(&template.title).chain(watermark) {
            mistakes.extend(composer.evaluate(text).err().map(mistake));
        }
        for block in template.header.iter().chain(&template.blocks).chain(&template.footer) {
            set(&mut composer, block, template.paper.body_width(), &mut mistakes);
        }
        if mistakes.is_empty() {
            places.extend(place(&mut composer, template));
        }
    }
    mistakes.extend(places);
    mistakes
}

/// Which blocks cannot be set without something outside the page, or on something else.
fn place(composer: &mut Composer<'_>, template: &Template) -> Vec<Mistake> {
    let paper = &template.paper;
    let room = paper.most_height() - paper.margin[0] - paper.margin[2];
    let mut mistakes = Vec::new();
    let mut place = |block: &Block, room: f32| {
        let rows = composer.compose(std::slice::from_ref(block), paper.body_width()).unwrap_or_default();
        let height = height(&rows) + block.before + block.after;
        if let Some(message) = misplaced(rows, &composer.headers, paper.body_width(), room) {
            mistakes.push(Mistake { line: block.line, message });
        }
        height
    };
    let frame: f32 = template.header.iter().chain(&template.footer).map(|block| place(block, room)).sum();
    let left = room * (1.0 - MOST_FOR_FRAME);
    template.blocks.iter().for_each(|block| {
        place(block, (room - frame).max(left));
    });
    if frame > room - left {
        let first = template.header.iter().chain(&template.footer).next();
        let message = format!(
            "the header and the footer are {} high, and no more than {} of the page are for them: make them smaller",
            millimetres(frame),
            millimetres(room - left)
        );
        mistakes.push(Mistake { line: first.map_or(1, |block| block.line), message });
    }
    mistakes
}

/// What is wrong with where things stand in a block that is so wide, and has so much of a page.
fn misplaced(rows: Vec<Row>, headers: &[Vec<Row>], width: f32, room: f32) -> Option<String> {
    if rows.iter().any(|row| row.least_mark(headers) > room + TOLERANCE) {
        return Some(format!(
            "something in the block needs more than the {} of height that a page has for it: make it smaller",
            millimetres(room)
        ));
    }
    let mut page = Page::default();
    page.place_all(rows, 0.0, 0.0);
    let areas = || page.marks.iter().map(Mark::area);
    let is_outside = |area: Area| area.x < -TOLERANCE || area.x + area.width > width + TOLERANCE;
    (areas().any(is_outside) || Area::overlap(areas(), TOLERANCE)).then(|| {
        "something in the block has less width than it needs, and stands outside of its place or on something \
         else: give its columns more room, or make its texts and gaps smaller"
            .to_owned()
    })
}

/// In points: what rounding may come to.
const TOLERANCE: f32 = 0.05;

fn set(composer: &mut Composer<'_>, block: &Block, width: f32, mistakes: &mut Vec<Mistake>) {
    match &block.kind {
        Kind::Columns(columns) if block.when.is_none() => {
            for block in columns.iter().flat_map(|column| &column.blocks) {
                set(composer, block, width, mistakes);
            }
        }
        Kind::Image { alt, .. } if block.when.is_none() => {
            mistakes.extend(composer.evaluate(alt).err().map(mistake));
            mistakes.extend(composer.compose(std::slice::from_ref(block), width).err().map(mistake));
        }
        _ => mistakes.extend(composer.compose(std::slice::from_ref(block), width).err().map(mistake)),
    }
}

fn mistake(error: RenderError) -> Mistake {
    match error {
        RenderError::Endless { line, .. } => Mistake {
            line,
            message: "the text does not come to an end in time: look for a loop that goes on and on".into(),
        },
        RenderError::TooLong { line, .. } => {
            Mistake { line, message: "the text comes to more than 2 MiB: look for a loop".into() }
        }
        RenderError::Text { line, source, .. } => {
            let problem = source.detail().map_or_else(|| source.kind().to_string(), str::to_owned);
            Mistake { line, message: format!("the text is not right: {problem}") }
        }
        other => Mistake { line: 1, message: other.to_string() },
    }
}

fn examples() -> Vec<ReceiptSettled> {
    let Ok(full) = events::decode::<ReceiptSettled>(include_bytes!("../../templates/example.json")) else {
        return Vec::new();
    };
    let mut returned = full.clone();
    returned.order_receipt.order.kind = OrderType::Return;
    let mut bare = full.clone();
    let receipt = &mut bare.order_receipt;
    receipt.order.kind = OrderType::Payment;
    receipt.order.address = None;
    receipt.order.store.address = None;
    receipt.items.clear();
    (receipt.seller, receipt.customer, receipt.contact_person, receipt.invoice_address) =
        (None, None, None, None);
    let mut wide = full.clone();
    let receipt = &mut wide.order_receipt;
    let name = Text::new("W".repeat(60));
    for item in &mut receipt.items {
        item.name = name.clone().unwrap_or_else(|| item.name.clone());
    }
    for settlement in &mut receipt.settlements {
        settlement.name = name.clone().unwrap_or_else(|| settlement.name.clone());
    }
    receipt.order.store.name = name;
    vec![full, returned, bare, wide]
}
