//! What a transform adds to the reading of a receipt.
//!
//! `cargo bench -p transform`. One thread; rounds of all readers are interleaved, so that a busy machine slows all. A
//! reader decodes and checks the event, as the consumer does.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use events::ReceiptSettled;
use transform::{Made, Source, Transforms};

const ROUNDS: usize = 41;
const MESSAGES: usize = 200;

const FILTER: &str = include_str!("../../../tests/samples/transforms/webshop.jq");
const ORDER: &[u8] = include_bytes!("../../../tests/samples/transforms/orders/sale.json");

fn main() {
    let file = |keys: &str| {
        let text = format!("[[transform]]\nname = \"bench\"\n{keys}\n");
        Transforms::read(&text, Path::new("bench.toml")).expect("a transform")
    };
    let webshop = file(&format!("filter = '''\n{FILTER}'''"));
    let unwrapped = file("unwrap = [\"masstransit\"]");
    let made = |transforms: &Transforms, body: &[u8]| {
        let made = transforms.entries()[0].apply(&Source { id: Some("id"), body, ..Source::default() });
        let Ok(Made::Event(event)) = made else { panic!("{made:?}") };
        event
    };
    let plain = made(&webshop, ORDER);
    let envelope = [b"{\"message\":", &*plain, b"}"].concat();
    let steps = webshop.entries()[0].metered(&Source { body: ORDER, ..Source::default() }).expect("made").1;
    println!("the order: {} bytes, its event {} bytes, {steps} steps", ORDER.len(), plain.len());
    let read = |event: &[u8]| {
        let event: ReceiptSettled = events::decode(event).expect("a receipt");
        event.check().expect("it holds together");
        event
    };
    let readers: [(&str, &dyn Fn()); 4] = [
        ("plain event", &|| drop(black_box(read(black_box(&plain))))),
        ("unwrapped", &|| drop(black_box(read(&made(&unwrapped, black_box(&envelope)))))),
        ("by the web shop's filter", &|| drop(black_box(read(&made(&webshop, black_box(ORDER)))))),
        ("the filter alone", &|| drop(black_box(made(&webshop, black_box(ORDER))))),
    ];
    let mut times = readers.map(|_| Vec::new());
    for round in 0..=ROUNDS {
        for ((_, reader), times) in readers.iter().zip(&mut times) {
            let began = Instant::now();
            (0..MESSAGES).for_each(|_| reader());
            // The first round warms up.
            if round > 0 {
                times.push(began.elapsed().as_secs_f64() * 1e6 / MESSAGES as f64);
            }
        }
    }
    println!("{:28}{:>9}{:>9}{:>9}", "", "µs", "10 %", "90 %");
    for ((name, _), times) in readers.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        println!(
            "{name:28}{:9.1}{:9.1}{:9.1}",
            times[ROUNDS / 2],
            times[ROUNDS / 10],
            times[ROUNDS * 9 / 10]
        );
    }
}
