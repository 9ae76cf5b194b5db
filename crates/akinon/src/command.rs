//! The names in the OMS's command that gives a package its invoice.

use serde_json::{Map, Value};
use thiserror::Error;

/// How the OMS's command `UpdateInvoiceOfThePackageCommand` is written in JSON.
///
/// Akinon documents that the command takes the invoice's number, its date, the document's type and its
/// content, and that a slug names a command. The slug and the keys themselves are in no document of
/// theirs that could be found: the defaults are to be confirmed with Akinon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceCommand {
    /// Names the command; `update_invoice_of_the_package` by default, to be confirmed with Akinon. One of digits
    /// alone is the command's transition id, and sent as a number: Akinon accepts the one or the other.
    pub slug: String,
    /// The key of the invoice's number; `invoice_number` by default, to be confirmed with Akinon.
    pub number_key: String,
    /// The key of the invoice's date; `invoice_date` by default, to be confirmed with Akinon.
    pub date_key: String,
    /// The key of the document's type; `invoice_document_type` by default, to be confirmed with Akinon.
    pub document_type_key: String,
    /// The document's type itself; `pdf` by default, to be confirmed with Akinon.
    pub document_type: String,
    /// The key of the document in base64; `invoice_document` by default, to be confirmed with Akinon.
    pub document_key: String,
}

/// Why a command cannot be built.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidCommand {
    /// Something that needs a name has none.
    #[error("{0} is empty")]
    Empty(&'static str),
    /// The key is one that every command has.
    #[error("{what} is {key:?}, which every command of the OMS has already; give it another name")]
    Taken {
        /// Which of the keys.
        what: &'static str,
        /// The key.
        key: String,
    },
    /// Two of the keys are the same.
    #[error("{first} and {second} are both {key:?}; give each a name of its own")]
    Twice {
        /// One of the keys.
        first: &'static str,
        /// The other one.
        second: &'static str,
        /// The key.
        key: String,
    },
}

impl Default for InvoiceCommand {
    fn default() -> Self {
        Self {
            slug: "update_invoice_of_the_package".to_owned(),
            number_key: "invoice_number".to_owned(),
            date_key: "invoice_date".to_owned(),
            document_type_key: "invoice_document_type".to_owned(),
            document_type: "pdf".to_owned(),
            document_key: "invoice_document".to_owned(),
        }
    }
}

impl InvoiceCommand {
    /// Whether the command can be built: nothing is empty, and no key is there twice.
    ///
    /// # Errors
    /// See [`InvalidCommand`].
    pub fn check(&self) -> Result<(), InvalidCommand> {
        let keys = [
            ("the key of the invoice's number", &self.number_key),
            ("the key of the invoice's date", &self.date_key),
            ("the key of the document's type", &self.document_type_key),
            ("the key of the document", &self.document_key),
        ];
        let values = [("the command's slug", &self.slug), ("the document's type", &self.document_type)];
        if let Some((what, _)) = values.iter().chain(&keys).find(|(_, text)| text.trim().is_empty()) {
            return Err(InvalidCommand::Empty(what));
        }
        for (i, (second, key)) in keys.into_iter().enumerate() {
            if matches!(key.as_str(), "slug" | "package") {
                return Err(InvalidCommand::Taken { what: second, key: key.clone() });
            }
            if let Some((first, _)) = keys[..i].iter().find(|(_, other)| *other == key) {
                return Err(InvalidCommand::Twice { first, second, key: key.clone() });
            }
        }
        Ok(())
    }

    /// The command's JSON.
    pub(crate) fn body(&self, package_id: u64, number: &str, date: &str, document: String) -> Vec<u8> {
        let body: Map<String, Value> = [
            ("slug", self.slug.parse::<u64>().map_or_else(|_| self.slug.as_str().into(), Value::from)),
            ("package", package_id.into()),
            (self.number_key.as_str(), number.into()),
            (self.date_key.as_str(), date.into()),
            (self.document_type_key.as_str(), self.document_type.as_str().into()),
            (self.document_key.as_str(), document.into()),
        ]
        .into_iter()
        .map(|(key, value): (&str, Value)| (key.to_owned(), value))
        .collect();
        serde_json::to_vec(&body).expect("its keys are strings")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Change = fn(&mut InvoiceCommand);

    #[test]
    fn defaults_are_valid() {
        assert_eq!(InvoiceCommand::default().check(), Ok(()));
    }

    #[test]
    fn names_what_is_wrong_with_a_command() {
        let cases: [(Change, &str); 8] = [
            (|command| command.slug.clear(), "the command's slug is empty"),
            (|command| command.document_type = " ".to_owned(), "the document's type is empty"),
            (|command| command.number_key.clear(), "the key of the invoice's number is empty"),
            (|command| command.date_key.clear(), "the key of the invoice's date is empty"),
            (|command| command.document_key.clear(), "the key of the document is empty"),
            (
                |command| command.document_key = "slug".to_owned(),
                r#"the key of the document is "slug", which every command of the OMS has already; give it another name"#,
            ),
            (
                |command| command.date_key = "package".to_owned(),
                r#"the key of the invoice's date is "package", which every command of the OMS has already; give it another name"#,
            ),
            (
                |command| command.document_key = "invoice_number".to_owned(),
                r#"the key of the invoice's number and the key of the document are both "invoice_number"; give each a name of its own"#,
            ),
        ];
        for (change, message) in cases {
            let mut command = InvoiceCommand::default();
            change(&mut command);
            assert_eq!(command.check().expect_err("not sound").to_string(), message);
        }
    }
}
