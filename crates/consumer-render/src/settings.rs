//! How receipts look.

use std::io;
use std::path::Path;

use clap::Args;
use receipt_pdf::Template;
use tenants::{Tenants, Zones};

/// Layout of receipts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rendering")]
pub struct RenderSettings {
    /// Receipt template: a built-in one (a4, roll-80mm) or a file
    #[arg(long, env = "BILAG_TEMPLATE", default_value = "a4", value_name = "TEMPLATE")]
    pub template: String,
    /// The tenants' own settings, if the installation serves several.
    #[arg(skip)]
    pub tenants: Option<Tenants>,
    /// Time zones of the documents.
    #[arg(skip)]
    pub zones: Zones,
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

/// The largest image of a template, in bytes.
const IMAGE_MOST: u64 = 16 * 1024 * 1024;

/// A built-in template by its name, or one from a file, checked.
pub fn load_template(name: &str) -> Result<&'static Template, TemplateError> {
    if let Some(template) = Template::builtin(name) {
        return Ok(template);
    }
    let path = Path::new(name);
    let source = config::read_text(path, TEMPLATE_MOST)
        .map_err(|source| TemplateError::NoFile { name: name.to_owned(), source })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let template = Template::load(&source, name, &|image| config::read(folder.join(image), IMAGE_MOST))?;
    Ok(Box::leak(Box::new(template)))
}
