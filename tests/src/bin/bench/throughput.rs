//! Receipts per second from the bus to the attached file, and memory use.

use std::time::{Duration, Instant};

use amqp::{Broker, Outgoing, Publisher};
use bilag_tests::{PrivateBroker, Store, TestEnv, Vhost, receipt};
use futures_util::StreamExt;
use futures_util::stream;
use tokio::time::sleep;

/// Result of one round.
pub struct Measured {
    /// Receipts per second.
    pub per_second: f64,
    /// Resources of each consumer.
    pub consumers: Vec<Consumer>,
    /// Message size in bytes on each hop.
    pub sizes: [usize; 3],
}

/// Resources of one consumer.
pub struct Consumer {
    /// Its stage.
    pub stage: &'static str,
    /// Maximum resident memory in bytes.
    pub resident: u64,
    /// Processor time for one receipt.
    pub cpu: Duration,
}

/// The consumers of the chain, one process each.
pub const STAGES: [&str; 4] = ["receipt", "render", "upload", "dead"];

/// One round with its own vhost, store and sandbox.
pub async fn measure(broker: &PrivateBroker, receipts: u32) -> Measured {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let mut env = TestEnv::on(vhost, Store::Sqlite).await;
    env.set("BILAG_LOG", "warn,amqp=info");
    let mut processes = Vec::new();
    for stage in STAGES {
        processes.push((stage, env.consume(&[stage]).await));
    }
    let events: Vec<Vec<u8>> =
        (1..=receipts).map(|number| receipt(number).to_string().into_bytes()).collect();
    let first = events[0].len();
    let begun = Instant::now();
    let publishing = tokio::spawn(publish(env.vhost.url.clone(), events));
    let at_rest: Vec<Duration> = processes.iter().map(|(_, process)| process.cpu()).collect();
    let mut resident = [0; STAGES.len()];
    loop {
        for (most, (_, process)) in resident.iter_mut().zip(&processes) {
            *most = process.resident().max(*most);
        }
        let attached = env.sandbox.omnium.files();
        if attached >= u64::from(receipts) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(300), "{attached} of {receipts} after five minutes");
        sleep(Duration::from_millis(20)).await;
    }
    let per_second = f64::from(receipts) / begun.elapsed().as_secs_f64();
    publishing.await.expect("everything is published");
    let consumers =
        processes.iter().zip(at_rest).zip(resident).map(|(((stage, process), at_rest), resident)| Consumer {
            stage,
            resident,
            cpu: (process.cpu() - at_rest) / receipts,
        });
    let consumers = consumers.collect();
    let sizes = sizes(first, &receipt(1));
    Measured { per_second, consumers, sizes }
}

/// The sizes of one receipt's messages.
fn sizes(first: usize, event: &serde_json::Value) -> [usize; 3] {
    let receipt: events::ReceiptSettled = serde_json::from_value(event.clone()).expect("a receipt");
    let template = receipt_pdf::Template::builtin("a4").expect("built in");
    let pdf = receipt_pdf::render(template, &receipt).expect("a PDF").pdf;
    let invoice =
        serde_json::to_vec(&invoice::map(&receipt, &invoice::Mapping::default())).expect("JSON").len();
    // Both later events carry the invoice; one with the receipt, the other with the PDF in base64.
    [first, first + invoice + 150, invoice + pdf.len().div_ceil(3) * 4 + 400]
}

/// Publishes as fast as the broker confirms, with 64 in flight.
pub async fn publish(url: String, events: Vec<Vec<u8>>) {
    let broker = Broker::parse(&url, "bench").expect("a URL");
    let publisher = Publisher::connect(&broker).await.expect("a connection");
    stream::iter(events)
        .for_each_concurrent(64, |body| async {
            let event = Outgoing {
                exchange: "events".to_owned(),
                ..Outgoing::event("receipt.settled.v1", "receipt.settled.v1".to_owned(), &[], body)
            };
            publisher.publish(&event).await.expect("published");
        })
        .await;
    publisher.close().await;
}
