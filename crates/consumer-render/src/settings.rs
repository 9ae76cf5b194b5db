//! How receipts look.

use std::io;
use std::path::Path;

use clap::Args;
use receipt_pdf::Template;
use tenants::Tenants;

/// How receipts look.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rendering")]
pub struct RenderSettings {
    /// A built-in template (a4, roll-80mm) or a file
    #[arg(
        long,
        env = "BILAG_TEMPLATE",
        hide_env_values = true,
        default_value = "a4",
        value_name = "TEMPLATE"
    )]
    pub template: String,
    /// What is each tenant's own, where the installation serves several.
    #[arg(skip)]
    pub tenants: Option<Tenants>,
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

/// A built-in template by its name, or one from a file, checked.
pub fn load_template(name: &str) -> Result<&'static Template, TemplateError> {
    if let Some(template) = Template::builtin(name) {
        return Ok(template);
    }
    let path = Path::new(name);
    let source = std::fs::read_to_string(path)
        .map_err(|source| TemplateError::NoFile { name: name.to_owned(), source })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let template = Template::load(&source, name, &|image| std::fs::read(folder.join(image)))?;
    Ok(Box::leak(Box::new(template)))
}
