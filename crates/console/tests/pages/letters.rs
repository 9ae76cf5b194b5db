//! Dead letters: the list, one dead letter, what is asked before anything is done.

use std::io::Write;

use console::Role;
use reqwest::StatusCode;
use serde_json::Value;
use sync_store::Place;

use crate::given::{letter, noted, receipt, rejected};
use crate::world::World;

#[tokio::test]
async fn an_empty_list_says_what_that_means() {
    let world = World::new().await;
    let desk = world.desk(Role::Operator).await;
    let page = desk.page("/letters").await;
    assert!(page.contains("No dead letters."), "{page}");
    assert!(page.contains("bilag consume dead"), "{page}");
    assert!(page.contains("Could not check"), "nobody can know without a broker: {page}");
    let page = desk.page("/letters?stage=upload").await;
    assert!(page.contains("No matching dead letters.") && page.contains("href=\"/letters\""), "{page}");
    for place in ["discarded", "redriven"] {
        assert!(desk.page(&format!("/letters?place={place}")).await.contains("class=\"empty\""), "{place}");
    }
}

#[tokio::test]
async fn letters_are_told_by_cause_with_what_to_do_and_narrowed_by_the_address() {
    let world = World::new().await;
    for number in 1..=3 {
        rejected(world.store.as_ref(), number).await;
    }
    let other = letter(
        "ffffffffffffffff",
        "receipt",
        "undecodable",
        "the body is not JSON: it ends too early at line 1, column 9",
    );
    noted(world.store.as_ref(), &other, &Value::Null, b"{").await;
    let desk = world.desk(Role::Operator).await;
    let page = desk.page("/letters").await;
    assert!(page.contains("4 dead letters waiting, by cause"), "{page}");
    assert!(page.contains("<strong>3</strong>") && page.contains("<strong>1</strong>"), "{page}");
    assert!(page.contains("correct what Omnium's answer names"), "{page}");
    let group = page.split("/letters?group=").skip(1).map(|rest| &rest[..8]);
    let mut letters = 0;
    for group in group.collect::<std::collections::BTreeSet<_>>() {
        let page = desk.page(&format!("/letters?group={group}")).await;
        letters += page.matches("name=\"id\"").count();
        assert!(page.contains(&format!("bilag dead redrive --group {group}")), "{page}");
    }
    assert_eq!(letters, 4, "each dead letter is of one cause");
    assert!(desk.page("/letters?group=00000000").await.contains("No matching dead letters."));
    let page = desk.page("/letters?stage=receipt").await;
    assert!(page.contains("ffffffffffffffff") && !page.contains("0000000000000001"), "{page}");
    assert!(page.contains("More about <code>undecodable</code>"), "{page}");
    let page = desk.page("/letters?text=rcpt-2").await;
    assert!(page.contains("0000000000000002") && !page.contains("0000000000000003"), "{page}");
    let page = desk.page("/letters?since=yesterday").await;
    assert!(page.contains("role=\"alert\"") && page.contains("is not a time"), "{page}");
}

#[tokio::test]
async fn a_letter_says_what_happened_what_to_do_and_what_is_in_it() {
    let world = World::new().await;
    let id = rejected(world.store.as_ref(), 7).await;
    let desk = world.desk(Role::Operator).await;
    let page = desk.page(&format!("/letters/{id}")).await;
    for told in [
        "Omnium answered 400",
        "What to do: ",
        "correct what Omnium's answer names",
        "bilag.upload.dead",
        "href=\"/receipts/9/rcpt-7\"",
        "invoice.rendered.v1",
        "15 bytes in base64",
        "x-customer",
        "/document.pdf",
        "value=\"redrive\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    let missing = desk.get("/letters/0123456789abcdef").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert!(missing.text.contains("The index has no dead letter with this id."), "{}", missing.text);
}

#[tokio::test]
async fn what_takes_a_form_says_so_where_a_browser_comes_back_to_it() {
    let world = World::new().await;
    let desk = world.desk(Role::Operator).await;
    let seen = desk.get("/letters/confirm").await;
    assert_eq!(seen.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(seen.text.contains("To the dead letters"), "{}", seen.text);
}

#[tokio::test]
async fn before_anything_is_done_it_is_said_what_will_happen_to_how_many() {
    let world = World::new().await;
    for number in 1..=3 {
        rejected(world.store.as_ref(), number).await;
    }
    for (id, error) in ["alpha", "beta", "gamma", "delta", "epsilon", "zeta"].iter().enumerate() {
        let other = letter(&format!("{:016x}", 0xe0 + id), "render", "render_failed", error);
        noted(world.store.as_ref(), &other, &Value::Null, b"{}").await;
    }
    let desk = world.desk(Role::Operator).await;
    let everything = desk.post("/letters/confirm", &[("act", "discard"), ("which", "all")]).await.text;
    let (_, causes) = everything.split_once("<ul class=\"causes\">").expect("causes");
    let causes: Vec<_> = causes.split("</ul>").next().unwrap_or_default().split("<li>").skip(1).collect();
    assert!(
        causes[0].starts_with("<strong>3 dead letters</strong> omnium_rejected in upload: "),
        "{causes:?}"
    );
    assert!(causes[1].starts_with("<strong>1 dead letter</strong> render_failed in render: "), "{causes:?}");
    assert_eq!((causes.len(), causes[5]), (6, "2 more causes</li>"));
    let all =
        desk.post("/letters/confirm", &[("act", "redrive"), ("which", "all"), ("stage", "upload")]).await;
    assert_eq!(all.status, StatusCode::OK, "{}", all.text);
    assert!(
        all.text.contains("Redrive 3 dead letters?") && all.text.contains("bilag.upload"),
        "{}",
        all.text
    );
    assert!(
        all.text.contains("name=\"rate\"") && all.text.contains("name=\"stage\" value=\"upload\""),
        "{}",
        all.text
    );
    let one =
        [("act", "discard"), ("which", "chosen"), ("id", "0000000000000001"), ("id", "00000000000000aa")];
    let one = desk.post("/letters/confirm", &one).await;
    assert!(
        one.text.contains("Discard 1 dead letter?") && one.text.contains("been moved meanwhile"),
        "{}",
        one.text
    );
    let none = desk.post("/letters/confirm", &[("act", "redrive"), ("which", "chosen")]).await;
    assert_eq!(none.status, StatusCode::BAD_REQUEST);
    assert!(none.text.contains("No dead letter is selected"), "{}", none.text);
    let wide = [("act", "redrive"), ("which", "all"), ("since", "yesterday")];
    let wide = desk.post("/letters/confirm", &wide).await;
    assert_eq!(wide.status, StatusCode::BAD_REQUEST, "a filter that is not understood widens nothing");
    assert_eq!(
        world.store.audit_entries(sync_store::Page::first(10)).await.expect("acts").len(),
        0,
        "asking does nothing"
    );
}

#[tokio::test]
async fn the_letters_of_a_view_are_exported_a_line_each() {
    let world = World::new().await;
    for number in 1..=5 {
        rejected(world.store.as_ref(), number).await;
    }
    let binary = letter("ffffffffffffffff", "receipt", "undecodable", "no text");
    noted(world.store.as_ref(), &binary, &Value::Null, b"\xff\x00").await;
    let desk = world.desk(Role::Operator).await;
    let seen = desk.get("/letters/export").await;
    assert_eq!(seen.headers["content-type"], "application/jsonl; charset=utf-8");
    assert!(seen.headers["content-disposition"].to_str().is_ok_and(|value| value.starts_with("attachment")));
    let lines: Vec<Value> = seen.text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.len(), 6);
    let binary = lines.iter().find(|line| line["stage"] == "receipt").expect("it is there");
    assert_eq!((&binary["bodyHex"], &binary["bodyIsWhole"]), (&"ff00".into(), &true.into()));
    let only = desk.get("/letters/export?stage=upload").await;
    assert_eq!(only.text.lines().count(), 5);
}

#[tokio::test]
async fn what_was_typed_into_an_edit_is_checked_and_kept() {
    let world = World::new().await;
    let mut wrong = receipt(9);
    wrong["orderReceipt"]["order"]["type"] = "GIFT".into();
    let error = "at orderReceipt.order.type: expected SALE, RETURN or PAYMENT";
    let letter = letter("00000000000000ee", "receipt", "invalid_event", error);
    noted(world.store.as_ref(), &letter, &Value::Null, wrong.to_string().as_bytes()).await;
    let path = "/letters/00000000000000ee/edit";
    let desk = world.desk(Role::Editor).await;
    let form = desk.page(path).await;
    assert!(form.contains("GIFT") && form.contains(error), "{form}");
    let same = desk.post(path, &[("body", &format!("{wrong:#}").replace('\n', "\r\n"))]).await;
    assert_eq!(same.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(same.text.contains("Nothing was changed"), "{}", same.text);
    let broken = desk.post(path, &[("body", "{\"id\": \"<typed>\"}")]).await;
    assert_eq!(broken.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(broken.text.contains("cannot decode this: at "), "{}", broken.text);
    assert!(broken.text.contains("&lt;typed&gt;"), "what was typed is kept: {}", broken.text);
    wrong["orderReceipt"]["order"]["type"] = "SALE".into();
    let right = desk.post(path, &[("body", &wrong.to_string())]).await;
    assert_eq!(right.status, StatusCode::OK, "{}", right.text);
    assert!(
        right.text.contains("Send the corrected body?") && right.text.contains("name=\"sure\""),
        "{}",
        right.text
    );
    let found = world.store.dead_letter("00000000000000ee").await.expect("asked").expect("it is there");
    assert_eq!(found.noted.place, Place::Dead, "nothing was sent yet");
    let sent = desk.post(path, &[("body", &wrong.to_string()), ("sure", "yes")]).await;
    assert_eq!(sent.status, StatusCode::UNPROCESSABLE_ENTITY, "there is no broker: {}", sent.text);
    assert!(sent.text.contains("role=\"alert\""), "{}", sent.text);
}

#[tokio::test]
async fn a_compressed_letter_is_sent_decompressed_as_it_is() {
    let world = World::new().await;
    let plain = receipt(9).to_string();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    let body = gzip.write_all(plain.as_bytes()).and_then(|()| gzip.finish()).expect("compressed");
    let letter = letter("00000000000000ee", "receipt", "undecodable", "the body is compressed with gzip");
    noted(world.store.as_ref(), &letter, &Value::Null, &body).await;
    let path = "/letters/00000000000000ee/edit";
    let desk = world.desk(Role::Editor).await;
    assert!(desk.page(path).await.contains("receipt.settled.v1"));
    let same = desk.post(path, &[("body", &plain)]).await;
    assert_eq!(same.status, StatusCode::OK, "{}", same.text);
    assert!(same.text.contains("Send the corrected body?"), "{}", same.text);
}

#[tokio::test]
async fn only_editors_edit_and_only_where_it_is_allowed() {
    let world = World::new().await;
    let letter = letter("00000000000000ee", "receipt", "invalid_event", "at id: expected a text");
    noted(world.store.as_ref(), &letter, &Value::Null, b"{\"id\":1}").await;
    let path = "/letters/00000000000000ee";
    for (role, allowed, may) in
        [(Role::Operator, true, false), (Role::Editor, false, false), (Role::Editor, true, true)]
    {
        let desk = world.desk_of(role, allowed).await;
        assert_eq!(desk.page(path).await.contains("/edit\""), may, "{role} {allowed}");
        let status = desk.get(&format!("{path}/edit")).await.status;
        assert_eq!(status.is_success(), may, "{role} {allowed}");
        let status = desk.post(&format!("{path}/edit"), &[("body", "{}")]).await.status;
        assert_eq!(status == StatusCode::UNPROCESSABLE_ENTITY, may, "{role} {allowed}: {status}");
    }
    let big = crate::given::letter("00000000000000ef", "receipt", "too_large", "too large");
    noted(world.store.as_ref(), &big, &Value::Null, &vec![b'x'; 200_000]).await;
    let desk = world.desk(Role::Editor).await;
    let refused = desk.get("/letters/00000000000000ef/edit").await;
    assert!(refused.text.contains("only the beginning"), "{}", refused.text);
}
