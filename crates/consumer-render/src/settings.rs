//! How receipts look.

use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use en16931::{Invoice, Policy};
use events::{EInvoice, EInvoiceSyntax};
use receipt_pdf::Template;
use tenants::{Tenants, Zones};

use crate::seal::SealSettings;

/// Layout of receipts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rendering")]
pub struct RenderSettings {
    /// Receipt template: a built-in one (a4, roll-80mm) or a file
    #[arg(long, env = "BILAG_TEMPLATE", default_value = "a4", value_name = "TEMPLATE")]
    pub template: String,
    /// E-invoices by EN 16931 in the PDFs of business customers: off, when-possible (if the receipt has all that
    /// one needs) or required (a receipt without becomes a dead letter)
    #[arg(long, env = "BILAG_EN16931", default_value_t, value_name = "POLICY")]
    pub en16931: Policy,
    /// E-invoice that the ERP gets beside the PDF, of the same receipts: the one in the PDF (cii), or in UBL
    #[arg(long, env = "ERP_EN16931", value_enum, default_value_t, value_name = "SYNTAX")]
    pub erp_en16931: ErpEInvoice,
    /// What PDFs are sealed with.
    #[command(flatten)]
    pub seal: SealSettings,
    /// The tenants' own settings, if the installation serves several.
    #[arg(skip)]
    pub tenants: Option<Tenants>,
    /// Time zones of the documents.
    #[arg(skip)]
    pub zones: Zones,
}

/// In which syntax the ERP gets e-invoices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum ErpEInvoice {
    /// It gets none
    #[default]
    Off,
    /// CII, byte for byte the one in the PDF
    Cii,
    /// UBL 2.1
    Ubl,
}

impl ErpEInvoice {
    /// The e-invoice as the ERP gets it.
    pub(crate) fn of(self, invoice: &Invoice) -> Option<EInvoice> {
        let (syntax, content) = match self {
            Self::Off => return None,
            Self::Cii => (EInvoiceSyntax::Cii, invoice.to_cii()),
            Self::Ubl => (EInvoiceSyntax::Ubl, invoice.to_ubl()),
        };
        Some(EInvoice { syntax, content })
    }
}

/// Why there is no template.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// Neither built in, nor a file.
    #[error("template {name} is neither built in ({}) nor a file that can be read", Template::BUILTIN.join(", "))]
    NoFile {
        /// What was asked for.
        name: String,
        /// Why it cannot be read.
        #[source]
        source: io::Error,
    },
    /// It has mistakes.
    #[error(transparent)]
    Mistakes(#[from] receipt_pdf::TemplateErrors),
}

impl RenderSettings {
    /// The installation's template. One that is read from a file lives as long as the process.
    pub(crate) fn load(&self) -> Result<&'static Template, TemplateError> {
        load_template(&self.template)
    }
}

/// The largest template, in bytes.
const TEMPLATE_MOST: u64 = 1024 * 1024;

/// The largest image or font of a template, in bytes.
const FILE_MOST: u64 = 32 * 1024 * 1024;

/// A built-in template by its name, or one from a file, checked.
pub fn load_template(name: &str) -> Result<&'static Template, TemplateError> {
    load_template_from(name).0
}

/// The same, and the files that it was read from, whether or not it has mistakes: itself, and its images.
pub fn load_template_from(name: &str) -> (Result<&'static Template, TemplateError>, Vec<PathBuf>) {
    if let Some(template) = Template::builtin(name) {
        return (Ok(template), Vec::new());
    }
    let path = Path::new(name);
    let files = RefCell::new(vec![path.to_owned()]);
    let folder = path.parent().unwrap_or(Path::new(""));
    let read = |file: &str| {
        let file = folder.join(file);
        files.borrow_mut().push(file.clone());
        config::read(file, FILE_MOST)
    };
    let template = config::read_text(path, TEMPLATE_MOST)
        .map_err(|source| TemplateError::NoFile { name: name.to_owned(), source })
        .and_then(|source| Ok(Template::load(&source, name, &read)?))
        .map(|template| &*Box::leak(Box::new(template)));
    (template, files.into_inner())
}
