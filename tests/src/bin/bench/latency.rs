//! From publish to attached file, one receipt at a time.

use std::time::{Duration, Instant};

use bilag_tests::{PrivateBroker, Store, TestEnv, Vhost, receipt};
use tokio::time::sleep;

/// Latencies of so many receipts, published one at a time.
pub async fn measure(broker: &PrivateBroker, receipts: u32) -> Vec<Duration> {
    let vhost = Vhost::on(&broker.amqp, &broker.management).await;
    let mut env = TestEnv::on(vhost, Store::Sqlite).await;
    env.set("BILAG_LOG", "warn,amqp=info");
    let _processes =
        (env.consume(&["receipt"]).await, env.consume(&["render"]).await, env.consume(&["upload"]).await);
    let mut times = Vec::new();
    // The first few open connections and fetch the token.
    for number in 1..=receipts + 20 {
        let event = receipt(number);
        let begun = Instant::now();
        env.publish(&event).await;
        while env.sandbox.omnium.files() < u64::from(number) {
            assert!(begun.elapsed() < Duration::from_secs(60), "receipt {number} is not done");
            sleep(Duration::from_micros(200)).await;
        }
        if number > 20 {
            times.push(begun.elapsed());
        }
    }
    times
}
