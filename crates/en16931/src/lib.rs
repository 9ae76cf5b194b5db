//! E-invoices by EN 16931 from receipts: the model, and its XML in CII (Factur-X, ZUGFeRD) and in UBL.
//! Pure: no I/O, no clock. The same receipt gives the same bytes.
//!
//! Every amount is one that the receipt states, or a sum or difference of such. A receipt whose amounts
//! cannot all stand on one e-invoice gets none: see [`Missing`].

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod amounts;
mod cii;
mod codes;
mod missing;
mod model;
mod parties;
mod policy;
mod ubl;
mod xml;

pub use missing::{Missing, Problem};
pub use model::{Invoice, Kind};
pub use policy::{Policy, UnknownPolicy, decide};
