//! Measures the chain beside a bare relay of the same messages, in one run on this machine.
//!
//! `make bench` runs it in release. It prints its measurements and never fails on them.

#![allow(unreachable_pub, reason = "a binary exports nothing")]

mod dead_letters;
mod latency;
mod relay;
mod scale;
mod tenants;
mod throughput;

use bilag_tests::PrivateBroker;

/// Receipts per round: at two calls each they fit into Omnium's rate limit.
const RECEIPTS: u32 = 5_000;
const ROUNDS: usize = 3;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let broker = PrivateBroker::start();
    match std::env::args().nth(1).as_deref() {
        Some("letters") => return dead_letters::measure(&broker).await,
        Some("scale") => return scale::measure(&broker).await,
        Some("tenants") => return tenants::measure(&broker).await,
        _ => {}
    }
    println!("chain: {RECEIPTS} receipts a round, one process a consumer, SQLite, PDF of template a4");
    println!("relay: the same messages over three quorum queues, nothing done with them\n");
    let (mut chains, mut relays, mut consumers) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=ROUNDS {
        let measured = throughput::measure(&broker, RECEIPTS).await;
        let relay = relay::measure(&broker, RECEIPTS, measured.sizes).await;
        println!(
            "round {round}: chain {:>6.0}/s   relay {relay:>6.0}/s   messages of {} B, {} B, {} B",
            measured.per_second, measured.sizes[0], measured.sizes[1], measured.sizes[2]
        );
        chains.push(measured.per_second);
        relays.push(relay);
        consumers = measured.consumers;
    }
    let (chain, relay) = (median(&mut chains), median(&mut relays));
    println!(
        "\nthroughput      {chain:.0} receipts/s end to end; {:.0} % of the relay's {relay:.0}/s",
        100.0 * chain / relay
    );
    println!("  goal          500 receipts/s, and 40 % of the relay");

    let mut times = latency::measure(&broker, 300).await;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    println!(
        "\nlatency         p50 {:.1} ms, p99 {:.1} ms from publish to attached file, at rest",
        at(0.5),
        at(0.99)
    );
    println!("  goal          p50 20 ms, p99 60 ms");

    println!("\nunder load      resident memory   processor time a receipt");
    for consumer in consumers {
        let (megabytes, micros) = (consumer.resident as f64 / 1e6, consumer.cpu.as_micros());
        println!("  {:<12}  {megabytes:>12.1} MB   {micros:>20} µs", consumer.stage);
    }
    println!("  goal                  40 MB each");

    tenants::measure(&broker).await;
    dead_letters::measure(&broker).await;
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
