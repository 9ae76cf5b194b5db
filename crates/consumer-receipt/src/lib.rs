//! consumer-receipt
