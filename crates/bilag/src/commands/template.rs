//! `bilag template`: checking what a retailer wrote.

use consumer_render::load_template;

use crate::cli::TemplateCommand;
use crate::output::{Failed, say};

/// Says that a template is right, or lists its mistakes.
pub fn run(command: &TemplateCommand) -> Result<(), Failed> {
    let TemplateCommand::Check { template } = command;
    load_template(template).map_err(Failed::plainly)?;
    say(format_args!("{template}: valid"));
    Ok(())
}
