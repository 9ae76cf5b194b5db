//! What an event is about.

use std::fmt;

use crate::{InvoiceReady, InvoiceRendered, PackageEvent, ReceiptSettled, Uid};

/// What an event is about, as its body says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A receipt: only both uids together identify it.
    Receipt {
        /// The tenant's uid.
        tenant: Uid,
        /// The receipt's uid.
        receipt: Uid,
    },
    /// A package, by its id in the OMS.
    Package(u64),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Receipt { tenant, receipt } => write!(f, "receipt {tenant}/{receipt}"),
            Self::Package(id) => write!(f, "package {id}"),
        }
    }
}

impl ReceiptSettled {
    /// The receipt.
    pub fn about(&self) -> About {
        About::Receipt { tenant: self.tenant.uid.clone(), receipt: self.order_receipt.uid.clone() }
    }
}

impl InvoiceReady {
    /// The receipt.
    pub fn about(&self) -> About {
        self.receipt.about()
    }
}

impl InvoiceRendered {
    /// The receipt.
    pub fn about(&self) -> About {
        About::Receipt { tenant: self.tenant.clone(), receipt: self.invoice.id.clone() }
    }
}

impl PackageEvent {
    /// The package.
    pub fn about(&self) -> About {
        About::Package(self.payload.id)
    }
}
