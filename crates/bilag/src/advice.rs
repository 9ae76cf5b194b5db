//! What to do about a dead letter, in one line for each reason; `docs/reasons.md` says it at length.

use amqp::Reason;
use consumer_receipt::CONFLICTING_RECEIPT;
use consumer_render::RENDER_FAILED;
use consumer_upload::{INVOICE_MISSING, NO_RECORD, OMNIUM_FORBIDDEN, OMNIUM_REJECTED};

const ADVICE: [(Reason, &str); 13] = [
    (
        Reason::UNDECODABLE,
        "have whoever publishes it send plain JSON in UTF-8, and publish the receipt again",
    ),
    (
        Reason::INVALID_EVENT,
        "show the error to whoever publishes the event, and have it published again, mended",
    ),
    (Reason::TOO_LARGE, "find out who published it: no receipt is this large"),
    (CONFLICTING_RECEIPT, "compare both at the till; the one heard first stays as it is"),
    (RENDER_FAILED, "mend the template (bilag render, bilag template check), then move the letter back"),
    (OMNIUM_REJECTED, "mend what Omnium's answer names, there or at the till, then move the letter back"),
    (
        OMNIUM_FORBIDDEN,
        "give Omnium's API user the role, store or market that it lacks, then move the letter back",
    ),
    (INVOICE_MISSING, "look the invoice up in Omnium; once it is there, move the letter back"),
    (NO_RECORD, "give all consumers one BILAG_DATABASE_URL, and have the receipt published again"),
    (Reason::RETRIES_EXHAUSTED, "end what the error names, then move the letter back"),
    (Reason::HANDLER_PANICKED, "report it with the log of that time: it is a defect of Bilag's"),
    (
        Reason::DELIVERY_LIMIT,
        "look for a process that crashed or ran out of memory at that time: this message may be why",
    ),
    (
        Reason::EXPIRED,
        "find who limits messages' time to live (bilag topology check --management-url URL), then move the letter back",
    ),
];

/// What to do about a letter that died for this reason.
pub fn advice(reason: &str) -> &'static str {
    let known = ADVICE.iter().find(|(known, _)| known.as_str() == reason);
    known.map_or("find out from the error", |(_, advice)| advice)
}
