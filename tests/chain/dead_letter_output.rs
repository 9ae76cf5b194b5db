//! The output of `bilag dead` and `bilag audit`, compared with `tests/chain/golden/*.txt`.

use std::fs;
use std::path::Path;

use bilag_tests::{TestEnv, exit_output, normalised, receipt};
use lapin::BasicProperties;
use reqwest::StatusCode;
use sandbox::omnium::{Call, Fault, Rule};

/// If set, the files are rewritten.
const WRITE: &str = "BILAG_WRITE_GOLDEN";

/// Compares the text with a golden file.
pub(crate) fn assert_golden(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("chain/golden").join(format!("{name}.txt"));
    if std::env::var_os(WRITE).is_some() {
        fs::write(&path, text).expect("the file can be written");
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == text,
        "{} differs; {WRITE}=1 rewrites it, review it with `git diff`\n--- expected\n{expected}\n--- actual\n{text}",
        path.display()
    );
}

/// The size of a PDF depends on the template.
fn without_pdf_size(text: &str) -> String {
    let line = |line: &str| match line.strip_prefix("PDF  ").and_then(|pdf| pdf.split_once(", ")) {
        Some((name, rest)) => format!("PDF  {name}, SIZE{}", rest.trim_start_matches(char::is_numeric)),
        None => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// An environment with three rejected receipts and an invalid event, in this order.
async fn env_with_dead_letters() -> TestEnv {
    let env = TestEnv::new().await;
    let refuses = Fault::Status { status: StatusCode::BAD_REQUEST, retry_after: None, done: false };
    env.sandbox.omnium.add_fault(Rule::new(refuses).on(Call::Upsert));
    let _all = env.consume(&["all"]).await;
    for number in 1..=3 {
        env.publish(&receipt(number)).await;
        env.wait_for_dead_letters(number as usize).await;
    }
    let id = BasicProperties::default().with_message_id("till-4-000018".into());
    env.publish_bytes(b"{\"id\": 18", id).await;
    env.wait_for_dead_letters(4).await;
    env
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letter_output_matches_golden_files() {
    let env = env_with_dead_letters().await;
    let shown = |arguments: &[&str]| {
        let (code, output, problem) = exit_output(&env.run(arguments));
        let line = arguments.join(" ");
        normalised(&format!("$ bilag {line}\n{output}{problem}(exit code {code})"))
    };
    let letters = env.dead_letters();
    let id = |at: usize| letters[at]["id"].as_str().expect("an id");
    assert_golden("list", &shown(&["dead", "list"]));
    assert_golden("list-page", &shown(&["dead", "list", "--limit", "1", "--offset", "1"]));
    assert_golden(
        "list-none",
        &shown(&["dead", "list", "--text", "nobody"]).replace(&env.store().await.describe(), "STORE"),
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
    let env = TestEnv::new().await;
    for command in ["", "list", "show", "redrive", "discard", "restore", "edit", "export", "reindex"] {
        let mut arguments = vec!["dead", command, "--help"];
        arguments.retain(|argument| !argument.is_empty());
        let name = arguments[..arguments.len() - 1].join("-");
        assert_golden(&format!("help-{name}"), &env.ok(&arguments));
    }
}
