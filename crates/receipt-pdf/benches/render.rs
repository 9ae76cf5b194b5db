//! How long a receipt takes, and krilla for the same page.
//!
//! `cargo bench -p receipt-pdf`. One thread; rounds of both are interleaved, so that a busy machine
//! slows both. krilla draws the finished page: it is given each text with its place and its glyphs,
//! and spends nothing on the template, the layout or the reading of fonts.

mod support;

use std::hint::black_box;
use std::time::Instant;

use receipt_pdf::{Template, render};
use support::{Drawn, receipts};

const ROUNDS: usize = 41;
const DOCUMENTS: usize = 50;

fn main() {
    let template = Template::builtin("a4").expect("the template that comes with the crate");
    let different = (ROUNDS + 1) * DOCUMENTS;
    for (name, receipts) in [
        ("10 lines, one receipt again and again: the cut fonts are kept", receipts(1, 10)),
        (
            "10 lines, no two receipts with the same characters: fonts are cut for each",
            receipts(different, 10),
        ),
        ("100 lines, no two receipts with the same characters", receipts(different / 10, 100)),
    ] {
        let pages: Vec<Drawn> = receipts
            .iter()
            .map(|receipt| Drawn::read(&render(template, receipt).expect("a PDF").pdf))
            .collect();
        let ours = |i: usize| render(template, &receipts[i % receipts.len()]).expect("a PDF").pdf.len();
        let krillas = |i: usize| pages[i % pages.len()].with_krilla().len();
        let (mut our_times, mut krilla_times) = (Vec::new(), Vec::new());
        let (mut our_bytes, mut krilla_bytes) = (0, 0);
        for round in 0..=ROUNDS {
            let (time, bytes) = measure(round, &ours);
            let (krilla_time, bytes_of_krilla) = measure(round, &krillas);
            // The first round warms caches and allocator up.
            if round > 0 {
                our_times.push(time);
                krilla_times.push(krilla_time);
            }
            (our_bytes, krilla_bytes) = (bytes, bytes_of_krilla);
        }
        println!("{name}");
        let ours = report("receipt-pdf", our_times, our_bytes);
        let krillas = report("krilla", krilla_times, krilla_bytes);
        println!("  ratio        {:.2} times as fast\n", krillas / ours);
    }
}

/// Milliseconds and bytes a document.
fn measure(round: usize, make: &dyn Fn(usize) -> usize) -> (f64, usize) {
    let start = Instant::now();
    let numbers = round * DOCUMENTS..(round + 1) * DOCUMENTS;
    let bytes: usize = numbers.map(|i| black_box(make(black_box(i)))).sum();
    (start.elapsed().as_secs_f64() * 1000.0 / DOCUMENTS as f64, bytes / DOCUMENTS)
}

fn report(name: &str, mut times: Vec<f64>, bytes: usize) -> f64 {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    let median = at(0.5);
    println!(
        "  {name:12} {median:.3} ms (10 % {:.3}, 90 % {:.3})   {:.0} documents/s per core   {bytes} bytes",
        at(0.1),
        at(0.9),
        1000.0 / median
    );
    median
}
