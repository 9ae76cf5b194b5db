//! What Omnium says of an invoice, as far as it is used here.

use serde::{Deserialize, Deserializer};

/// An invoice that Omnium has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundInvoice {
    /// Its files.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub assets: Vec<Asset>,
}

/// A file of an invoice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asset {
    /// Identifies the file.
    pub asset_id: Option<String>,
    /// The name it was attached with.
    pub file_name: Option<String>,
    /// Where its content is.
    pub url: Option<String>,
}

impl FoundInvoice {
    /// Whether a file of this name is attached.
    pub fn has_file(&self, name: &str) -> bool {
        self.assets.iter().any(|asset| asset.file_name.as_deref() == Some(name))
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Asset>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
