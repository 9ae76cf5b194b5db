//! E-invoices of receipts: valid by rules that others wrote, and equal to the receipt to the hundredth.

mod agreement;
mod missing;
mod policy;
mod receipts;
mod validation;
