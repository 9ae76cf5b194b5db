//! `bilag template`: checking what a retailer wrote.

use crate::cli::TemplateCommand;
use crate::output::Failed;
use crate::settings::load_template;

/// Says that a template is right, or lists its mistakes.
pub fn run(command: &TemplateCommand) -> Result<(), Failed> {
    let TemplateCommand::Check { template } = command;
    load_template(template).map_err(Failed::answered_no)?;
    println!("{template}: no mistakes");
    Ok(())
}
