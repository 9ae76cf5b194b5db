//! Whether a receipt gets an e-invoice, and whether it may go without (`BILAG_EN16931`).

use events::store_clock::Zone;
use events::{OrderType, ReceiptSettled};
use strum::{Display, EnumString, IntoStaticStr};

use crate::{Invoice, Missing};

/// What a tenant wants. By default, e-invoices where the receipt carries all that they need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Display, EnumString, IntoStaticStr)]
#[strum(
    serialize_all = "kebab-case",
    parse_err_ty = UnknownPolicy,
    parse_err_fn = unknown
)]
pub enum Policy {
    /// `off`: none.
    Off,
    /// `when-possible`: for business customers, where the receipt carries all that is needed.
    #[default]
    WhenPossible,
    /// `required`: for business customers, and a receipt that cannot be one is an error.
    Required,
}

/// The text names no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected off, when-possible or required")]
pub struct UnknownPolicy;

fn unknown(_: &str) -> UnknownPolicy {
    UnknownPolicy
}

/// The e-invoice of a receipt; `None` where none is wanted: by the policy, for a consumer, for a
/// payment. `zone` is the tenant's, for the dates of times in UTC.
///
/// # Errors
/// What is missing. By [`Policy::WhenPossible`] that is to be logged, once per tenant, and the receipt goes on
/// without; by [`Policy::Required`] it must not go on.
pub fn decide(
    policy: Policy,
    event: &ReceiptSettled,
    zone: Option<Zone>,
) -> Result<Option<Invoice>, Vec<Missing>> {
    let receipt = &event.order_receipt;
    let is_wanted =
        policy != Policy::Off && receipt.order.kind != OrderType::Payment && receipt.is_business();
    if is_wanted { Invoice::of(event, zone).map(Some) } else { Ok(None) }
}
