//! Measures the chain beside a bare relay of the same messages, and beside what others would write instead, in one
//! run on this machine.
//!
//! `make bench` runs it in release, and never fails on a measurement. `make bench-check` runs its first part as the tests
//! were compiled, and fails on a ratio that fell by a third since `tests/figures.json` was written.

#![allow(unreachable_pub, reason = "a binary exports nothing")]

mod alternatives;
mod backfill;
mod dead_letters;
mod figures;
mod latency;
mod relay;
mod scale;
mod tenants;
mod throughput;

use std::process::ExitCode;

use bilag_tests::PrivateBroker;

use figures::Figures;

/// Receipts per round: at two calls each they fit into Omnium's rate limit.
const RECEIPTS: u32 = 5_000;
const ROUNDS: usize = 3;
/// The same, for a short run.
const FEW: u32 = 1_500;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let broker = PrivateBroker::start();
    let mut figures = Figures::default();
    match std::env::args().nth(1).as_deref() {
        Some("backfill") => backfill::measure(&broker).await,
        Some("check") => {
            beside_relay(&broker, FEW, &mut figures).await;
            figures.write();
            return checked(&figures);
        }
        Some("letters") => dead_letters::measure(&broker).await,
        Some("scale") => scale::measure(&broker).await,
        Some("tenants") => tenants::measure(&broker).await,
        _ => {
            let chain = beside_relay(&broker, RECEIPTS, &mut figures).await;
            at_rest(&broker, &mut figures).await;
            // Also where the alternatives cannot be installed.
            figures.write();
            beside_alternatives(&broker, chain, &mut figures).await;
            tenants::measure(&broker).await;
            dead_letters::measure(&broker).await;
            figures.write();
        }
    }
    ExitCode::SUCCESS
}

/// The chain and the relay in turn; gives the chain's receipts per second.
async fn beside_relay(broker: &PrivateBroker, receipts: u32, figures: &mut Figures) -> f64 {
    println!("chain: {receipts} receipts a round, one process a consumer, SQLite, PDF of template a4");
    println!("relay: the same messages over three quorum queues, nothing done with them\n");
    let (mut chains, mut relays, mut cpu_ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut consumers = Vec::new();
    for round in 1..=ROUNDS {
        let measured = throughput::measure(broker, receipts).await;
        let relay = relay::measure(broker, receipts, measured.sizes).await;
        println!(
            "round {round}: chain {:>6.0}/s   relay {:>6.0}/s   messages of {} B, {} B, {} B",
            measured.per_second, relay.per_second, measured.sizes[0], measured.sizes[1], measured.sizes[2]
        );
        let cpu: f64 = measured.consumers.iter().map(|consumer| consumer.cpu.as_secs_f64()).sum();
        chains.push(measured.per_second);
        relays.push(relay.per_second);
        cpu_ratios.push(relay.cpu.as_secs_f64() / cpu);
        consumers = measured.consumers;
    }
    let (chain, relay, cpu_ratio) = (median(&mut chains), median(&mut relays), median(&mut cpu_ratios));
    println!(
        "\nthroughput      {chain:.0} receipts/s end to end; {:.0} % of the relay's {relay:.0}/s",
        100.0 * chain / relay
    );
    figures.value("chain, receipts/s", chain);
    figures.value("relay, messages/s", relay);
    figures.ratio("chain, of the relay's rate", chain / relay);
    figures.ratio("relay, of the consumers' processor time", cpu_ratio);

    println!("\nunder load      resident memory   processor time a receipt");
    for consumer in consumers {
        let (stage, megabytes, micros) =
            (consumer.stage, consumer.resident as f64 / 1e6, consumer.cpu.as_secs_f64() * 1e6);
        println!("  {stage:<12}  {megabytes:>12.1} MB   {micros:>20.0} µs");
        figures.value(format!("{stage}, resident MB"), megabytes);
        figures.value(format!("{stage}, processor µs a receipt"), micros);
    }
    chain
}

async fn at_rest(broker: &PrivateBroker, figures: &mut Figures) {
    let mut times = latency::measure(broker, 300).await;
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    let (p50, p99) = (at(0.5), at(0.99));
    println!("\nlatency         p50 {p50:.1} ms, p99 {p99:.1} ms from publish to attached file, at rest");
    figures.value("latency at rest, p50 ms", p50);
    figures.value("latency at rest, p99 ms", p99);
}

async fn beside_alternatives(broker: &PrivateBroker, chain: f64, figures: &mut Figures) {
    println!("\nalternatives    receipts/s   Bilag is faster by");
    for (language, rate) in alternatives::measure(broker, RECEIPTS).await {
        let ratio = chain / rate;
        println!("  {language:<12}  {rate:>10.0}   {ratio:>16.1} ×");
        figures.value(format!("{language}, receipts/s"), rate);
        figures.ratio(format!("chain, of the rate in {language}"), ratio);
    }
}

fn checked(figures: &Figures) -> ExitCode {
    let fallen = figures.fallen();
    if fallen.is_empty() {
        return ExitCode::SUCCESS;
    }
    eprintln!("\nfallen by a third or more since tests/figures.json was written:");
    fallen.iter().for_each(|ratio| eprintln!("  {ratio}"));
    ExitCode::FAILURE
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
