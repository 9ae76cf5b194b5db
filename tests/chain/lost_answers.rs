//! Calls of which nobody knows what became of them: whatever it was, the invoice ends with exactly
//! its file.

use std::time::Duration;

use bilag_tests::{World, receipt};
use sandbox::omnium::{Call, Fault, Rule};

/// Receipts that meet each of the faults.
const EACH: u32 = 3;

fn done_but_answered(status: u16) -> Fault {
    Fault::Status { status: status.try_into().expect("a status"), retry_after: None, done: true }
}

/// Everything that a network, a gateway or a slow database can make of a call. The delays are longer
/// than the client waits.
fn fates(attach: Call) -> Vec<(Call, Fault)> {
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
        // Right after its creation the invoice is not seen: 404.
        (attach, Fault::Lag { ms: 1_000 }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_leave_exactly_one_file() {
    whatever_became_of_a_call("file", Call::Attach).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_answers_leave_exactly_one_asset() {
    whatever_became_of_a_call("asset", Call::AddAsset).await;
}

async fn whatever_became_of_a_call(attach_by: &str, attach: Call) {
    let mut world = World::new().await;
    world.set("OMNIUM_ATTACH_BY", attach_by);
    world.set("BILAG_RETRY_DELAYS", &["500ms"; 100].join(","));
    let fates = fates(attach);
    let all = EACH * u32::try_from(fates.len()).expect("not that many");
    for number in 1..=all {
        let (call, fault) = &fates[(number % u32::try_from(fates.len()).expect("not that many")) as usize];
        let rule = Rule::new(fault.clone()).on(*call).times(1);
        world.sandbox.omnium.add_fault(Rule { invoice_id: Some(format!("rcpt-{number}")), ..rule });
    }
    // Where an attach is in doubt it is looked up; and what is read lags behind what was written.
    world.sandbox.omnium.add_fault(Rule::new(Fault::Lag { ms: 1_000 }).on(Call::Get));
    let _all = world.consume(&["all"]).await;
    for number in 1..=all {
        world.publish(&receipt(number)).await;
    }
    world.complete_within(Duration::from_secs(120), u64::from(all)).await;
    assert!(world.dead_letters().is_empty(), "{:?}", world.dead_letters());
    world.assert_exactly_once(1..=all);
}
