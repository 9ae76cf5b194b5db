//! A trial print of a new template: what only shows once its texts meet a receipt.

use events::{OrderType, ReceiptSettled};

use super::{Block, Kind, Mistake, Template};
use crate::data::Variables;
use crate::layout::Composer;
use crate::render::RenderError;

/// Sets invented receipts of every type, full and bare, block by block, and tells which texts failed.
pub(super) fn run(template: &Template) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    for receipt in examples() {
        let language = template.language(receipt.tenant.country.code.as_deref());
        let variables = Variables::new(&receipt, language, None).on_page(1, 1);
        let mut composer = Composer::new(template, language, variables);
        mistakes.extend(composer.evaluate(&template.title).err().map(mistake));
        for block in template.blocks.iter().chain(&template.footer) {
            set(&mut composer, block, template.paper.body_width(), &mut mistakes);
        }
    }
    mistakes
}

fn set(composer: &mut Composer<'_>, block: &Block, width: f32, mistakes: &mut Vec<Mistake>) {
    match &block.kind {
        Kind::Columns(columns) if block.when.is_none() => {
            for block in columns.iter().flat_map(|column| &column.blocks) {
                set(composer, block, width, mistakes);
            }
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
    vec![full, returned, bare]
}
