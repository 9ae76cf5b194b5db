//! The first page, with and without a broker.

use amqp::{Broker, Delay, Exchange, Topology};
use reqwest::StatusCode;
use sync_store::{Closes, DeadLetter, NewDeadLetter};

use crate::browser::Browser;
use crate::trial::{Options, Trial, stages};

/// A vhost of one test's own: its URL, and the management API's.
async fn vhost() -> (String, String) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let variable = |name: &str| {
        std::env::var(name)
            .unwrap_or_else(|_| panic!("{name} is set to what `dev/broker.sh start DIR` prints"))
    };
    let (amqp, management) = (variable("BILAG_TEST_AMQP_URL"), variable("BILAG_TEST_MANAGEMENT_URL"));
    let name = format!("test-{}-{}", chrono::Utc::now().timestamp(), uuid::Uuid::new_v4().simple());
    let http = reqwest::Client::new();
    for (path, body) in [
        (format!("vhosts/{name}"), "{}"),
        (format!("permissions/{name}/guest"), r#"{"configure":".*","write":".*","read":".*"}"#),
    ] {
        let request = http.put(format!("{management}/api/{path}")).basic_auth("guest", Some("guest"));
        let answer =
            request.header("content-type", "application/json").body(body).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.status());
    }
    let (server, _) = amqp.rsplit_once('/').expect("a vhost");
    (format!("{server}/{name}"), management)
}

/// Declares the queues of receipt and upload, and puts messages into some.
async fn declared(url: &str) {
    let broker = Broker::parse(url, "test").expect("a URL");
    let connection = lapin::Connection::connect(url, Default::default()).await.expect("a connection");
    let channel = connection.create_channel().await.expect("a channel");
    let durable = lapin::options::ExchangeDeclareOptions { durable: true, ..Default::default() };
    let bus =
        channel.exchange_declare("events".into(), lapin::ExchangeKind::Topic, durable, Default::default());
    bus.await.expect("declared");
    let queue =
        |name, key: &str| amqp::WorkQueue { stage: name, bindings: vec![(Exchange::Events, key.to_owned())] };
    let delays: Vec<Delay> = ["5s", "1h"].map(|delay| delay.parse().expect("a delay")).to_vec();
    let work_queues = vec![queue("receipt", "receipt"), queue("upload", "upload")];
    let topology = Topology { bus: "events".to_owned(), work_queues, delays };
    amqp::apply(&broker, &topology).await.expect("declared");
    channel.confirm_select(Default::default()).await.expect("confirms");
    for (exchange, key, count) in
        [("bilag", "upload", 3), ("bilag.requeue", "bilag.upload.retry.1h", 2), ("bilag.dead", "upload", 4)]
    {
        for _ in 0..count {
            let publish = channel.basic_publish(
                exchange.into(),
                key.into(),
                Default::default(),
                b"{}",
                lapin::BasicProperties::default().with_delivery_mode(2),
            );
            assert!(publish.await.expect("sent").await.expect("confirmed").is_ack());
        }
    }
    connection.close(200, "done".into()).await.expect("closed");
}

/// What the card of a stage says, without its tags.
fn card(page: &str, stage: &str) -> String {
    let (_, rest) = page.split_once(&format!("aria-labelledby=\"stage-{stage}\"")).expect("the stage");
    let (card, _) = rest.split_once("</article>").expect("it ends");
    let mut text = String::new();
    for part in card.split('>').skip(1) {
        text.push_str(part.split('<').next().unwrap_or_default());
        text.push(' ');
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Loads the page until the card of upload says it.
async fn until(browser: &mut Browser, told: &str) -> String {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        let page = browser.get("/").await.body;
        if card(&page, "upload").contains(told) {
            return page;
        }
        assert!(tokio::time::Instant::now() < deadline, "{}", card(&page, "upload"));
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn the_numbers_of_each_stage_are_the_brokers_by_amqp() {
    let (url, _) = vhost().await;
    declared(&url).await;
    let trial = Trial::with(Options { broker: url, ..Options::default() }).await;
    let page = until(&mut Browser::at(&trial), "waiting 3 in retry 2 dead 4").await;
    assert!(card(&page, "upload").contains("no consumer"), "{}", card(&page, "upload"));
    assert!(card(&page, "receipt").contains("waiting 0 in retry 0 dead 0"), "{}", card(&page, "receipt"));
    assert!(page.contains("by AMQP, and the store") && page.contains("4 dead letters"), "{page}");
    assert!(card(&page, "upload").contains("the index has 0 of them"), "{}", card(&page, "upload"));
}

#[tokio::test]
async fn with_the_management_api_they_are_its() {
    let (url, management) = vhost().await;
    declared(&url).await;
    let options = Options { broker: url, management: Some(management), ..Options::default() };
    let trial = Trial::with(options).await;
    let page = until(&mut Browser::at(&trial), "waiting 3 in flight 0 in retry 2 dead 4").await;
    assert!(page.contains("management API, which updates"), "{page}");
}

#[tokio::test]
async fn a_management_api_that_is_away_is_told_and_amqp_asked() {
    let (url, _) = vhost().await;
    declared(&url).await;
    let management = Some("http://127.0.0.1:1".to_owned());
    let trial = Trial::with(Options { broker: url, management, ..Options::default() }).await;
    let page = until(&mut Browser::at(&trial), "waiting 3 in retry 2 dead 4").await;
    assert!(page.contains("check BILAG_MANAGEMENT_URL") && page.contains("by AMQP"), "{page}");
}

#[tokio::test]
async fn without_a_broker_the_page_comes_with_what_the_store_knows() {
    let trial = Trial::anonymous().await;
    let letter = DeadLetter {
        id: "a1".to_owned(),
        stage: "upload".to_owned(),
        reason: "omnium_rejected".to_owned(),
        error: "refused".to_owned(),
        key: None,
        package: None,
        message_id: None,
        attempts: 1,
        first_failed_at: None,
        last_failed_at: None,
        redriven: 0,
    };
    let new = NewDeadLetter { letter: &letter, headers: "{}", body: b"{}", closes: Closes::Target("omnium") };
    trial.store.note_dead(&new).await.expect("noted");
    let answer = Browser::at(&trial).get("/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.body.contains("The broker is unavailable"), "{}", answer.body);
    assert!(answer.body.contains("1 dead letter"), "{}", answer.body);
    let card = card(&answer.body, "upload");
    assert!(card.contains("waiting – in retry – dead 1"), "{card}");
    assert!(!answer.body.contains("guest:guest"), "no password is shown");
}

#[tokio::test]
async fn a_stage_that_is_not_in_use_says_why() {
    let mut stages = stages();
    let upload = stages.iter_mut().find(|stage| stage.name == "upload").expect("a stage");
    upload.disabled_reason = Some("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false");
    let trial = Trial::with(Options { stages, ..Options::default() }).await;
    let page = Browser::at(&trial).get("/").await.body;
    let card = card(&page, "upload");
    assert!(
        card.contains("not in use") && card.contains("OMNIUM_SEND_ORDER_RECEIPT_TO_OMNIUM is false"),
        "{card}"
    );
}
