//! What is repeated within the process, and what never is.

use axum::http::StatusCode;
use bytes::Bytes;
use omnium::CallError;
use sandbox::omnium::{Call, Fault, Rule};

use crate::common::{alone, client, invoice, sandbox, uid};

fn status(status: StatusCode) -> Fault {
    Fault::Status { status, retry_after: None, done: false }
}

#[tokio::test]
async fn repeats_reads_and_tokens() {
    let faults = [
        status(StatusCode::SERVICE_UNAVAILABLE),
        status(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Reset,
        Fault::AnswerLost,
    ];
    for fault in faults {
        let sandbox = sandbox(Default::default()).await;
        let omnium = client(&sandbox.base_url());
        sandbox.omnium.add_fault(Rule::new(fault.clone()).on(Call::Token).times(1));
        sandbox.omnium.add_fault(Rule::new(fault.clone()).on(Call::Get).times(1));
        assert_eq!(omnium.find_invoice(&uid("r-1")).await.expect("an answer"), None, "{fault:?}");
        let calls = sandbox.omnium.summary().calls;
        assert_eq!(calls[&Call::Token].values().sum::<u64>(), 2, "{fault:?}");
        assert_eq!(calls[&Call::Get].values().sum::<u64>(), 2, "{fault:?}");
    }
}

#[tokio::test]
async fn never_repeats_an_upsert_or_attach_that_may_have_happened() {
    let faults = [
        status(StatusCode::SERVICE_UNAVAILABLE),
        status(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::Status { status: StatusCode::INTERNAL_SERVER_ERROR, retry_after: None, done: true },
        Fault::Reset,
        Fault::AnswerLost,
    ];
    for fault in faults {
        let sandbox = sandbox(Default::default()).await;
        let omnium = client(&sandbox.base_url());
        omnium.upsert_invoice(&invoice("there")).await.expect("created");
        for call in [Call::Upsert, Call::Attach] {
            sandbox.omnium.add_fault(Rule::new(fault.clone()).on(call));
        }
        let before = sandbox.omnium.ledger().len();

        let upsert = omnium.upsert_invoice(&invoice("r-1")).await.expect_err("no success");
        let attach =
            omnium.attach(&uid("there"), "1.pdf", Bytes::from_static(b"%PDF")).await.expect_err("no success");

        assert!(upsert.may_have_happened(), "{upsert:?}");
        assert!(attach.may_have_happened(), "{attach:?}");
        assert_eq!(sandbox.omnium.ledger().len() - before, 2, "{fault:?}");
    }
}

#[tokio::test]
async fn repeated_add_asset_leaves_one_file() {
    let sandbox = sandbox(Default::default()).await;
    let mut config = crate::common::config(&sandbox.base_url());
    config.attach_by = omnium::AttachBy::Asset;
    let omnium = alone(config);
    omnium.upsert_invoice(&invoice("there")).await.expect("created");
    for fault in [status(StatusCode::SERVICE_UNAVAILABLE), Fault::AnswerLost] {
        sandbox.omnium.add_fault(Rule::new(fault).on(Call::AddAsset).times(1));
        omnium.attach(&uid("there"), "1.pdf", Bytes::from_static(b"%PDF")).await.expect("attached");
    }
    let found = omnium.find_invoice(&uid("there")).await.expect("an answer").expect("an invoice");
    let files: Vec<_> = found.assets.iter().map(|asset| asset.asset_id.as_deref()).collect();
    assert_eq!(files, [Some("there")]);
    assert!(sandbox.omnium.summary().violations.is_empty());
}

#[tokio::test]
async fn late_answer_is_unanswered() {
    let sandbox = sandbox(Default::default()).await;
    let mut config = crate::common::config(&sandbox.base_url());
    config.timeout = std::time::Duration::from_millis(200);
    let omnium = alone(config);
    sandbox.omnium.add_fault(Rule::new(Fault::SlowAnswer { ms: 60_000 }).on(Call::Upsert));

    let error = omnium.upsert_invoice(&invoice("r-1")).await.expect_err("no answer");

    assert!(matches!(error, CallError::Unanswered(..)), "{error:?}");
    assert!(error.may_have_happened() && error.may_be_in_flight());
}

#[tokio::test]
async fn reaches_omnium_once_it_listens_again() {
    let mut sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    omnium.upsert_invoice(&invoice("r-1")).await.expect("created");

    sandbox.stop_listening().await;
    let error = omnium.upsert_invoice(&invoice("r-2")).await.expect_err("refused");
    assert!(matches!(error, CallError::Refused(..)), "{error:?}");
    assert!(!error.may_have_happened());

    sandbox.listen_again().await.expect("the same port");
    omnium.upsert_invoice(&invoice("r-2")).await.expect("created");
    assert_eq!(sandbox.omnium.summary().invoices.len(), 2);
}

#[tokio::test]
async fn wrong_name_or_broken_tls_is_refused() {
    let sandbox = sandbox(Default::default()).await;
    let no_tls = sandbox.base_url().replace("http:", "https:");
    for base_url in ["http://omnium.invalid", &no_tls] {
        let error = client(base_url).upsert_invoice(&invoice("r-1")).await.expect_err("not reached");
        let CallError::NoToken(_, source) = &error else { panic!("{error:?}") };
        assert!(matches!(**source, CallError::Refused(..)), "{base_url}: {source:?}");
    }
    assert_eq!(sandbox.omnium.ledger(), []);
}

#[tokio::test]
async fn keeps_the_answer_for_the_operator() {
    let sandbox = sandbox(Default::default()).await;
    let omnium = client(&sandbox.base_url());
    let error = omnium.attach(&uid("r-1"), "", Bytes::new()).await.expect_err("refused");
    let CallError::Invalid(_, answer) = error else { panic!("{error:?}") };
    assert_eq!(answer.to_string(), "Omnium answered 400", "as a log may have it");
    assert_eq!(format!("{answer:#}"), r#"Omnium answered 400: "fileName and content are required""#);
}
