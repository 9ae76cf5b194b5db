//! Webhooks while broker and ingress are killed: an event answered with 202 is on the bus, and the vendor
//! retries the rest.

use bilag_tests::{PrivateBroker, Store, TestEnv, Vhost, eventually, free_port, receipt};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn broker_outage_gets_503_and_loses_nothing() {
    let broker = PrivateBroker::start();
    let mut env = TestEnv::on(Vhost::on(&broker.amqp, &broker.management).await, Store::Sqlite).await;
    let _all = env.consume(&["all"]).await;
    let ingress = env.ingress().await;
    assert_eq!(ingress.flow(&receipt(1)).await.expect("an answer"), 202);

    broker.kill();
    eventually("it is not ready", async || (ingress.ready().await? == 503).then_some(())).await;
    for _ in 0..3 {
        let request = ingress.request("/webhooks/flow").bearer_auth(bilag_tests::Ingress::FLOW);
        let answer = request.json(&receipt(2)).send().await.expect("an answer");
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
    }
    broker.restart();
    ingress.flow_until_accepted(&receipt(2)).await;

    broker.raise_alarm();
    eventually("a blocked broker gets 503", async || (ingress.flow(&receipt(3)).await? == 503).then_some(()))
        .await;
    broker.clear_alarm();
    ingress.flow_until_accepted(&receipt(3)).await;
    env.complete(3).await;
    env.assert_exactly_once(1..=3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn survives_repeated_kills() {
    let mut env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    let address = format!("127.0.0.1:{}", free_port());
    let mut ingress = env.ingress_on(&address).await;
    let (http, url) = (reqwest::Client::new(), format!("{}/webhooks/flow", ingress.url));
    let vendor = async {
        for number in 1..=60 {
            eventually("a webhook is accepted", async || {
                let request = http.post(&url).bearer_auth(bilag_tests::Ingress::FLOW).json(&receipt(number));
                let status = request.send().await.ok()?.status();
                assert!(!status.is_client_error(), "{status}: Flow would not retry");
                status.is_success().then_some(())
            })
            .await;
        }
    };
    let killer = async {
        for complete in [5, 20, 40] {
            env.complete(complete).await;
            ingress.process.kill();
            ingress = env.ingress_on(&address).await;
        }
    };
    tokio::join!(vendor, killer);
    env.complete(60).await;
    assert!(env.dead_letters().is_empty(), "{:?}", env.dead_letters());
    env.assert_exactly_once(1..=60);
}
