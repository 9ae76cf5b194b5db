//! How long a receipt takes, and krilla for the same document.
//!
//! `cargo bench -p receipt-pdf`. One thread; rounds of all writers are interleaved, so that a busy machine slows all.
//! krilla draws the finished document: it is given each text with its place and its glyphs and the whole structure, and
//! spends nothing on the template, the layout or the reading of fonts. It writes the page alone, and the document by
//! the same standards as ours: PDF/A-3u and PDF/UA-1.

mod support;

use std::hint::black_box;
use std::time::Instant;

use receipt_pdf::{Look, Template};
use support::{Drawn, e_invoice, receipts};

const ROUNDS: usize = 41;
const DOCUMENTS: usize = 50;

fn main() {
    let template = Template::builtin("a4").expect("the template that comes with the crate");
    let look = Look { template, language: None, zone: None };
    let xml = e_invoice();
    let many = (ROUNDS + 1) * DOCUMENTS;
    for (name, count, lines, xml) in [
        ("10 lines, fonts kept (one receipt again and again)", 1, 10, None),
        ("10 lines, fonts cut for each (no two receipts with the same characters)", many, 10, None),
        ("the same, with the e-invoice embedded", many, 10, Some(&*xml)),
        ("100 lines, fonts cut for each", many / 10, 100, None),
    ] {
        let receipts = receipts(count, lines);
        let render = |i: usize| look.render(&receipts[i % count], xml).expect("a PDF").pdf;
        let drawn: Vec<Drawn> = (0..count).map(|i| Drawn::read(&render(i))).collect();
        let plain = |i: usize| drawn[i % count].plain();
        let standard = |i: usize| drawn[i % count].standard(xml);
        let mut writers = [
            Writer::new("receipt-pdf", &render),
            Writer::new("krilla, PDF/A-3u and PDF/UA-1", &standard),
            Writer::new("krilla, the page alone", &plain),
        ];
        for round in 0..=ROUNDS {
            writers.iter_mut().for_each(|writer| writer.measure(round));
        }
        println!("{name}\n{:32}{:>9}{:>9}{:>9}{:>9}{:>8}", "", "ms", "10 %", "90 %", "bytes", "ratio");
        let ours = writers[0].median();
        writers.iter_mut().for_each(|writer| writer.report(ours));
        println!();
    }
}

struct Writer<'a> {
    name: &'static str,
    make: &'a dyn Fn(usize) -> Vec<u8>,
    /// Milliseconds a document, of each round.
    times: Vec<f64>,
    /// Of a document.
    bytes: usize,
}

impl<'a> Writer<'a> {
    fn new(name: &'static str, make: &'a dyn Fn(usize) -> Vec<u8>) -> Self {
        if let Some(folder) = std::env::var_os("BILAG_BENCH_KEEP") {
            let file = format!("{}-{}.pdf", name.replace([' ', '/', ','], ""), make(0).len());
            std::fs::write(std::path::Path::new(&folder).join(file), make(0)).expect("the file is written");
        }
        Self { name, make, times: Vec::new(), bytes: 0 }
    }

    fn measure(&mut self, round: usize) {
        let start = Instant::now();
        let numbers = round * DOCUMENTS..(round + 1) * DOCUMENTS;
        let bytes: usize = numbers.map(|i| black_box((self.make)(black_box(i))).len()).sum();
        let time = start.elapsed().as_secs_f64() * 1000.0 / DOCUMENTS as f64;
        // The first round warms caches and allocator up.
        if round > 0 {
            self.times.push(time);
            self.times.sort_by(f64::total_cmp);
        }
        self.bytes = bytes / DOCUMENTS;
    }

    fn at(&self, share: f64) -> f64 {
        self.times[((self.times.len() - 1) as f64 * share) as usize]
    }

    fn median(&self) -> f64 {
        self.at(0.5)
    }

    fn report(&self, ours: f64) {
        let (median, ratio) = (self.median(), self.median() / ours);
        let (low, high) = (self.at(0.1), self.at(0.9));
        println!("  {:30}{median:>9.3}{low:>9.3}{high:>9.3}{:>9}{ratio:>8.2}", self.name, self.bytes);
    }
}
