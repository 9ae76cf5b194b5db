//! A receipt to its document: what the tenant's facts add, the e-invoice in it, and the page.

use std::borrow::Cow;
use std::fmt;

use en16931::{Invoice, Missing, Policy};
use events::ReceiptSettled;
use receipt_pdf::{Look, MissingContent, RenderError, Warning};
use tenants::Facts;

/// How a tenant's documents are made.
#[derive(Clone, Debug)]
pub struct DocumentSettings {
    /// How they look.
    pub look: Look,
    /// What receipts need not say of who issues them.
    pub facts: Facts,
    /// Which get an e-invoice.
    pub en16931: Policy,
}

/// A receipt's document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The file's bytes.
    pub pdf: Vec<u8>,
    /// What could not be shown as the receipt says.
    pub warnings: Vec<Warning>,
    /// How many pages it has.
    pub pages: usize,
    /// The e-invoice that it contains.
    pub e_invoice: Option<Invoice>,
    /// What the receipt lacks for the e-invoice that it could have had.
    pub missing: Vec<Missing>,
}

/// Why a receipt has no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// The page cannot be made.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// An e-invoice is required, and the receipt lacks something for it.
    #[error("no e-invoice can be made of the receipt, and BILAG_EN16931 requires one: {}", Reasons(.0))]
    EInvoice(Vec<Missing>),
}

struct Reasons<'a>(&'a [Missing]);

impl fmt::Display for Reasons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, missing) in self.0.iter().enumerate() {
            write!(f, "{}{missing}", if i > 0 { ". " } else { "" })?;
        }
        Ok(())
    }
}

impl DocumentSettings {
    /// Makes a receipt's document.
    ///
    /// # Errors
    /// See [`DocumentError`].
    pub fn render(&self, event: &ReceiptSettled) -> Result<Document, DocumentError> {
        let event = self.completed(event);
        let (e_invoice, missing) = match en16931::decide(self.en16931, &event, self.look.zone) {
            Ok(invoice) => (invoice, Vec::new()),
            Err(missing) if self.en16931 == Policy::Required => return Err(DocumentError::EInvoice(missing)),
            Err(missing) => (None, missing),
        };
        let factur_x = e_invoice.as_ref().map(Invoice::to_cii);
        let rendered = self.look.render(&event, factur_x.as_deref())?;
        Ok(Document {
            pdf: rendered.pdf,
            warnings: rendered.warnings,
            pages: rendered.pages,
            e_invoice,
            missing,
        })
    }

    /// The e-invoice that a receipt's document contains; `None` where it is to have none.
    ///
    /// # Errors
    /// What is missing. By [`Policy::Required`] the receipt has no document then.
    pub fn e_invoice(&self, event: &ReceiptSettled) -> Result<Option<Invoice>, Vec<Missing>> {
        en16931::decide(self.en16931, &self.completed(event), self.look.zone)
    }

    /// With the tenant's facts.
    fn completed<'a>(&self, event: &'a ReceiptSettled) -> Cow<'a, ReceiptSettled> {
        let mut event = Cow::Borrowed(event);
        if self.facts != Facts::default() {
            self.facts.complete(event.to_mut(), self.look.zone);
        }
        event
    }

    /// What the law asks the receipt's document to say, and it does not: our reading, no legal advice.
    ///
    /// # Errors
    /// The page cannot be made.
    pub fn check_content(&self, event: &ReceiptSettled) -> Result<Vec<MissingContent>, RenderError> {
        self.look.check_content(&self.completed(event))
    }
}
