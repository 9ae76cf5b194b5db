//! What the command line says of dead letters, compared with `tests/chain/golden/*.txt`.

use std::fs;
use std::path::Path;

use bilag_tests::{World, eventually, normalised, receipt, told};
use lapin::BasicProperties;
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};

/// Set, it has the files written anew.
const WRITE: &str = "BILAG_WRITE_GOLDEN";

/// The text must be that of the file.
pub(crate) fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("chain/golden").join(format!("{name}.txt"));
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, text).expect("the file can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{} differs; {WRITE}=1 writes it anew, and `git diff` shows whether that is better\n--- expected\n{expected}\n--- said\n{text}",
        path.display()
    );
}

/// The size of a PDF is the template's affair.
fn without_pdf_size(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("PDF  ").and_then(|pdf| pdf.split_once(", ")) {
        Some((name, rest)) => format!("PDF  {name}, SIZE{}", rest.trim_start_matches(char::is_numeric)),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Three receipts that Omnium refused, and a broken event, in this order.
async fn a_bad_morning() -> World {
    let world = World::new().await;
    let refuses = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    world.sandbox.omnium.add_fault(Rule::new(refuses).on(Call::Upsert));
    let _all = world.consume(&["all"]).await;
    for number in 1..=3 {
        world.publish(&receipt(number)).await;
        letters(&world, number as usize).await;
    }
    let id = BasicProperties::default().with_message_id("till-4-000018".into());
    world.publish_bytes(b"{\"id\": 18", id).await;
    letters(&world, 4).await;
    world
}

async fn letters(world: &World, count: usize) {
    eventually("it is dead", async || (world.dead_letters().len() == count).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_output_matches_golden_files() {
    let world = a_bad_morning().await;
    let shown = |arguments: &[&str]| {
        let (code, said, problem) = told(&world.run(arguments));
        let line = arguments.join(" ");
        normalised(&format!("$ bilag {line}\n{said}{problem}(exit code {code})"))
    };
    let letters = world.dead_letters();
    let id = |at: usize| letters[at]["id"].as_str().expect("an id");
    assert_golden("list", &shown(&["dead", "list"]));
    assert_golden("list-page", &shown(&["dead", "list", "--limit", "1", "--offset", "1"]));
    assert_golden(
        "list-none",
        &shown(&["dead", "list", "--text", "nobody"]).replace(&world.store().await.describe(), "STORE"),
    );
    assert_golden("list-group", &shown(&["dead", "list", "--group"]));
    let refused = shown(&["dead", "show", id(1)]);
    let (above, _) = refused.split_once("\npayload\n").expect("a payload");
    assert_golden("show", &without_pdf_size(above));
    assert_golden("show-broken", &shown(&["dead", "show", id(0)]));
    assert_golden("show-no-pdf", &shown(&["dead", "show", id(0), "--pdf", "letter.pdf"]));
    assert_golden("edit-refused", &shown(&["dead", "edit", id(0), "--body", "any"]));
    assert_golden("redrive", &shown(&["dead", "redrive", id(1), "--as", "kari"]));
    assert_golden("redrive-nothing-named", &shown(&["dead", "redrive"]));
    assert_golden("redrive-unknown", &shown(&["dead", "redrive", "--group", "00000000"]));
    assert_golden("discard", &shown(&["dead", "discard", "--stage", "upload", "--as", "kari"]));
    assert_golden("audit", &shown(&["audit"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_help_matches_golden_files() {
    let world = World::new().await;
    for command in ["", "list", "show", "redrive", "discard", "restore", "edit", "export", "reindex"] {
        let mut arguments = vec!["dead", command, "--help"];
        arguments.retain(|argument| !argument.is_empty());
        let name = arguments[..arguments.len() - 1].join("-");
        assert_golden(&format!("help-{name}"), &world.ok(&arguments));
    }
}
