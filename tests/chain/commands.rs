//! The command line tools, as people and scripts use them.

use bilag_tests::{TestEnv, exit_output, sample, sample_path};
use serde_json::Value;

fn path(sample: &str) -> String {
    sample_path(sample).to_string_lossy().into_owned()
}

#[tokio::test]
async fn map_prints_the_exact_invoice() {
    let env = TestEnv::new().await;
    for name in ["receipt-standard", "receipt-payment"] {
        let printed = env.ok(&["map", &path(&format!("{name}.json"))]);
        let invoice: Value = serde_json::from_str(&printed).expect("JSON");
        assert_eq!(invoice, sample(&format!("{name}.invoice.json")), "{name}");
    }
}

#[tokio::test]
async fn render_is_deterministic() {
    let env = TestEnv::new().await;
    let receipt = path("receipt-standard.json");
    for template in ["a4", "roll-80mm"] {
        let pdf = |name: &str| {
            let file = env.file(name, "");
            let out = file.to_str().expect("a path");
            env.ok(&["render", &receipt, "--output", out, "--template", template]);
            std::fs::read(&file).expect("the PDF")
        };
        let (first, second) = (pdf("first.pdf"), pdf("second.pdf"));
        assert!(first.starts_with(b"%PDF-") && first.trim_ascii_end().ends_with(b"%%EOF"));
        assert!(first == second, "{template}: two runs differ");
    }
}

#[tokio::test]
async fn unusable_receipts_are_reported_with_their_error() {
    let env = TestEnv::new().await;
    let broken = env.file("broken.json", sample("receipt-standard.json").to_string().replace("SALE", "GIFT"));
    let broken = broken.to_str().expect("a path");
    let expected =
        format!("error: {broken}: at orderReceipt.order.type: expected the text SALE or RETURN or PAYMENT\n");
    for arguments in [&["map", broken][..], &["render", broken, "-o", "x.pdf"]] {
        assert_eq!(exit_output(&env.run(arguments)), (1, String::new(), expected.clone()));
    }
    let (code, _, error) = exit_output(&env.run(&["map", "nowhere.json"]));
    assert_eq!((code, error.as_str()), (1, "error: nowhere.json: No such file or directory (os error 2)\n"));
}

#[tokio::test]
async fn template_check_lists_every_error_with_its_line() {
    let env = TestEnv::new().await;
    assert_eq!(env.ok(&["template", "check", "a4"]), "a4: valid\n");
    let template = "language = \"nb\"\n\n[page]\nsize = \"A9\"\nmargin = \"wide\"\n";
    env.file("ours.toml", template);
    let (code, printed, error) = exit_output(&env.run(&["template", "check", "ours.toml"]));
    assert_eq!((code, printed.as_str()), (1, ""), "{error}");
    for mistake in
        ["ours.toml:1: the template shows nothing", "ours.toml:4: unknown key `size`", "ours.toml:5: "]
    {
        assert!(error.contains(mistake), "{mistake}: {error}");
    }
    let (code, _, error) = exit_output(&env.run(&["template", "check", "nowhere.toml"]));
    assert!(
        code != 0 && error.contains("neither built in (a4, roll-80mm) nor a file that can be read"),
        "{error}"
    );
}

#[tokio::test]
async fn publish_reports_unroutable_events_and_continues() {
    let env = TestEnv::new().await;
    env.ok(&["topology", "apply", "receipt"]);
    env.file("other.json", "{\"type\":\"receipt.settled.v9\",\"id\":\"evt-9\"}");
    let standard = path("receipt-standard.json");
    let (code, printed, error) = exit_output(&env.run(&["publish", "other.json", &standard]));
    assert_eq!(code, 1);
    assert_eq!(printed, format!("{standard}: published with key receipt.settled.v1\n"));
    let lines: Vec<_> = error.lines().collect();
    assert_eq!(
        lines,
        [
            "other.json: not published: no queue is bound to exchange \"events\" with key \
             \"receipt.settled.v9\": the message was returned; run `bilag topology apply`, or check \
             BILAG_RECEIPT_KEYS and BILAG_PACKED_KEYS",
            "error: 1 of 2 events were not published",
        ]
    );
    assert_eq!(env.vhost.ready("bilag.receipt").await, Some(1));
}

#[tokio::test]
async fn every_command_has_help() {
    let env = TestEnv::new().await;
    for command in [
        "consume",
        "topology",
        "topology apply",
        "topology check",
        "topology export",
        "publish",
        "map",
        "render",
        "template",
        "template check",
        "template show",
        "template preview",
        "sync",
        "sync list",
        "sync show",
        "sync verify",
        "sync reconcile",
        "report",
        "dead",
        "dead list",
        "dead show",
        "packages",
        "packages list",
        "packages show",
        "packages ask",
        "sandbox",
    ] {
        let mut arguments: Vec<_> = command.split(' ').collect();
        arguments.push("--help");
        let help = env.ok(&arguments);
        assert!(help.contains(&format!("Usage: bilag {command}")), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
        assert!(!help.contains("a-secret") && !help.contains("guest"), "a setting's value is shown: {help}");
    }
    let help = env.ok(&["topology", "check", "--help"]);
    assert!(!help.contains("OMNIUM_") && help.contains("BILAG_MANAGEMENT_URL"), "{help}");
    let help = env.ok(&["--help"]);
    assert!(help.starts_with("Carries retail receipts to where their invoices belong"), "{help}");
    let (code, _, error) = exit_output(&env.run(&["sandbx", "--help"]));
    assert_eq!(code, 2);
    assert!(error.contains("a similar subcommand exists: 'sandbox'"), "{error}");
}

#[tokio::test]
async fn closed_standard_output_is_not_a_failure() {
    let env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    env.ok(&["topology", "apply", "receipt"]);
    let standard = path("receipt-standard.json");
    for arguments in [
        &["map", &standard][..],
        &["render", &standard, "--output", "-"],
        &["sync", "list"],
        &["packages", "list"],
        &["dead", "list", "--json"],
        &["topology", "export"],
        &["template", "check", "a4"],
        &["template", "show", "a4"],
        &["--help"],
        &["publish", &standard, &standard],
    ] {
        let (code, printed, error) = exit_output(&env.run_with_closed_stdout(arguments));
        assert_eq!((code, printed.as_str(), error.as_str()), (0, "", ""), "{arguments:?}");
    }
    assert_eq!(env.vhost.ready("bilag.receipt").await, Some(2), "both were published");
}

#[tokio::test]
async fn listings_name_a_test_environment_and_their_json_does_not() {
    let mut env = TestEnv::new().await;
    env.ok(&["sync", "migrate"]);
    assert!(env.ok(&["stages"]).starts_with("STAGE"));
    env.set("OMNIUM_BASE_URL", "https://apitest.omnium.no");
    let listed = env.ok(&["stages"]);
    assert!(listed.starts_with("TEST: receipts go to https://apitest.omnium.no\n\nSTAGE"), "{listed}");
    assert!(!env.ok(&["stages", "--json"]).contains("TEST"));
}
