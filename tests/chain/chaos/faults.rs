//! Faults of the stand-ins, in one call of five: every kind that the vendors' documentation allows.

use std::time::Duration;

use sandbox::{Call, Fault, Options, Rule, Sandbox, omnium};

/// Stand-ins with seeded random choices and short-lived tokens.
pub fn options(seed: u64) -> Options {
    let omnium = omnium::Options { token_lifetime: Duration::from_secs(20), ..Default::default() };
    Options { omnium, seed, ..Options::default() }
}

/// Adds faults to all stand-ins, and a read lag to Omnium.
pub fn add(sandbox: &Sandbox) {
    for (rate, fault) in some() {
        let rule = Rule { rate, ..Rule::new(fault) };
        sandbox.invoice_service.add_fault(rule.clone());
        sandbox.oms.add_fault(rule.clone());
        sandbox.erp.add_fault(rule.clone());
        sandbox.omnium.add_fault(rule);
    }
    for (rate, call) in [(0.02, None), (0.20, Some(Call::Get))] {
        sandbox.omnium.add_fault(Rule { rate, call, ..Rule::new(Fault::Lag { ms: 1_000 }) });
    }
}

/// Faults, each with the share of calls that it affects.
fn some() -> [(f64, Fault); 7] {
    let status = |status: u16, retry_after, done| Fault::Status {
        status: status.try_into().expect("a status"),
        retry_after,
        done,
    };
    [
        (0.05, Fault::AnswerLost),
        (0.03, Fault::Reset),
        (0.02, Fault::Delay { ms: 2_500 }),
        (0.03, status(500, None, false)),
        (0.02, status(500, None, true)),
        (0.02, status(503, None, false)),
        (0.01, status(429, Some(1), false)),
    ]
}
