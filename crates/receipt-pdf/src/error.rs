//! Why no document could be made.

/// Why no document could be made.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// A text of the template cannot be evaluated for this receipt.
    #[error(
        "the text at line {line} of template {template} cannot be evaluated for this receipt: correct it"
    )]
    Text {
        /// The template.
        template: String,
        /// Line of the template, from 1.
        line: usize,
        /// What the template engine says.
        source: minijinja::Error,
    },
    /// A text of the template takes more than any text should.
    #[error(
        "the text at line {line} of template {template} does not come to an end in time: look for a loop that goes on and on"
    )]
    Endless {
        /// The template.
        template: String,
        /// Line of the template, from 1.
        line: usize,
    },
    /// A text of the template comes to more than any receipt has.
    #[error("the text at line {line} of template {template} comes to more than 2 MiB: look for a loop")]
    TooLong {
        /// The template.
        template: String,
        /// Line of the template, from 1.
        line: usize,
    },
    /// The font cannot be cut to the characters used.
    #[error("the embedded font cannot be cut to the receipt's characters: report this as a defect")]
    Font(#[source] subsetter::Error),
    /// The document cannot be written.
    #[error("the PDF cannot be written: report this as a defect")]
    Write(#[source] std::io::Error),
}
