//! Hostile content in every field: a receipt whose product name is a script tag stays a name.

use console::Role;
use serde_json::{Value, json};
use sync_store::{Key, NewAuditEntry, PackageKey};

use crate::given::{letter, noted, open, receipt};
use crate::world::{World, encoded};

const SCRIPT: &str = "<script>alert(1)</script>";
const QUOTES: &str = "\"'><img src=x onerror=alert(1)>&amp;";

fn is_harmless(page: &str, path: &str) {
    for tag in ["<script>alert", "<img src=x", "onerror=alert(1)>"] {
        assert!(!page.contains(tag), "{path} has {tag}: {page}");
    }
    assert_eq!(page.matches("<script").count(), 1, "{path}: its own script alone");
    // Of a tag, only what stands after it is shown; what is edited stays as it is.
    let text = page.split('<').filter(|part| !part.starts_with("textarea")).map(|part| part.split_once('>'));
    for text in text.flatten().map(|(_, text)| text) {
        let acting = text.find(|c| untrusted_text::acts(c) && c != '\n' && c != '\t');
        assert_eq!(acting, None, "{path} shows {text:?}");
    }
}

#[tokio::test]
async fn what_others_wrote_stays_text_wherever_it_is_shown() {
    let world = World::new().await;
    let long = "x".repeat(10_000);
    for (i, evil) in [SCRIPT, QUOTES, "\u{202e}gpj.exe\u{200f}\u{2028}\u{9b}\u{0}\u{1b}[31m", long.as_str()]
        .into_iter()
        .enumerate()
    {
        let mut event = receipt(1);
        let name: String = evil.chars().filter(|c| !c.is_control()).collect();
        // As long, and as strange, as an event may have them.
        let text: String = name.chars().take(1_000).collect();
        let number: String = name.chars().filter(|c| !untrusted_text::acts(*c)).take(100).collect();
        for (field, value) in [
            ("/orderReceipt/items/0/name", &text),
            ("/orderReceipt/items/0/sku", &number),
            ("/orderReceipt/order/orderNumber", &number),
            ("/orderReceipt/customer/displayName", &text),
            ("/orderReceipt/contactPerson/email", &text),
            ("/orderReceipt/settlements/0/name", &text),
        ] {
            *event.pointer_mut(field).expect("it is there") = json!(value);
        }
        // A uid is a key of an index, which takes no text of any length.
        let uid: String = number.chars().take(80).collect();
        let key = Key::new("9", &uid);
        event["orderReceipt"]["uid"] = json!(uid);
        open(world.store.as_ref(), &key, &event, &name).await;
        let id: String = format!("{i}{}", name.chars().take(40).collect::<String>());
        let mut letter = letter(&id, &name, &name, evil);
        letter.key = Some(key);
        letter.message_id = Some(name.clone());
        noted(
            world.store.as_ref(),
            &letter,
            &json!({ name.as_str(): evil, "x-bilag-edited-from": evil }),
            event.to_string().as_bytes(),
        )
        .await;
        let ids = [id.clone()];
        let act = NewAuditEntry { who: evil, act: evil, stage: evil, letters: &ids, detail: evil };
        world.store.write_audit(&act).await.expect("noted");
        for role in [Role::Viewer, Role::Editor] {
            let desk = world.desk(role).await;
            for path in [
                "/letters".to_owned(),
                format!("/letters?text={0}&stage={0}&reason={0}&group={0}&since={0}", encoded(&uid)),
                format!("/letters?place={}", encoded(&uid)),
                format!("/letters/{}", encoded(&id)),
                "/receipts".to_owned(),
                format!("/receipts?q={}-", encoded(&uid)),
                format!("/receipts/9/{}", encoded(&uid)),
                "/audit".to_owned(),
                format!("/audit?who={}", encoded(&uid)),
                format!("/report?from=2026-11-01&to=2026-11-03&by={}", encoded(&uid)),
                format!("/report?from={}", encoded(&uid)),
                format!("/packages?q={0}&state={0}", encoded(&uid)),
            ] {
                let page = desk.page(&path).await;
                is_harmless(&page, &path);
                assert!(!page.contains(['\u{0}', '\u{1b}']), "{path} has a control character");
            }
        }
        let desk = world.desk(Role::Editor).await;
        let page = desk.get(&format!("/letters/{}/edit", encoded(&id))).await;
        is_harmless(&page.text, "edit");
        let fields = [("act", "redrive"), ("which", "chosen"), ("id", id.as_str())];
        is_harmless(&desk.post("/letters/confirm", &fields).await.text, "confirm");
        is_harmless(&desk.post("/letters/confirm", &[("act", SCRIPT)]).await.text, "confirm");
    }
}

#[tokio::test]
async fn a_list_stays_short_whatever_is_in_it() {
    let world = World::new().await;
    for i in 0..50 {
        let error = format!("{i} {}", "very long ".repeat(1_000));
        let letter = letter(&format!("{i:016x}"), "render", "render_failed", &error);
        noted(world.store.as_ref(), &letter, &Value::Null, b"{}").await;
    }
    let page = world.desk(Role::Operator).await.page("/letters").await;
    assert!(page.len() < 120_000, "{} bytes", page.len());
}

#[tokio::test]
async fn a_package_of_any_name_is_found_by_its_link() {
    let world = World::new().await;
    let key = PackageKey::new("a/b?c#d \"e\"", 73);
    let packing = sync_store::Packing {
        key: &key,
        number: SCRIPT,
        event_uuid: QUOTES,
        fingerprint: "f",
        body: b"{}",
        traceparent: None,
    };
    let (ttl, patience) = (std::time::Duration::from_secs(60), std::time::Duration::from_secs(60));
    let ask = sync_store::Ask { owner: "a", ttl, overdue_after: patience, redriven: false, renew: false };
    let _ = world.store.ask(&packing, &ask).await.expect("asked");
    let desk = world.desk(Role::Viewer).await;
    let list = desk.page("/packages").await;
    is_harmless(&list, "/packages");
    let link =
        list.split("href=\"/packages/").nth(1).and_then(|rest| rest.split('"').next()).expect("a link");
    let page = desk.page(&format!("/packages/{link}")).await;
    is_harmless(&page, link);
    assert!(page.contains("Round 1"), "{page}");
}

#[tokio::test]
async fn a_receipt_whose_uid_is_a_way_through_the_path_has_a_page() {
    let world = World::new().await;
    let key = Key::new("9", "..");
    open(world.store.as_ref(), &key, &receipt(1), "1").await;
    let desk = world.desk(Role::Viewer).await;
    let only = desk.get("/receipts?q=1").await;
    assert_eq!(only.headers["location"], "/receipts/9/~..");
    desk.page("/receipts/9/~..").await;
}
