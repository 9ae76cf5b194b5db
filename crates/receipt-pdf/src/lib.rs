//! receipt-pdf
