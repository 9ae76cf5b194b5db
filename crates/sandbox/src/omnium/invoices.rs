//! The invoices and their files, as Omnium holds them.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Number, Value, json};
use uuid::Uuid;

use crate::documents::{Documents, sha256};
use crate::{FileFacts, Subject};

/// An invoice, as the summary shows it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InvoiceFacts {
    /// The invoice number.
    pub number: Option<String>,
    /// The store.
    pub store_id: Option<String>,
    /// What it comes to, VAT included.
    pub amount: Option<Number>,
    /// How often it was sent.
    pub upserts: u64,
    /// Its files, in the order in which they were attached.
    pub files: Vec<FileFacts>,
}

/// A change that somebody else may make to an invoice.
#[derive(Clone, Debug, PartialEq)]
pub enum Tampering {
    /// Delete it.
    Delete,
    /// Give it another amount.
    Amount(Number),
    /// Give it another currency.
    Currency(String),
    /// Take its files away.
    RemoveFiles,
    /// Put something else into its files.
    ReplaceFiles(Bytes),
    /// Make the addresses of its files lead nowhere.
    LoseContents,
}

/// What an upsert says, once its body is read.
#[derive(Debug)]
pub(super) struct Upsert {
    pub id: String,
    pub number: Option<String>,
    pub store_id: Option<String>,
    pub amount: Option<Number>,
    pub currency: Option<String>,
    pub has_assets: bool,
}

impl Upsert {
    pub(super) fn subject(&self) -> Subject {
        Subject {
            invoice_id: Some(self.id.clone()),
            invoice_number: self.number.clone(),
            store_id: self.store_id.clone(),
            ..Subject::default()
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Invoices(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    invoices: HashMap<String, Invoice>,
    contents: Documents<Uuid>,
}

#[derive(Debug)]
struct Invoice {
    facts: InvoiceFacts,
    currency: Option<String>,
    created: Instant,
    /// When and as what each of the files was attached.
    assets: Vec<Asset>,
}

#[derive(Debug)]
struct Asset {
    since: Instant,
    content: Uuid,
    /// As `AddAsset` was given it.
    id: Option<String>,
}

impl Asset {
    fn id(&self) -> String {
        self.id.clone().unwrap_or_else(|| self.content.to_string())
    }
}

/// What became of an attach.
#[derive(Debug, PartialEq)]
pub(super) enum Attached {
    /// The invoice has so many files now.
    Files(usize),
    NoInvoice,
    /// There is an invoice, but too new to be seen.
    NotSeenYet,
}

impl Invoices {
    /// Adds or replaces an invoice. Says whether files were dropped: an update without assets
    /// leaves none.
    pub(super) fn upsert(&self, upsert: Upsert) -> bool {
        let held = &mut *self.0.lock();
        let Upsert { id, number, store_id, amount, currency, has_assets } = upsert;
        let invoice = held.invoices.entry(id).or_insert_with(|| Invoice {
            facts: InvoiceFacts { number: None, store_id: None, amount: None, upserts: 0, files: Vec::new() },
            currency: None,
            created: Instant::now(),
            assets: Vec::new(),
        });
        invoice.currency = currency;
        let facts = &mut invoice.facts;
        (facts.number, facts.store_id, facts.amount) = (number, store_id, amount);
        facts.upserts += 1;
        let drops = !has_assets && !facts.files.is_empty();
        if drops {
            facts.files.clear();
            for asset in invoice.assets.drain(..) {
                held.contents.remove(&asset.content);
            }
        }
        drops
    }

    /// Adds a file. A repeat adds a second one, but where it has the id of one that is there: that is replaced.
    pub(super) fn attach(
        &self,
        id: &str,
        file: FileFacts,
        content: Bytes,
        asset_id: Option<String>,
        lag: Duration,
    ) -> Attached {
        let held = &mut *self.0.lock();
        let Some(invoice) = held.invoices.get_mut(id) else { return Attached::NoInvoice };
        if !lag.is_zero() && invoice.created.elapsed() < lag {
            return Attached::NotSeenYet;
        }
        let there = invoice.assets.iter().position(|asset| asset_id.is_some() && asset.id == asset_id);
        let at = match there {
            Some(at) => {
                invoice.facts.files[at] = file;
                at
            }
            None => {
                invoice.facts.files.push(file);
                invoice.assets.push(Asset { since: Instant::now(), content: Uuid::new_v4(), id: asset_id });
                invoice.assets.len() - 1
            }
        };
        held.contents.insert(invoice.assets[at].content, content);
        Attached::Files(invoice.facts.files.len())
    }

    /// The invoice as `GET /api/Invoices/{id}` answers it, seen as it was `lag` ago.
    pub(super) fn get(&self, id: &str, lag: Duration, base_url: &str) -> Option<Value> {
        let held = self.0.lock();
        let invoice = held.invoices.get(id)?;
        let seen = |since: &Instant| lag.is_zero() || since.elapsed() >= lag;
        if !seen(&invoice.created) {
            return None;
        }
        let assets: Vec<Value> = invoice
            .assets
            .iter()
            .zip(&invoice.facts.files)
            .filter(|(asset, _)| seen(&asset.since))
            .map(|(asset, file)| {
                json!({
                    "assetId": asset.id(),
                    "fileName": file.file_name,
                    "url": format!("{base_url}/assets/{}", asset.content),
                })
            })
            .collect();
        Some(json!({
            "id": id,
            "invoiceNumber": invoice.facts.number,
            "storeId": invoice.facts.store_id,
            "amount": invoice.facts.amount,
            "currency": invoice.currency,
            "url": assets.first().map(|asset| asset["url"].clone()),
            "assets": assets,
        }))
    }

    /// The content of the first file of an invoice.
    pub(super) fn pdf(&self, id: &str) -> Option<Bytes> {
        let held = self.0.lock();
        let asset = held.invoices.get(id)?.assets.first()?;
        held.contents.get(&asset.content)
    }

    /// The content of a file.
    pub(super) fn content(&self, asset: Uuid) -> Option<Bytes> {
        self.0.lock().contents.get(&asset)
    }

    /// What is known of an invoice, for rules to match.
    pub(super) fn subject(&self, id: String) -> Subject {
        let held = self.0.lock();
        let facts = held.invoices.get(&id).map(|invoice| &invoice.facts);
        Subject {
            invoice_number: facts.and_then(|facts| facts.number.clone()),
            store_id: facts.and_then(|facts| facts.store_id.clone()),
            invoice_id: Some(id),
            ..Subject::default()
        }
    }

    /// Somebody else's doing: changes an invoice behind the back of whoever sent it.
    pub(super) fn tamper(&self, id: &str, how: Tampering) {
        let held = &mut *self.0.lock();
        let Some(invoice) = held.invoices.get_mut(id) else { return };
        match how {
            Tampering::Delete => drop(held.invoices.remove(id)),
            Tampering::Amount(amount) => invoice.facts.amount = Some(amount),
            Tampering::Currency(currency) => invoice.currency = Some(currency),
            Tampering::RemoveFiles => {
                invoice.facts.files.clear();
                invoice.assets.clear();
            }
            Tampering::ReplaceFiles(content) => {
                for (file, asset) in invoice.facts.files.iter_mut().zip(&invoice.assets) {
                    (file.sha256, file.size) = (sha256(&content), content.len());
                    held.contents.insert(asset.content, content.clone());
                }
            }
            Tampering::LoseContents => {
                invoice.assets.iter().for_each(|asset| held.contents.remove(&asset.content));
            }
        }
    }

    pub(super) fn files(&self) -> u64 {
        let held = self.0.lock();
        held.invoices.values().map(|invoice| invoice.facts.files.len() as u64).sum()
    }

    pub(super) fn facts(&self) -> BTreeMap<String, InvoiceFacts> {
        let held = self.0.lock();
        held.invoices.iter().map(|(id, invoice)| (id.clone(), invoice.facts.clone())).collect()
    }
}
