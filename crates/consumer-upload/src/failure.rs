//! What an error of Omnium's or of the store's means for the message.

use amqp::{Failure, Reason};
use consumer::{Refusals, decided};
use omnium::{Call, CallError, decide};
use tenants::Tenant;

/// Omnium understood the call and does not take it.
pub const OMNIUM_REJECTED: Reason = Reason::new(
    "omnium_rejected",
    "correct what Omnium's answer names, there or at the till, then redrive the dead letter",
);
/// Omnium forbids it, while it lets others through.
pub const OMNIUM_FORBIDDEN: Reason = Reason::new(
    "omnium_forbidden",
    "grant Omnium's API user the missing role, store or market, then redrive the dead letter",
);
/// The invoice was created, and is not to be found in Omnium.
pub const INVOICE_MISSING: Reason = Reason::new(
    "invoice_missing",
    "look the invoice up in Omnium; once it is there, redrive the dead letter",
);

/// The invoice was created, and is not to be found.
#[derive(Debug, thiserror::Error)]
#[error(
    "the invoice was created in Omnium and is not to be found there now; whether its file was attached is not known: look the invoice up in Omnium, and redrive this dead letter once it is there"
)]
pub(crate) struct InvoiceMissing;

/// A call failed. An invoice without its document must stand out.
#[derive(Debug, thiserror::Error)]
#[error("{doing}{whose}")]
struct CallFailed {
    doing: &'static str,
    whose: String,
    #[source]
    source: CallError,
}

/// The message's failure, for an error of one call.
pub(crate) fn of(whose: Option<&Tenant>, call: Call, error: CallError) -> Failure {
    if error.is_of_the_store() {
        return Failure::unreached(error);
    }
    let decision = decide(call, &error);
    let doing = match call {
        Call::Token => "no access token from Omnium",
        Call::Upsert => "the invoice could not be created in Omnium",
        Call::Attach | Call::AddAsset => {
            "the invoice is in Omnium WITHOUT its file: the file could not be attached"
        }
        Call::Find | Call::Download => {
            "the invoice is in Omnium, perhaps WITHOUT its file: it could not be looked up"
        }
    };
    let whose = whose.map_or_else(String::new, |tenant| format!(" ({})", tenant.described()));
    let refusals = Refusals { rejected: OMNIUM_REJECTED, forbidden: OMNIUM_FORBIDDEN };
    decided(decision, refusals, Box::new(CallFailed { doing, whose, source: error }))
}
