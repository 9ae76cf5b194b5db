//! The receipt that an invoice service answered with.

use amqp::{Failure, Outgoing};
use consumer::receipt_subject;
use events::{
    Contradictions, Foreign, Number, OrderType, Package, PackageStatus, ReceiptSettled, ReceiptSettledType,
    Undecodable,
};
use sync_store::Packing;

/// Why the answer cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AnswerError {
    /// JSON, but no receipt.
    #[error("the invoice service answered with what is no receipt.settled.v1")]
    NoReceipt(#[source] Undecodable),
    /// Known by its beginning. What its publisher is to do is said to those who publish on a bus.
    #[error("the invoice service answered with what is no receipt.settled.v1: the body is {}", .0.what.replace("content_encoding", "Content-Encoding"))]
    Foreign(Foreign),
    /// It does not add up.
    #[error("the invoice service answered with a receipt that cannot be used")]
    Contradictory(#[source] Contradictions),
    /// An invoice for a package that was packed for refund.
    #[error(
        "at orderReceipt.order.type: expected RETURN: the package was packed for refund, and a credit note was asked for"
    )]
    NoCreditNote,
    /// The receipt of another package.
    #[error("the invoice service answered with the receipt of package {answered}, and was asked for {asked}")]
    OtherPackage {
        /// The package's id in the answer.
        answered: u64,
        /// The package's id in the request.
        asked: u64,
    },
}

/// Reads the receipt and gives it its package.
pub(crate) fn receipt(
    body: &[u8],
    packing: &Packing<'_>,
    status: &PackageStatus,
) -> Result<ReceiptSettled, AnswerError> {
    let mut receipt: ReceiptSettled = events::decode(body).map_err(|error| match error {
        Undecodable::OtherFormat(foreign) | Undecodable::OtherEnvelope(foreign) => {
            AnswerError::Foreign(foreign)
        }
        error => AnswerError::NoReceipt(error),
    })?;
    receipt.check().map_err(AnswerError::Contradictory)?;
    if *status == PackageStatus::PackedForRefund && receipt.order_receipt.order.kind != OrderType::Return {
        return Err(AnswerError::NoCreditNote);
    }
    let asked = packing.key.package_id;
    match &receipt.package {
        Some(package) if package.id != asked => {
            return Err(AnswerError::OtherPackage { answered: package.id, asked });
        }
        _ => {}
    }
    receipt.package = Number::new(packing.number).map(|number| Package { id: asked, number });
    Ok(receipt)
}

/// The receipt as the chain consumes it, like one that came over the bus.
pub(crate) fn settled(receipt: &ReceiptSettled) -> Result<Outgoing, Failure> {
    const KIND: &str = ReceiptSettledType::NAME;
    let (tenant, uid) = (&receipt.tenant.uid, &receipt.order_receipt.uid);
    let identity = [KIND, &**tenant, &**uid];
    let event = Outgoing::json(KIND, KIND.to_owned(), &identity, receipt)?;
    Ok(event.about(receipt_subject(tenant, uid)))
}
