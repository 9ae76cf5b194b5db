//! Invalid events: each becomes a dead letter with its reason and its original bytes. No content
//! reaches the headers, and no consumer stops.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use amqp::header_names as names;
use bilag_tests::{TestEnv, eventually, receipt, sample};
use lapin::BasicProperties;
use lapin::types::ShortString;
use serde_json::json;
use sync_store::State;

/// Personal data in the invalid events; it must appear in no header or log.
const PLANTED: &str = "planted.customer@shop.example";

/// A body, with the reason and the start of the error of its dead letter.
struct InvalidBody {
    name: String,
    body: Vec<u8>,
    reason: &'static str,
    error: String,
}

fn broken(name: &str, body: impl Into<Vec<u8>>, reason: &'static str, error: &str) -> InvalidBody {
    InvalidBody { name: name.to_owned(), body: body.into(), reason, error: error.to_owned() }
}

/// The invalid examples of an event, with the errors stored beside them.
fn examples(event: &str, kind: &str) -> Vec<InvalidBody> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/examples").join(event).join(kind);
    let files = fs::read_dir(&folder).expect("examples").map(|file| file.expect("a file").path());
    let read = |path: PathBuf| {
        let error = fs::read_to_string(path.with_extension("error")).expect("its error");
        let name = path.file_stem().expect("a name").to_string_lossy();
        broken(&name, fs::read(&path).expect("an example"), "invalid_event", error.trim_end())
    };
    files.filter(|path| path.extension().is_some_and(|is| is == "json")).map(read).collect()
}

fn standard() -> String {
    sample("receipt-standard.json").to_string()
}

fn with(pointer: &str, value: &str) -> String {
    let mut event = sample("receipt-standard.json");
    *event.pointer_mut(pointer).expect("a member") = json!("HERE");
    event.to_string().replace("\"HERE\"", value)
}

fn not_json() -> Vec<InvalidBody> {
    let case = |name, body: Vec<u8>, problem| {
        broken(name, body, "undecodable", &format!("the body is not JSON: {problem}"))
    };
    vec![
        case("empty", Vec::new(), "the body is empty at line 1, column 1"),
        case("only spaces", b" \n ".to_vec(), "the body is empty at line 2"),
        case("truncated", standard().as_bytes()[..900].to_vec(), "it ends too early at line 1"),
        case("one byte short", standard().as_bytes()[..standard().len() - 1].to_vec(), "it ends too early"),
        case("one byte more", format!("{}}}", standard()).into_bytes(), "something follows the event"),
        case("a word", PLANTED.as_bytes().to_vec(), "a mistake of syntax at line 1"),
        case("binary", (0x80..=0xff).collect(), "not UTF-8 at line 1, column 1"),
        case("Latin-1", [b"{\"name\":\"Bl", &[0xe5][..], b"\"}"].concat(), "not UTF-8 at line 1, column 12"),
        case("brackets without end", "[".repeat(500_000).into_bytes(), "it ends too early"),
        case("a quotation mark", b"\"".to_vec(), "it ends too early"),
    ]
}

fn not_the_event() -> Vec<InvalidBody> {
    let case = |name, body: String, error| broken(name, body, "invalid_event", error);
    let planted = format!("\"{PLANTED}\"");
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let total = "/orderReceipt/orderTotals/grandTotal";
    vec![
        case("null", "null".to_owned(), "at $: expected an object"),
        case("a text", planted.clone(), "at $: expected an object"),
        case("a number", "42".to_owned(), "at $: expected an object"),
        case("deep", deep.clone(), "at $: expected an object"),
        case(
            "a deep name",
            with("/orderReceipt/items/0/name", &deep),
            "at orderReceipt.items[0].name: expected",
        ),
        case(
            "text for an amount",
            with(total, &planted),
            "at orderReceipt.orderTotals.grandTotal: expected an integer",
        ),
        case(
            "a huge number",
            with(total, "1e999"),
            "at orderReceipt.orderTotals.grandTotal: expected an integer",
        ),
        case(
            "thirty digits",
            with(total, &"9".repeat(30)),
            "at orderReceipt.orderTotals.grandTotal: expected",
        ),
        case("text for a time", with("/occurredAt", &planted), "at occurredAt: expected a time in RFC 3339"),
        case("text for an object", with("/tenant", &planted), "at tenant: expected an object"),
        case(
            "text for a list",
            with("/orderReceipt/items", &planted),
            "at orderReceipt.items: expected an array",
        ),
        case("another type", with("/type", &planted), "at type: expected the text receipt.settled.v1"),
        case(
            "an object for a text",
            with("/id", &format!("{{{planted}:1}}")),
            "at id: expected an identifier",
        ),
        case(
            "a member twice",
            standard().replacen('{', &format!("{{\"id\":{planted},"), 1),
            "at id: expected the member once, not twice",
        ),
        case("a line break in a uid", with("/tenant/uid", "\"7\\nBcc: x\""), "at tenant.uid: expected"),
    ]
}

fn too_large() -> Vec<InvalidBody> {
    let long = |size: usize| with("/orderReceipt/items/0/name", &format!("\"{}\"", "x".repeat(size)));
    let error = |body: &str| {
        format!("the event has {} bytes, more than the 1048576 that are read: it cannot be one", body.len())
    };
    let (above, huge) = (long(1 << 20), long((16 << 20) - 4096));
    vec![
        broken("above 1 MiB", above.clone(), "too_large", &error(&above)),
        broken("16 MiB", huge.clone(), "too_large", &error(&huge)),
    ]
}

fn properties(broken: &InvalidBody) -> BasicProperties {
    BasicProperties::default().with_message_id(ShortString::from(broken.name.as_str()))
}

/// Checks the dead letters of a stage against what was published.
async fn assert_dead(env: &TestEnv, stage: &str, expected: &[InvalidBody]) {
    eventually("all are indexed", async || {
        let found = env.dead_letters();
        (found.iter().filter(|letter| letter["stage"] == stage).count() == expected.len()).then_some(())
    })
    .await;
    let messages = env.vhost.peek(&format!("bilag.{stage}.dead"), 1_000).await;
    let messages: BTreeMap<_, _> = messages.into_iter().map(|message| (message.id(), message)).collect();
    assert_eq!(messages.len(), expected.len());
    for broken in expected {
        let message = &messages[&broken.name];
        let header = |name| message.header_text(name).unwrap_or_default();
        assert!(message.body == broken.body, "{}: the bytes differ", broken.name);
        assert_eq!(header(names::REASON), broken.reason, "{}", broken.name);
        assert_eq!(header(names::STAGE), stage, "{}", broken.name);
        assert!(header(names::ERROR).starts_with(&broken.error), "{}: {}", broken.name, header(names::ERROR));
        for (name, value) in message.headers_for_people() {
            assert!(!value.contains(PLANTED), "{} leaks in {name}: {value}", broken.name);
        }
    }
}

#[tokio::test]
async fn invalid_receipts_die_with_reason_and_original_bytes() {
    let env = TestEnv::new().await;
    let mut all = env.consume(&["all"]).await;
    let kinds = ["invalid", "contradictory"].map(|kind| examples("receipt.settled.v1", kind));
    let corpus: Vec<_> =
        [not_json(), not_the_event(), too_large()].into_iter().chain(kinds).flatten().collect();
    for broken in &corpus {
        env.publish_bytes(&broken.body, properties(broken)).await;
    }
    assert_dead(&env, "receipt", &corpus).await;

    env.publish(&receipt(1)).await;
    eventually("the next receipt completes", async || {
        (env.records(State::Complete).await == 1).then_some(())
    })
    .await;
    assert!(all.has_ended().is_none());
    assert!(!all.log().contains(PLANTED), "the log leaks the planted data");
}

#[tokio::test]
async fn invalid_internal_events_die_in_the_consuming_stage() {
    let env = TestEnv::new().await;
    let _all = env.consume(&["all"]).await;
    for (stage, event, key) in [
        ("render", "invoice.ready.v1", "invoice.ready.v1"),
        ("upload", "invoice.rendered.v1", "invoice.rendered.v1.omnium"),
    ] {
        let mut corpus = examples(event, "invalid");
        corpus.push(broken("empty", "", "invalid_event", "the body is not JSON: the body is empty"));
        for broken in &corpus {
            env.publish_to("bilag", key, &broken.body, properties(broken)).await;
        }
        assert_dead(&env, stage, &corpus).await;
    }
    assert!(env.sandbox.omnium.ledger().is_empty(), "nothing reached Omnium");
}
