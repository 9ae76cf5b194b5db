//! The API as its documents tell it.

use std::time::Duration;

use sandbox::Call;
use sandbox::omnium::Options;
use serde_json::{Value, json};

use crate::common::{Trial, invoice, send};

#[tokio::test]
async fn accepts_the_sample_invoices() {
    let trial = Trial::new().await;
    for sample in [
        include_str!("../../../../tests/samples/receipt-standard.invoice.json"),
        include_str!("../../../../tests/samples/receipt-payment.invoice.json"),
    ] {
        let sample: Value = serde_json::from_str(sample).expect("JSON");
        assert_eq!(send(trial.upsert(&sample)).await.status(), 200);
    }
    assert_eq!(trial.omnium().summary().invoices["rcpt-1001"].number.as_deref(), Some("1001"));
}

#[tokio::test]
async fn get_lists_files_with_their_urls() {
    let trial = Trial::new().await;
    trial.complete("r-1").await;

    let found: Value = send(trial.get("r-1")).await.json().await.expect("JSON");
    assert_eq!((&found["id"], &found["invoiceNumber"]), (&json!("r-1"), &json!("no-r-1")));
    let asset = &found["assets"][0];
    assert_eq!(asset["fileName"], "1001.pdf");
    assert!(asset["assetId"].is_string());
    assert_eq!(found["url"], asset["url"]);

    let url = asset["url"].as_str().expect("a URL");
    assert_eq!(send(trial.http.get(url)).await.text().await.expect("a body"), "%PDF");
    assert_eq!(send(trial.call(Call::Pdf, "r-1")).await.text().await.expect("a body"), "%PDF");
}

#[tokio::test]
async fn unknown_ids_are_404() {
    let trial = Trial::new().await;
    for call in [Call::Attach, Call::Get, Call::Pdf] {
        assert_eq!(trial.status(call, "nothing").await, 404, "{call:?}");
    }
    assert_eq!(send(trial.http.get(trial.url("/assets/nothing"))).await.status(), 404);
}

#[tokio::test]
async fn token_requires_the_right_credentials() {
    let credentials = vec![("me".to_owned(), "hush".to_owned())];
    let trial = Trial::with(Options { credentials, ..Options::default() }).await;
    let answer: Value = send(trial.token_request()).await.json().await.expect("JSON");
    assert_eq!((&answer["tokenType"], &answer["expiresIn"]), (&json!("Bearer"), &json!(864_000)));
    for query in ["clientId=me&clientSecret=wrong", "clientId=you&clientSecret=hush", "clientId=me", ""] {
        let refused = send(trial.http.post(trial.url(&format!("/api/token?{query}")))).await;
        assert_eq!(refused.status(), 401, "{query}");
    }
}

#[tokio::test]
async fn requires_a_valid_token() {
    let mut trial = Trial::new().await;
    let valid = std::mem::replace(&mut trial.token, "made-up".to_owned());
    for call in [Call::Upsert, Call::Attach, Call::Get, Call::Pdf] {
        assert_eq!(trial.status(call, "r-1").await, 401, "{call:?}");
    }
    trial.token = valid;
    assert_eq!(trial.status(Call::Upsert, "r-1").await, 200);

    let revoked = send(trial.http.delete(trial.url("/_tokens"))).await;
    assert_eq!(revoked.status(), 204);
    assert_eq!(trial.status(Call::Upsert, "r-1").await, 401);
}

#[tokio::test]
async fn token_expires() {
    let options = Options { token_lifetime: Duration::ZERO, ..Options::default() };
    let trial = Trial::with(options).await;
    assert_eq!(send(trial.upsert(&invoice("r-1"))).await.status(), 401);
}
