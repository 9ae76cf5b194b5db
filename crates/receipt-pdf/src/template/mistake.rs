//! What is wrong with a template: every mistake, each with its line.

use std::fmt;

use config::Mistake;

/// All the mistakes of a template, by line. Displays as one line each: `file:line: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateErrors {
    file_name: String,
    mistakes: Vec<Mistake>,
}

impl TemplateErrors {
    pub(crate) fn new(file_name: &str, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort();
        mistakes.dedup();
        Self { file_name: file_name.to_owned(), mistakes }
    }

    /// The mistakes, by line.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.mistakes.iter()
    }
}

impl std::error::Error for TemplateErrors {}

impl fmt::Display for TemplateErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Mistake { line, message }) in self.mistakes.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}: {message}", self.file_name)?;
        }
        Ok(())
    }
}
