//! One, two and four processes of a stage: how many receipts each passes on, and where it stops.
//!
//! A stage's queue is filled while nobody consumes it. Then its processes start, and the time from the
//! tenth part done to the nine tenths counts: their start and their end do not.

use std::time::{Duration, Instant};

use bilag_tests::{Bilag, OwnBroker, OwnPostgres, Store, Vhost, World, receipt};
use sandbox::omnium::{Fault, Rule};
use tokio::time::sleep;

use crate::throughput::publish;

/// A stage as it is measured.
struct Case {
    name: &'static str,
    /// The stages that fill its queue.
    before: &'static [&'static str],
    stage: &'static str,
    /// How long Omnium takes for an answer.
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
pub async fn measure(broker: &OwnBroker) {
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

/// Receipts a second, and how many processors the stage's processes kept busy.
async fn round(broker: &OwnBroker, case: &Case, processes: usize) -> (f64, f64) {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let postgres = OwnPostgres::start();
    let mut world = World::on(vhost, Store::Postgres(postgres.url.clone())).await;
    world.set("BILAG_LOG", "warn,amqp=info");
    world.set("OMNIUM_TIMEOUT", "10s");
    world.ok(&["topology", "apply"]);
    fill(&world, case).await;
    if !case.omnium_takes.is_zero() {
        let ms = case.omnium_takes.as_millis().try_into().expect("not that long");
        world.sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms }));
    }
    let mut running = Vec::new();
    for _ in 0..processes {
        running.push(world.start(&["consume", case.stage]));
    }
    let (begun, cpu) = at(&world, case, case.receipts / 10, &running).await;
    let (ended, cpu_then) = at(&world, case, case.receipts / 10 * 9, &running).await;
    let seconds = (ended - begun).as_secs_f64();
    (f64::from(case.receipts / 10 * 8) / seconds, (cpu_then - cpu).as_secs_f64() / seconds)
}

/// Publishes the receipts, and has them brought to the stage's queue.
async fn fill(world: &World, case: &Case) {
    let events = (1..=case.receipts).map(|number| receipt(number).to_string().into_bytes()).collect();
    let mut before = Vec::new();
    for stage in case.before {
        before.push(world.consume(&[stage]).await);
    }
    publish(world.vhost.url.clone(), events).await;
    let queue = format!("bilag.{}", case.stage);
    let begun = Instant::now();
    while world.vhost.ready(&queue).await != Some(case.receipts) {
        assert!(begun.elapsed() < Duration::from_secs(300), "{queue} is not filled after five minutes");
        sleep(Duration::from_millis(100)).await;
    }
}

/// When so many receipts were done, and the processor time that the stage had taken by then.
async fn at(world: &World, case: &Case, done: u32, running: &[Bilag]) -> (Instant, Duration) {
    let queue = format!("bilag.{}", case.stage);
    let begun = Instant::now();
    loop {
        let now = match case.stage {
            "upload" => world.sandbox.omnium.files(),
            _ => u64::from(case.receipts - world.vhost.ready(&queue).await.unwrap_or(case.receipts)),
        };
        if now >= u64::from(done) {
            return (Instant::now(), running.iter().map(Bilag::cpu).sum());
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "{now} of {done} after five minutes");
        sleep(Duration::from_millis(10)).await;
    }
}
