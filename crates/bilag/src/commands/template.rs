//! `bilag template`: what authors of templates work with.

mod preview;

use std::path::{Path, PathBuf};

use consumer_render::load_template;
use events::ReceiptSettled;
use receipt_pdf::{Language, Look, MissingContent, Rendered, SampleKind, Template, Warning};

use super::render::LEGAL_NOTE;
use crate::cli::{PreviewArgs, TemplateCommand};
use crate::output::{Failed, say, say_bytes, tell};

/// Checks, prints or previews a template.
pub async fn run(command: TemplateCommand) -> Result<(), Failed> {
    match command {
        TemplateCommand::Check { template, country } => check(&template, &country),
        TemplateCommand::Show { name } => {
            say_bytes(Template::builtin_source(&name).unwrap_or_default().as_bytes());
            Ok(())
        }
        TemplateCommand::Preview(args) if args.watch => preview::serve(args).await,
        TemplateCommand::Preview(args) => render_once(&args),
    }
}

/// The receipts to choose from, by name.
const SAMPLES: [(&str, &[u8]); 4] = [
    ("sale", include_bytes!("../../../../tests/samples/receipt-standard.json")),
    ("return", include_bytes!("../../../../tests/samples/receipt-return.json")),
    ("payment", include_bytes!("../../../../tests/samples/receipt-payment.json")),
    ("invoice", include_bytes!("../../../../tests/samples/receipt-b2b.json")),
];

fn sample(name: &str) -> Option<ReceiptSettled> {
    let (_, event) = SAMPLES.iter().find(|(sample, _)| *sample == name)?;
    events::decode(event).ok()
}

/// Loads a template, and renders receipts of every kind with it, short and long: what stands outside a page is an error.
fn check(name: &str, countries: &[String]) -> Result<(), Failed> {
    const LONG: usize = 80;
    let template = load_template(name).map_err(Failed::plainly)?;
    for (kind, _) in SAMPLES {
        let Some(mut receipt) = sample(kind) else { continue };
        let items = receipt.order_receipt.items.clone();
        for lines in [items.len(), LONG] {
            receipt.order_receipt.items = items.iter().cycle().take(lines).cloned().collect();
            let rendered = render(template, None, &receipt).map_err(|error| Failed::at(name, error))?;
            let outside = rendered.warnings.iter().find(|warning| matches!(warning, Warning::Outside { .. }));
            if let Some(outside) = outside {
                return Err(Failed::plainly(format!(
                    "{name}: with the sample `{kind}` of {lines} lines, {outside}"
                )));
            }
        }
    }
    check_content(name, template, countries)?;
    say(format_args!("{name}: valid"));
    Ok(())
}

/// The countries that a template is checked for where none is named: those whose language it can be printed in.
const COUNTRIES: [&str; 5] = ["NO", "SE", "DK", "FI", "TR"];

/// Says what the law asks for and the template does not print, with receipts that say everything.
fn check_content(name: &str, template: &'static Template, countries: &[String]) -> Result<(), Failed> {
    let failed = |error| Failed::at(name, error);
    if countries.is_empty() {
        let speaks = |country: &&str| template.speaks(Language::of_country(Some(country)));
        let mut is_complete = true;
        for country in COUNTRIES.into_iter().filter(speaks) {
            let missing = missing_contents(template, country).map_err(failed)?;
            let mut whats = Vec::new();
            for what in missing.iter().map(|(content, _)| content.what()) {
                if !whats.contains(&what) {
                    whats.push(what);
                }
            }
            if !whats.is_empty() {
                is_complete = false;
                let whats = whats.join(", ");
                tell(format_args!(
                    "warning: does not print what the law of {country} asks for: {whats}; \
                     `bilag template check {name} --country {country}` says of which documents, and the sources"
                ));
            }
        }
        if !is_complete {
            tell(LEGAL_NOTE);
        }
        return Ok(());
    }
    let mut count = 0;
    for country in countries.iter().map(|country| country.to_ascii_uppercase()) {
        for (content, kinds) in missing_contents(template, &country).map_err(failed)? {
            let kinds: Vec<_> = kinds.into_iter().map(SampleKind::name).collect();
            say(format_args!("{name}: {country}, {}: {content}", kinds.join(", ")));
            count += 1;
        }
    }
    say(LEGAL_NOTE);
    match count {
        0 => Ok(()),
        count => Err(Failed::at(name, format!("contents that the law asks for are not printed: {count}"))),
    }
}

/// What is missing on the documents of a country, each with the kinds of documents that it is missing on.
fn missing_contents(
    template: &'static Template,
    country: &str,
) -> Result<Vec<(MissingContent, Vec<SampleKind>)>, receipt_pdf::RenderError> {
    let look = Look { template, language: None, zone: None };
    let mut all: Vec<(MissingContent, Vec<SampleKind>)> = Vec::new();
    for kind in SampleKind::ALL {
        let Some(receipt) = receipt_pdf::legal_sample(country, kind) else { continue };
        for content in look.check_content(&receipt)? {
            match all.iter_mut().find(|(known, _)| known.is_same(&content)) {
                Some((_, kinds)) => kinds.push(kind),
                None => all.push((content, vec![kind])),
            }
        }
    }
    Ok(all)
}

fn render_once(args: &PreviewArgs) -> Result<(), Failed> {
    let template = load_template(&args.template).map_err(Failed::plainly)?;
    let receipt = match &args.receipt {
        Some(file) => super::read_receipt(file)?,
        None => {
            sample("sale").ok_or_else(|| Failed::plainly("the sample receipt is invalid: report this"))?
        }
    };
    let rendered = render(template, None, &receipt).map_err(|error| Failed::at(&args.template, error))?;
    let named = || Path::new(Path::new(&args.template).file_stem().unwrap_or_default()).with_extension("pdf");
    let output: PathBuf = args.output.clone().unwrap_or_else(named);
    for warning in &rendered.warnings {
        tell(format_args!("warning: {warning}"));
    }
    let file = output.display();
    std::fs::write(&output, &rendered.pdf).map_err(|error| Failed::at(&file, error))?;
    say(format_args!("{file}: {} page(s), {} bytes", rendered.pages, rendered.pdf.len()));
    Ok(())
}

fn render(
    template: &'static Template,
    language: Option<Language>,
    receipt: &ReceiptSettled,
) -> Result<Rendered, receipt_pdf::RenderError> {
    Look { template, language, zone: None }.render(receipt, None)
}
