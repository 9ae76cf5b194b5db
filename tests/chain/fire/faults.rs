//! What the stand-ins do to one call in five: every kind that the vendors' documents let happen.

use std::time::Duration;

use sandbox::omnium::{Call, Fault};
use sandbox::{erp, invoice_service, omnium, oms};

/// Stand-ins that fail, each with dice of its own.
pub fn options(seed: u64) -> sandbox::Options {
    let of_omnium =
        || some().into_iter().map(|(rate, fault)| omnium::Rule { rate, ..omnium::Rule::new(fault) });
    let lags = [(0.02, None), (0.20, Some(Call::Get))];
    let lags =
        lags.map(|(rate, call)| omnium::Rule { rate, call, ..omnium::Rule::new(Fault::Lag { ms: 1_000 }) });
    let others = || some().into_iter().map(|(rate, fault)| oms::Rule { rate, ..oms::Rule::new(fault) });
    sandbox::Options {
        omnium: omnium::Options {
            seed,
            faults: of_omnium().chain(lags).collect(),
            token_lifetime: Duration::from_secs(20),
            ..Default::default()
        },
        invoice_service: invoice_service::Options {
            seed: seed ^ 1,
            faults: others().collect(),
            ..Default::default()
        },
        oms: oms::Options { seed: seed ^ 2, faults: others().collect(), ..Default::default() },
        erp: erp::Options { seed: seed ^ 3, faults: others().collect() },
        ..Default::default()
    }
}

/// Faults, and the share of calls that meets each.
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
