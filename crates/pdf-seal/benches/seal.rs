//! How long a seal takes, and how many bytes it adds to a document of a receipt's size.
//!
//! `cargo bench -p pdf-seal`. One thread. The timestamp is OpenSSL's; the time to get it is not counted.

#[path = "../tests/support/mod.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod support;

use std::time::{Duration, Instant};

use chrono::Utc;
use pdf_seal::{Seal, TOKEN_ROOM};
use support::{Authority, Pki, large_pdf};

const ROUNDS: usize = 200;

fn main() {
    let pki = Pki::new();
    let pdf = large_pdf();
    println!("a document of {} bytes", pdf.len());
    for kind in ["rsa", "p256"] {
        let (key, chain) = pki.signer(kind);
        let seal = Seal::from_pem(&key, &chain, None).expect("a seal");
        let mut bytes = 0;
        let time = median(|| {
            let sealed = seal.sign(&pdf, Utc::now(), 0).expect("signed").into_pdf().expect("a PDF");
            bytes = sealed.len() - pdf.len();
        });
        println!("{kind:5} seal            {time:.3} ms, {bytes} bytes more");

        let stamped = seal.sign(&pdf, Utc::now(), TOKEN_ROOM).expect("signed");
        let answer = pki.stamp(&stamped.timestamp_request().expect("a request"), Authority::OpenSsl);
        let bytes = stamped.with_timestamp(&answer).expect("a timestamp").len() - pdf.len();
        println!("{kind:5} with a timestamp           {bytes} bytes more");
    }
}

/// Milliseconds.
fn median(mut work: impl FnMut()) -> f64 {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            work();
            began.elapsed()
        })
        .collect();
    times.sort();
    times[ROUNDS / 2].as_secs_f64() * 1000.0
}
