//! A client's configuration, and what it then sends.

use axum::http::StatusCode;
use axum::response::IntoResponse;
use http_client::{Authorization, Secret, ServiceClient};

use crate::client::{SERVICE, ask, client, config};
use crate::server::Server;

#[test]
fn names_a_wrong_setting_without_its_value() {
    for url in ["service", "ftp://service", "https://me:hush@service", "https://service?key=hush"] {
        let error = ServiceClient::new(SERVICE, config(url)).expect_err("no URL");
        assert_eq!(
            error.to_string(),
            "SERVICE_URL must be an http or https URL without user, query and fragment"
        );
    }
    let mut config = config("https://service");
    config.authorization = Some(Authorization::Whole(Secret::new("Token hush\nhush")));
    let error = ServiceClient::new(SERVICE, config).expect_err("no header");
    assert_eq!(error.to_string(), "SERVICE_TOKEN must not hold a line break or any other control character");
}

#[tokio::test]
async fn call_posts_json_with_key_and_credentials() {
    let server = Server::answering(|_, _| async { StatusCode::OK.into_response() }).await;
    ask(&client(&(server.url.clone() + "/base/")), "a/b").await.expect("a success");
    let mut open = config(&server.url);
    open.authorization = None;
    ask(&ServiceClient::new(SERVICE, open).expect("a client"), "").await.expect("a success");

    let [asked, open] = &server.asked()[..] else { panic!("two requests") };
    assert_eq!(asked.line, "POST /base/a%2Fb");
    assert_eq!(asked.body, "{\"a\":1}");
    for (name, value) in [
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("idempotency-key", "key-1"),
        ("authorization", "Token kept-quiet"),
    ] {
        assert_eq!(asked.header(name), value, "{name}");
    }
    assert!(asked.header("user-agent").starts_with("bilag/"));
    assert!(!open.headers.contains_key("authorization"));
}

#[test]
fn longest_call_covers_the_last_request() {
    assert_eq!(client("https://service").longest_call().as_secs(), 15 + 5 + 5);
}
