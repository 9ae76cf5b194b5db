//! The OMS puts an invoice on a package, and hands it out to be printed.

use std::collections::BTreeSet;

use reqwest::{RequestBuilder, StatusCode};
use sandbox::oms::{Names, Options};
use sandbox::{Call, Fault, Rule, Secret, ViolationKind};
use serde_json::{Value, json};

use crate::common::{Trial, send, status};

/// "%PDF-1" in base64.
const DOCUMENT: &str = "JVBERi0x";
/// "%PDF-2" in base64.
const ANOTHER: &str = "JVBERi0y";

fn command(id: u64, number: &str) -> Value {
    json!({
        "slug": "update_invoice_of_the_package",
        "package": id,
        "invoice_number": number,
        "invoice_date": "2026-11-02T09:15:00Z",
        "invoice_document_type": "pdf",
        "invoice_document": DOCUMENT,
    })
}

fn request(trial: &Trial, id: u64, body: &Value) -> RequestBuilder {
    let url = format!("{}/api/v1/oms/packages/{id}/command/", trial.sandbox.oms_url());
    trial.http.post(url).header("authorization", "Token hush").json(body)
}

async fn write(trial: &Trial, id: u64, body: &Value) -> u16 {
    send(request(trial, id, body)).await.status().as_u16()
}

fn violations(trial: &Trial) -> Vec<ViolationKind> {
    trial.sandbox.oms.summary().violations.into_iter().map(|violation| violation.what).collect()
}

async fn with(options: Options) -> Trial {
    Trial::of(sandbox::Options { oms: options, ..Default::default() }).await
}

#[tokio::test]
async fn writes_an_invoice_and_returns_its_document() {
    let trial = Trial::new().await;
    let answer = send(request(&trial, 73, &command(73, "90001"))).await;
    assert_eq!(answer.status(), 204);
    assert_eq!(answer.text().await.expect("a body"), "");

    let url = format!("{}/packages/73", trial.sandbox.oms_url());
    let facts: Value = send(trial.http.get(&url)).await.json().await.expect("a package");
    assert_eq!(
        (&facts["number"], &facts["date"], &facts["size"]),
        (&json!("90001"), &json!("2026-11-02T09:15:00Z"), &json!(6))
    );
    let printed = send(trial.http.get(format!("{url}/document"))).await;
    assert_eq!(printed.headers()["content-type"], "application/pdf");
    assert_eq!(printed.text().await.expect("a body"), "%PDF-1");
    assert_eq!(trial.sandbox.oms.document(73).as_deref(), Some(&b"%PDF-1"[..]));

    for nothing in ["packages/74", "packages/74/document"] {
        let url = format!("{}/{nothing}", trial.sandbox.oms_url());
        assert_eq!(send(trial.http.get(url)).await.status(), 404, "{nothing}");
    }
}

#[tokio::test]
async fn rewriting_the_same_invoice_changes_nothing() {
    let trial = Trial::new().await;
    for _ in 0..2 {
        assert_eq!(write(&trial, 73, &command(73, "90001")).await, 204);
    }
    let facts = &trial.sandbox.oms.summary().packages[&73];
    assert_eq!((facts.times, facts.written.len()), (2, 1));
    assert_eq!(violations(&trial), []);
}

#[tokio::test]
async fn other_invoice_number_is_a_violation() {
    let trial = Trial::new().await;
    let mut another_document = command(73, "90001");
    another_document["invoice_document"] = json!(ANOTHER);
    assert_eq!(write(&trial, 73, &command(73, "90001")).await, 204);
    assert_eq!(write(&trial, 73, &another_document).await, 204);
    assert_eq!(violations(&trial), []);
    assert_eq!(write(&trial, 73, &command(73, "90002")).await, 204);
    assert_eq!(violations(&trial), [ViolationKind::OtherInvoice]);

    let facts = &trial.sandbox.oms.summary().packages[&73];
    let numbers: Vec<_> = facts.written.iter().map(|written| &*written.number).collect();
    assert_eq!(numbers, ["90001", "90001", "90002"]);
    assert_ne!(facts.written[0].sha256, facts.written[1].sha256);
    assert_eq!((&*facts.number, facts.times), ("90002", 3));
}

#[tokio::test]
async fn requires_the_right_token() {
    let trial = with(Options { token: Some(Secret::new("hush")), ..Options::default() }).await;
    assert_eq!(write(&trial, 73, &command(73, "90001")).await, 204);
    let url = format!("{}/api/v1/oms/packages/73/command/", trial.sandbox.oms_url());
    for authorization in ["Token other", "Bearer hush", "Token", "hush"] {
        let request = trial.http.post(&url).header("authorization", authorization);
        assert_eq!(send(request.json(&command(73, "90001"))).await.status(), 401, "{authorization}");
    }
    let any = Trial::new().await;
    let url = format!("{}/api/v1/oms/packages/73/command/", any.sandbox.oms_url());
    assert_eq!(send(any.http.post(url).json(&command(73, "90001"))).await.status(), 401);
    assert_eq!(any.sandbox.oms.summary().packages.len(), 0);
}

#[tokio::test]
async fn unknown_package_is_404() {
    let trial = with(Options { packages: Some(BTreeSet::from([73])), ..Options::default() }).await;
    assert_eq!(write(&trial, 73, &command(73, "90001")).await, 204);
    assert_eq!(write(&trial, 74, &command(74, "90002")).await, 404);
    assert_eq!(violations(&trial), []);
}

#[tokio::test]
async fn rejects_a_malformed_command() {
    let trial = Trial::new().await;
    let with = |member: &str, value: Value| {
        let mut command = command(73, "90001");
        command[member] = value;
        command
    };
    for (member, body) in [
        ("slug", with("slug", json!("another"))),
        ("package", with("package", json!(74))),
        ("package", with("package", json!("73"))),
        ("invoice_number", with("invoice_number", json!(""))),
        ("invoice_number", with("invoice_number", json!(90001))),
        ("invoice_date", with("invoice_date", json!("2.11.2026"))),
        ("invoice_document_type", with("invoice_document_type", json!("html"))),
        ("invoice_document", with("invoice_document", json!("%PDF"))),
        ("invoice_document", with("invoice_document", json!("AAAA"))),
        ("remark", with("remark", json!("hello"))),
        ("object", json!([])),
    ] {
        let answer = send(request(&trial, 73, &body)).await;
        assert_eq!(answer.status(), 400, "{member}");
        let what = answer.text().await.expect("a body");
        assert!(what.contains(member), "{member}: {what}");
    }
    for member in ["slug", "package", "invoice_number", "invoice_date", "invoice_document"] {
        let mut without = command(73, "90001");
        without.as_object_mut().expect("an object").remove(member);
        assert_eq!(write(&trial, 73, &without).await, 400, "{member}");
    }
    assert_eq!(trial.sandbox.oms.summary().packages.len(), 0);
    assert_eq!(violations(&trial), [ViolationKind::Malformed; 16]);
}

#[tokio::test]
async fn command_names_are_options() {
    let names = Names { slug: "put_invoice".to_owned(), document: "file".to_owned(), ..Names::default() };
    let trial = with(Options { names, ..Options::default() }).await;
    assert_eq!(write(&trial, 73, &command(73, "90001")).await, 400);
    let mut renamed = command(73, "90001");
    renamed["slug"] = json!("put_invoice");
    renamed["file"] = renamed["invoice_document"].take();
    renamed.as_object_mut().expect("an object").remove("invoice_document");
    assert_eq!(write(&trial, 73, &renamed).await, 204);
}

#[tokio::test]
async fn lists_its_commands_and_takes_a_transition_id() {
    let packages = Some(BTreeSet::from([73]));
    let trial = with(Options { packages, ..Options::default() }).await;
    let get = |id: u64, token: &str| {
        let url = format!("{}/api/v1/oms/packages/{id}/", trial.sandbox.oms_url());
        trial.http.get(url).header("authorization", token)
    };
    let package: Value = send(get(73, "Token hush")).await.json().await.expect("a package");
    assert_eq!(package["commands"][0], json!({ "id": 41, "slug": "update_invoice_of_the_package" }));
    assert_eq!(send(get(74, "Token hush")).await.status(), 404);
    assert_eq!(send(get(73, "Bearer hush")).await.status(), 401);
    for (slug, status) in [(json!(41), 204), (json!("41"), 400), (json!(7), 400)] {
        let mut by_id = command(73, "90001");
        by_id["slug"] = slug;
        assert_eq!(write(&trial, 73, &by_id).await, status, "{by_id}");
    }
}

#[tokio::test]
async fn faults_match_package_or_invoice() {
    let trial = Trial::new().await;
    let oms = &trial.sandbox.oms;
    oms.add_fault(Rule::new(status(StatusCode::FORBIDDEN)).of_package(73));
    let throttled =
        Fault::Status { status: StatusCode::TOO_MANY_REQUESTS, retry_after: Some(3), done: false };
    let mut throttled = Rule::new(throttled);
    throttled.subject.invoice_number = Some("90002".to_owned());
    oms.add_fault(throttled);

    assert_eq!(write(&trial, 73, &command(73, "90001")).await, 403);
    let answer = send(request(&trial, 74, &command(74, "90002"))).await;
    assert_eq!((answer.status().as_u16(), &answer.headers()["retry-after"]), (429, &"3".parse().expect("3")));
    assert_eq!(write(&trial, 75, &command(75, "90003")).await, 204);

    let url = format!("{}/_ledger/summary", trial.sandbox.oms_url());
    let summary: Value = send(trial.http.get(url)).await.json().await.expect("the summary");
    assert_eq!(summary, json!(oms.summary()));
    let summary = oms.summary();
    assert_eq!(summary.packages.keys().collect::<Vec<_>>(), [&75]);
    let count = |status| summary.count(Call::UpdatePackage, status);
    assert_eq!((count(403), count(429), count(204)), (1, 1, 1));
    oms.clear_faults();
    assert_eq!(write(&trial, 73, &command(73, "90001")).await, 204);
}
