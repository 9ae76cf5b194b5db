//! What to do about an error: one table for every call and every answer.

use std::time::Duration;

use http_client::Decision;

use crate::OmniumError;

/// The calls that are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// An access token.
    Token,
    /// Creates the invoice, or replaces it.
    Upsert,
    /// Adds a file to the invoice.
    Attach,
    /// Adds a file to the invoice, or replaces the one with its id.
    AddAsset,
    /// Reads the invoice.
    Find,
    /// Reads the content of a file.
    Download,
}

impl Call {
    /// The method and the path's template, for traces: they name no invoice.
    pub(crate) const fn route(self) -> (&'static str, &'static str) {
        match self {
            Self::Token => ("POST", "/api/token"),
            Self::Upsert => ("PUT", "/api/Invoices/UpdateInvoice"),
            Self::Attach => ("POST", "/api/Invoices/{invoiceId}/AddFileToInvoice"),
            Self::AddAsset => ("POST", "/api/Invoices/{invoiceId}/AddAsset"),
            Self::Find => ("GET", "/api/Invoices/{invoiceId}"),
            // Where files are, each asset says for itself.
            Self::Download => ("GET", "{asset}"),
        }
    }
}

/// Decides about an error of a call. `docs/omnium.md` shows it as a table.
pub fn decide(call: Call, error: &OmniumError) -> Decision {
    match error {
        OmniumError::NoToken(source) => decide(Call::Token, source),
        OmniumError::Refused(_) | OmniumError::NotAllowed(_) => Decision::Unavailable { reached: false },
        OmniumError::Throttled { retry_after } => Decision::Wait { at_least: *retry_after },
        // Whoever was ahead has had a timeout's worth of time by then.
        OmniumError::NotMade(_) => Decision::Wait { at_least: Duration::ZERO },
        // Whatever ails the token ails every message alike.
        _ if call == Call::Token => Decision::Unavailable { reached: false },
        OmniumError::Unanswered(_)
        | OmniumError::Unauthorized(_)
        | OmniumError::ServerError(_)
        | OmniumError::Unavailable(_)
        | OmniumError::Foreign(_) => Decision::Unavailable { reached: true },
        OmniumError::Forbidden(_) => Decision::Forbidden,
        OmniumError::Conflict(_) => Decision::Retry,
        // Reads lag writes by a second: an attach right after the upsert may not see the invoice.
        // A find says `None` instead. On an upsert it means invalid data.
        OmniumError::NotFound(_) if call == Call::Upsert => Decision::Reject,
        OmniumError::NotFound(_) => Decision::Retry,
        OmniumError::TooLarge(_) | OmniumError::Invalid(_) => Decision::Reject,
    }
}
