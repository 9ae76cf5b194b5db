//! What Omnium says of an invoice, as far as it is used here.

use events::Amount;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// An invoice that Omnium has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FoundInvoice {
    /// What it comes to; `None` where Omnium does not say, or says it in another form.
    #[serde(default, deserialize_with = "where_it_fits")]
    pub amount: Option<Amount>,
    /// ISO 4217; `None` where Omnium does not say.
    #[serde(default, deserialize_with = "where_it_fits")]
    pub currency: Option<String>,
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
        self.files(name).next().is_some()
    }

    /// The files of this name.
    pub fn files<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Asset> {
        self.assets.iter().filter(move |asset| asset.file_name.as_deref() == Some(name))
    }
}

/// What is only compared must not keep an answer from being read.
fn where_it_fits<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(Value::deserialize(deserializer)?).ok())
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Asset>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
