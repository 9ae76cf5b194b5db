//! What the ledger of a stand-in proves about the calls it received.

use sandbox::Entry;

/// Counts the answers of 429, and fails if a call began sooner than `seconds` after one.
pub fn delays_after_429(ledger: &[Entry], seconds: u64) -> usize {
    let mut obeyed = 0;
    for (entry, next) in ledger.iter().zip(ledger.iter().skip(1)) {
        if entry.status == Some(429) {
            assert!(next.at_ms - entry.at_ms >= seconds * 1_000, "{entry:?} then {next:?}");
            obeyed += 1;
        }
    }
    obeyed
}
