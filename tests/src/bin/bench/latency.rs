//! From publish to attached file, one receipt at a time.

use std::time::{Duration, Instant};

use bilag_tests::{OwnBroker, Store, Vhost, World, receipt};
use tokio::time::sleep;

/// The times of so many receipts, each published once the one before it is done.
pub async fn measure(broker: &OwnBroker, receipts: u32) -> Vec<Duration> {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let mut world = World::on(vhost, Store::Sqlite).await;
    world.set("BILAG_LOG", "warn,amqp=info");
    let _processes = (
        world.consume(&["receipt"]).await,
        world.consume(&["render"]).await,
        world.consume(&["upload"]).await,
    );
    let mut times = Vec::new();
    // The first few open connections and fetch the token.
    for number in 1..=receipts + 20 {
        let event = receipt(number);
        let begun = Instant::now();
        world.publish(&event).await;
        while world.sandbox.omnium.files() < u64::from(number) {
            assert!(begun.elapsed() < Duration::from_secs(60), "receipt {number} is not done");
            sleep(Duration::from_micros(200)).await;
        }
        if number > 20 {
            times.push(begun.elapsed());
        }
    }
    times
}
