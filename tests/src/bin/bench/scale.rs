//! One, two and four processes of a stage: receipts per second, and where scaling ends.
//!
//! A stage's queue is filled without consumers. Then its processes start. The time from one tenth done
//! to nine tenths done counts, which excludes startup and tail.

use std::time::{Duration, Instant};

use bilag_tests::{Bilag, PrivateBroker, PrivatePostgres, Store, TestEnv, Vhost, receipt};
use sandbox::omnium::{Fault, Rule};
use tokio::time::sleep;

use crate::throughput::publish;

/// One measurement.
struct Case {
    name: &'static str,
    /// The stages that fill its queue.
    before: &'static [&'static str],
    stage: &'static str,
    /// Omnium's response time.
    omnium_takes: Duration,
    receipts: u32,
}

const CASES: [Case; 4] = [
    Case::of("receipt", &[], "receipt", 0, 6_000),
    Case::of("render", &["receipt"], "render", 0, 4_000),
    Case::of("upload, Omnium answers at once", &["receipt", "render"], "upload", 0, 4_000),
    Case::of("upload, Omnium answers in 100 ms", &["receipt", "render"], "upload", 100, 1_500),
];

const PROCESSES: [usize; 3] = [1, 2, 4];

impl Case {
    const fn of(
        name: &'static str,
        before: &'static [&'static str],
        stage: &'static str,
        takes_ms: u64,
        receipts: u32,
    ) -> Self {
        Self { name, before, stage, omnium_takes: Duration::from_millis(takes_ms), receipts }
    }
}

/// Measures every stage.
pub async fn measure(broker: &PrivateBroker) {
    println!("one vhost, PostgreSQL and the stand-ins, all on this machine's processors\n");
    println!(
        "{:<34} {:>9} {:>12} {:>14} {:>12}",
        "", "processes", "receipts/s", "each process", "processors"
    );
    for case in &CASES {
        for processes in PROCESSES {
            let (per_second, busy) = round(broker, case, processes).await;
            let each = per_second / processes as f64;
            println!("{:<34} {processes:>9} {per_second:>12.0} {each:>14.0} {busy:>12.2}", case.name);
        }
    }
    println!("\nprocessors: how many the stage's processes keep busy together; the machine's others are");
    println!("the broker's, the database's and the stand-ins'");
}

/// Receipts per second, and processors used by the stage's processes.
async fn round(broker: &PrivateBroker, case: &Case, processes: usize) -> (f64, f64) {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let postgres = PrivatePostgres::start();
    let mut env = TestEnv::on(vhost, Store::Postgres(postgres.url.clone())).await;
    env.set("BILAG_LOG", "warn,amqp=info");
    env.set("OMNIUM_TIMEOUT", "10s");
    env.ok(&["topology", "apply"]);
    fill(&env, case).await;
    if !case.omnium_takes.is_zero() {
        let ms = case.omnium_takes.as_millis().try_into().expect("not that long");
        env.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms }));
    }
    let mut running = Vec::new();
    for _ in 0..processes {
        running.push(env.start(&["consume", case.stage]));
    }
    let (begun, cpu) = at(&env, case, case.receipts / 10, &running).await;
    let (ended, cpu_then) = at(&env, case, case.receipts / 10 * 9, &running).await;
    let seconds = (ended - begun).as_secs_f64();
    (f64::from(case.receipts / 10 * 8) / seconds, (cpu_then - cpu).as_secs_f64() / seconds)
}

/// Publishes the receipts, and runs the stages before this one.
async fn fill(env: &TestEnv, case: &Case) {
    let events = (1..=case.receipts).map(|number| receipt(number).to_string().into_bytes()).collect();
    let mut before = Vec::new();
    for stage in case.before {
        before.push(env.consume(&[stage]).await);
    }
    publish(env.vhost.url.clone(), events).await;
    let queue = format!("bilag.{}", case.stage);
    let begun = Instant::now();
    while env.vhost.ready(&queue).await != Some(case.receipts) {
        assert!(begun.elapsed() < Duration::from_secs(300), "{queue} is not filled after five minutes");
        sleep(Duration::from_millis(100)).await;
    }
}

/// Waits until so many receipts are done; returns the time and the stage's processor time so far.
async fn at(env: &TestEnv, case: &Case, done: u32, running: &[Bilag]) -> (Instant, Duration) {
    let queue = format!("bilag.{}", case.stage);
    let begun = Instant::now();
    loop {
        let now = match case.stage {
            "upload" => env.sandbox.omnium.files(),
            _ => u64::from(case.receipts - env.vhost.ready(&queue).await.unwrap_or(case.receipts)),
        };
        if now >= u64::from(done) {
            return (Instant::now(), running.iter().map(Bilag::cpu).sum());
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "{now} of {done} after five minutes");
        sleep(Duration::from_millis(10)).await;
    }
}
