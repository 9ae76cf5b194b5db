//! Receipts that are the invoice of a package: one for each, and the right one.

use amqp::{Failure, Reason};
use events::{Package, ReceiptSettled};
use sync_store::{Issue, Key, PackageKey};

use consumer::of_store;

use crate::Settle;

/// The package has another receipt.
pub const SECOND_RECEIPT: Reason = Reason::new(
    "second_receipt",
    "find out which receipt is the package's invoice (`bilag packages show`), and cancel the other at its source",
);
/// The receipt's package has another number.
pub const OTHER_PACKAGE: Reason =
    Reason::new("other_package", "have the publisher refer to the package by the OMS's id and number");

/// The package has another receipt.
#[derive(Debug, thiserror::Error)]
#[error(
    "package {package} has its invoice already, receipt {first}: nothing was sent for the second one; find out which is right"
)]
struct SecondReceipt {
    package: PackageKey,
    first: Key,
}

/// The receipt's package has another number.
#[derive(Debug, thiserror::Error)]
#[error(
    "at package.number: package {package} was packed with the number {known}, and the receipt names another"
)]
struct OtherPackage {
    package: PackageKey,
    known: String,
}

impl Settle {
    /// Refuses a receipt that cannot be the invoice of its package, before anything is recorded.
    pub(crate) async fn may_have_package(&self, event: &ReceiptSettled, key: &Key) -> Result<(), Failure> {
        let Some(package) = &event.package else { return Ok(()) };
        let package_key = self.key(package);
        let rounds = self.packages.package(&package_key).await.map_err(of_store)?;
        let Some(newest) = rounds.first() else { return Ok(()) };
        if rounds.iter().any(|round| round.receipt.as_ref() == Some(key)) {
            return Ok(());
        }
        if *newest.number != *package.number {
            return Err(other_package(package_key, newest.number.clone()));
        }
        match &newest.receipt {
            Some(first) if rounds.iter().all(|round| round.receipt.is_some()) => {
                Err(second_receipt(package_key, first.clone()))
            }
            _ => Ok(()),
        }
    }

    /// Notes that the receipt is the invoice of its package.
    pub(crate) async fn issue_package(&self, event: &ReceiptSettled, key: &Key) -> Result<(), Failure> {
        let Some(package) = &event.package else { return Ok(()) };
        let package_key = self.key(package);
        let issued = self.packages.issue(&package_key, &package.number, key).await;
        match issued.map_err(of_store)? {
            Issue::Matched { .. } | Issue::Again => Ok(()),
            Issue::Unknown => {
                tracing::info!(receipt = %key, package = %package_key, "the receipt of a package that was not received as packed");
                Ok(())
            }
            Issue::Taken { by } => Err(second_receipt(package_key, by)),
            Issue::OtherNumber { known } => Err(other_package(package_key, known)),
        }
    }

    fn key(&self, package: &Package) -> PackageKey {
        PackageKey { oms: self.context.oms.clone(), package_id: package.id }
    }
}

fn second_receipt(package: PackageKey, first: Key) -> Failure {
    Failure::reject(SECOND_RECEIPT, SecondReceipt { package, first })
}

fn other_package(package: PackageKey, known: String) -> Failure {
    Failure::reject(OTHER_PACKAGE, OtherPackage { package, known })
}
