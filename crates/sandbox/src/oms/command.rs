//! The command that puts an invoice on a package. That it takes number, date, document type and
//! document, Akinon's documents say; what its members are called, they do not, so names are data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, NaiveDate};
use serde_json::{Map, Value};

/// What the command and its members are called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The command's own name.
    pub slug: String,
    /// The member with the invoice's number.
    pub invoice_number: String,
    /// The member with its date.
    pub invoice_date: String,
    /// The member with the kind of its document: `pdf`.
    pub document_type: String,
    /// The member with the document, in base64.
    pub document: String,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            slug: "update_invoice_of_the_package".to_owned(),
            invoice_number: "invoice_number".to_owned(),
            invoice_date: "invoice_date".to_owned(),
            document_type: "invoice_document_type".to_owned(),
            document: "invoice_document".to_owned(),
        }
    }
}

/// A command, read.
pub(super) struct Command {
    pub number: String,
    pub date: String,
    pub document: Bytes,
}

impl Command {
    /// Reads the body of a command about a package, or says what is wrong with it.
    pub fn read(names: &Names, package_id: u64, body: &[u8]) -> Result<Self, String> {
        let body: Value = serde_json::from_slice(body).map_err(|_| "the body is not JSON".to_owned())?;
        let Value::Object(mut members) = body else { return Err("the body is not an object".to_owned()) };
        if take_text(&mut members, "slug")? != names.slug {
            return Err(format!("slug: no command but {} is known", names.slug));
        }
        if members.remove("package").and_then(|id| id.as_u64()) != Some(package_id) {
            return Err("package is not the number in the path".to_owned());
        }
        let number = take_text(&mut members, &names.invoice_number)?;
        let date = take_text(&mut members, &names.invoice_date)?;
        if date.parse::<NaiveDate>().is_err() && DateTime::parse_from_rfc3339(&date).is_err() {
            return Err(format!("{} is neither a date nor a time in RFC 3339", names.invoice_date));
        }
        if take_text(&mut members, &names.document_type)? != "pdf" {
            return Err(format!("{} must be pdf", names.document_type));
        }
        let document = STANDARD
            .decode(take_text(&mut members, &names.document)?)
            .map_err(|_| format!("{} is not base64", names.document))?;
        if !document.starts_with(b"%PDF") {
            return Err(format!("{} is not a PDF", names.document));
        }
        match members.keys().next() {
            Some(unknown) => Err(format!("unknown member {unknown}")),
            None => Ok(Self { number, date, document: document.into() }),
        }
    }
}

fn take_text(members: &mut Map<String, Value>, name: &str) -> Result<String, String> {
    match members.remove(name) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(format!("{name} is not a text that says something")),
        None => Err(format!("{name} is required")),
    }
}
