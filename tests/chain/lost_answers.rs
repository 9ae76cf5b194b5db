//! Calls whose answer was lost: executed or not, the invoice ends with exactly
//! its file.

use bilag_tests::{TestEnv, receipt};
use sandbox::omnium::{Call, Fault, Rule};

/// Receipts per fault.
const EACH: u32 = 3;

fn done_but_answered(status: u16) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after: None, done: true }
}

/// What a network, a gateway or a slow database can do to a call. The delays exceed the client's
/// timeout.
fn faults(attach: Call) -> Vec<(Call, Fault)> {
    vec![
        (Call::Upsert, Fault::AnswerLost),
        (attach, Fault::AnswerLost),
        (Call::Upsert, Fault::Reset),
        (attach, Fault::Reset),
        (Call::Upsert, Fault::Delay { ms: 2_500 }),
        (attach, Fault::Delay { ms: 2_500 }),
        (Call::Upsert, done_but_answered(500)),
        (attach, done_but_answered(500)),
        (Call::Upsert, done_but_answered(504)),
        (attach, done_but_answered(504)),
        // Read lag: right after its creation the invoice is not found (404).
        (attach, Fault::Lag { ms: 1_000 }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_leave_exactly_one_file() {
    assert_one_file_after_lost_answers("file", Call::Attach).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_leave_exactly_one_asset() {
    assert_one_file_after_lost_answers("asset", Call::AddAsset).await;
}

async fn assert_one_file_after_lost_answers(attach_by: &str, attach: Call) {
    let mut env = TestEnv::new().await;
    env.set("OMNIUM_ATTACH_BY", attach_by);
    env.set("BILAG_RETRY_DELAYS", &["500ms"; 100].join(","));
    let faults = faults(attach);
    let all = EACH * u32::try_from(faults.len()).expect("not that many");
    for number in 1..=all {
        let (call, fault) = &faults[(number % u32::try_from(faults.len()).expect("not that many")) as usize];
        let mut rule = Rule::new(fault.clone()).on(*call).times(1);
        rule.subject.invoice_id = Some(format!("rcpt-{number}"));
        env.sandbox.omnium.add_fault(rule);
    }
    // An uncertain attach is looked up, and reads lag behind writes.
    env.sandbox.omnium.add_fault(Rule::new(Fault::Lag { ms: 1_000 }).on(Call::Get));
    let _all = env.consume(&["all"]).await;
    for number in 1..=all {
        env.publish(&receipt(number)).await;
    }
    env.complete(u64::from(all)).await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=all);
}
