//! `bilag render`: the PDF that would be attached.

use std::io::Write;

use crate::cli::RenderArgs;
use crate::output::Failed;

/// Writes the PDF.
pub fn run(args: &RenderArgs) -> Result<(), Failed> {
    let template = args.render.load()?;
    let event = super::read_receipt(&args.file)?;
    let rendered =
        receipt_pdf::render(template, &event).map_err(|error| Failed::at(args.file.display(), error))?;
    for warning in &rendered.warnings {
        eprintln!("warning: {warning}");
    }
    let to_stdout = args.output.as_os_str() == "-";
    let written = match to_stdout {
        true => std::io::stdout().write_all(&rendered.pdf),
        false => std::fs::write(&args.output, &rendered.pdf),
    };
    written.map_err(|error| Failed::at(args.output.display(), error))?;
    if !to_stdout {
        let (pages, bytes) = (rendered.pages, rendered.pdf.len());
        eprintln!("{}: {pages} page(s), {bytes} bytes", args.output.display());
    }
    Ok(())
}
