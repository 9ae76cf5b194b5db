//! Giving a package its invoice: what is sent, and what counts as done.

use akinon::{CallError, ConfigError, InvalidCommand, InvoiceCommand, Oms, Secret};
use axum::http::StatusCode;
use axum::response::IntoResponse;

use crate::common::{oms, oms_config, update};
use crate::server::Server;

/// Answers every request with this.
async fn answering(status: u16) -> Server {
    let status = StatusCode::from_u16(status).expect("a status");
    Server::answering(move |_, _| async move { status.into_response() }).await
}

#[tokio::test]
async fn command_carries_invoice_and_document() {
    let server = answering(204).await;
    update(&oms(&(server.url.clone() + "/gateway"))).await.expect("done");
    let [asked] = &server.asked()[..] else { panic!("one request") };
    assert_eq!(asked.line, "POST /gateway/api/v1/oms/packages/73/command/");
    assert_eq!(asked.header("authorization"), "Token token-kept-quiet");
    assert_eq!(asked.header("content-type"), "application/json");
    assert_eq!(asked.header("idempotency-key"), "");
    // printf '%%PDF-hush\xff\x00' | base64
    assert_eq!(
        asked.body,
        concat!(
            r#"{"invoice_date":"2026-11-02","invoice_document":"JVBERi1odXNo/wA=","#,
            r#""invoice_document_type":"pdf","invoice_number":"90001","package":73,"#,
            r#""slug":"update_invoice_of_the_package"}"#
        )
    );
}

#[tokio::test]
async fn command_may_be_a_transition_id() {
    let server = answering(204).await;
    let mut config = oms_config(&server.url);
    config.command.slug = "41".to_owned();
    update(&Oms::new(config).expect("a client")).await.expect("done");
    assert!(server.asked()[0].body.ends_with(br#""package":73,"slug":41}"#));
}

#[tokio::test]
async fn reads_commands_in_every_form() {
    let body = r#"{"commands":["update_invoice",41,{"id":7,"slug":"block"},{"name":"other"},null]}"#;
    let server = Server::answering(move |_, _| async move { body.into_response() }).await;
    let commands = oms(&server.url).commands(73).await.expect("commands");
    assert_eq!(commands, ["update_invoice", "41", "block", "7"]);
    let [asked] = &server.asked()[..] else { panic!("one request") };
    assert_eq!(asked.line, "GET /api/v1/oms/packages/73/");
    assert_eq!((asked.header("authorization"), &*asked.body), ("Token token-kept-quiet", &b""[..]));

    let server = Server::answering(|_, _| async { "{}".into_response() }).await;
    let error = oms(&server.url).commands(73).await.expect_err("no commands");
    assert!(matches!(error, CallError::Foreign(..)), "{error:?}");
    let error = oms(&answering(404).await.url).commands(73).await.expect_err("no package");
    assert!(matches!(error, CallError::NotFound(..)), "{error:?}");
}

#[tokio::test]
async fn command_names_can_be_configured() {
    let server = answering(200).await;
    let mut config = oms_config(&server.url);
    config.command = InvoiceCommand {
        slug: "s".to_owned(),
        number_key: "n".to_owned(),
        date_key: "d".to_owned(),
        document_type_key: "t".to_owned(),
        document_type: "PDF".to_owned(),
        document_key: "c".to_owned(),
    };
    update(&Oms::new(config).expect("a client")).await.expect("done");
    assert_eq!(
        server.asked()[0].body,
        r#"{"c":"JVBERi1odXNo/wA=","d":"2026-11-02","n":"90001","package":73,"slug":"s","t":"PDF"}"#
    );
}

#[tokio::test]
async fn accepts_200_and_204_only() {
    for status in [200, 204] {
        update(&oms(&answering(status).await.url)).await.expect("done");
    }
    for status in [201, 202, 206] {
        let error = update(&oms(&answering(status).await.url)).await.expect_err("not as agreed");
        assert!(matches!(error, CallError::Foreign(..)), "{status}: {error:?}");
    }
}

#[test]
fn reports_a_wrong_configuration() {
    let mut config = oms_config("https://oms.example");
    config.command.date_key = "invoice_number".to_owned();
    let error = Oms::new(config).expect_err("no client");
    assert!(matches!(error, ConfigError::Command(InvalidCommand::Twice { .. })), "{error:?}");

    let mut config = oms_config("https://oms.example");
    config.token = Secret::new("hush\nhush");
    assert_eq!(
        Oms::new(config).expect_err("no client").to_string(),
        "OMS_API_TOKEN must not hold a line break or any other control character"
    );
    assert_eq!(
        Oms::new(oms_config("oms.example")).expect_err("no client").to_string(),
        "OMS_BASE_URL must be an http or https URL without user, query and fragment"
    );
}
