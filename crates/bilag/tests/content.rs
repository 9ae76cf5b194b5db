//! `bilag render --check-content` and `bilag template check --country`: what is missing, who lacks it, and the cure.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// Facts that complete every receipt of this test.
const FACTS: &str = r#"[default.facts]
legal-name = "Nordlys Sport AS"
legal-id = "912 345 678"
vat-id = "NO 912 345 678 MVA"
register-note = "Foretaksregisteret"
tax-office = "Kadıköy"
street = "Storgata 1"
postal-code = "0155"
city = "Oslo"
payment-days = 14
till = "K-3"
control-unit = "CU-881"
"#;

/// A template that says little.
const TEMPLATE: &str = r#"[[block]]
type = "heading"
text = "{{ receipt.title }}"

[[block]]
type = "text"
text = "{{ issuer.name }} {{ issuer.vatId }} {{ receipt.createdAt | date }} {{ receipt.grandTotal | money }}"

[[block]]
type = "table"
each = "items"
columns = [{ text = "{{ row.name }}", width = "*" }, { text = "{{ row.total | money }}" }]
"#;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bilag"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.output().expect("bilag runs")
}

/// The command, what it printed and its exit code, as its example file has it.
fn assert_golden(name: &str, arguments: &[&str], output: &Output) {
    let [stdout, stderr] = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    let code = output.status.code().unwrap_or(-1);
    let actual = format!("$ bilag {}\n{stdout}{stderr}(exit code {code})\n", arguments.join(" "));
    let path = format!("{}/tests/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("BILAG_WRITE_GOLDEN").is_some() {
        fs::write(&path, &actual).expect("the example file is written");
    }
    assert_eq!(actual, fs::read_to_string(&path).unwrap_or_default(), "{path}");
}

fn sample(name: &str) -> Value {
    let path = format!("{}/../../tests/samples/receipt-{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&fs::read(path).expect("the sample")).expect("JSON")
}

/// A sale in a country, whose store has no number of its own.
fn sale(name: &str, country: &str, currency: &str) -> Value {
    let mut json = sample(name);
    json["tenant"]["country"] = json!({ "code": country, "currency": currency });
    json["orderReceipt"]["order"]["store"]["organizationNumber"] = Value::Null;
    json
}

/// A folder with a receipt and the facts.
fn folder(receipt: &Value, facts: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (file, content) in
        [("receipt.json", &*receipt.to_string()), ("tenants.toml", facts), ("own.toml", TEMPLATE)]
    {
        fs::write(folder.path().join(file), content).expect("the file is written");
    }
    folder
}

const CHECK: [&str; 5] = ["render", "receipt.json", "--check-content", "--tenants", "tenants.toml"];

#[test]
fn receipt_lists_what_it_and_its_template_lack() {
    let facts = FACTS.replace("till = \"K-3\"\n", "").replace("register-note = \"Foretaksregisteret\"\n", "");
    let folder = folder(&sale("standard", "NO", "NOK"), &facts);
    assert_golden("check-content", &CHECK, &run(folder.path(), &CHECK));
    let own = [&CHECK[..], &["--template", "own.toml", "-o", "own.pdf"]].concat();
    assert_golden("check-content-own-template", &own, &run(folder.path(), &own));
    assert!(fs::read(folder.path().join("own.pdf")).expect("it is written").starts_with(b"%PDF-"));
    // The PDF has standard output for itself.
    let piped = run(folder.path(), &[&CHECK[..], &["-o", "-"]].concat());
    assert!(piped.stdout.starts_with(b"%PDF-") && piped.status.code() == Some(1), "{:?}", piped.status);
    assert!(String::from_utf8_lossy(&piped.stderr).contains("the receipt lacks the number of the till"));
}

#[test]
fn complete_receipt_lacks_nothing() {
    let folder = folder(&sale("standard", "NO", "NOK"), FACTS);
    for template in ["a4", "roll-80mm"] {
        let checked = run(folder.path(), &[&CHECK[..], &["--template", template]].concat());
        let output = String::from_utf8_lossy(&checked.stdout);
        assert!(checked.status.success() && output.contains("nothing is missing for NO"), "{checked:?}");
        assert!(output.contains("no legal advice"), "{output}");
    }
}

#[test]
fn each_fact_that_is_taken_away_is_named() {
    for (receipt, key, source) in [
        (sale("standard", "NO", "NOK"), "vat-id", "bokføringsforskriften § 5-1-2"),
        (sale("standard", "NO", "NOK"), "register-note", "bokføringsforskriften § 5-1-2"),
        (sale("standard", "NO", "NOK"), "street", "bokføringsforskriften § 5-1-2"),
        (sale("standard", "NO", "NOK"), "city", "bokføringsforskriften § 5-1-2"),
        (sale("standard", "NO", "NOK"), "till", "kassasystemforskriften § 2-8"),
        (sale("standard", "SE", "SEK"), "control-unit", "SKVFS 2014:9"),
        (sale("b2b", "NO", "NOK"), "payment-days", "bokføringsforskriften § 5-1-1"),
        (sale("b2b", "SE", "SEK"), "vat-id", "directive 2006/112/EC, article 226"),
        (sale("b2b", "TR", "TRY"), "tax-office", "VUK 230"),
    ] {
        let kept: Vec<_> = FACTS.lines().filter(|line| !line.starts_with(&format!("{key} ="))).collect();
        assert_eq!(kept.len() + 1, FACTS.lines().count(), "{key}");
        let folder = folder(&receipt, &kept.join("\n"));
        let checked = run(folder.path(), &CHECK);
        let output = String::from_utf8_lossy(&checked.stdout);
        let named = |line: &str| {
            line.contains("the receipt lacks")
                && line.contains(&format!("({source})"))
                && line.ends_with(&format!("or set {key} in the tenant's facts"))
        };
        assert!(output.lines().any(named), "{key} is not named in\n{output}");
        assert_eq!(checked.status.code(), Some(1));
        // The fact cures it.
        fs::write(folder.path().join("tenants.toml"), FACTS).expect("the file is written");
        let output = run(folder.path(), &CHECK).stdout;
        assert!(!String::from_utf8_lossy(&output).lines().any(named), "{key}");
    }
}

#[test]
fn country_that_is_not_known_is_said() {
    let folder = folder(&sale("standard", "US", "USD"), FACTS);
    let checked = run(folder.path(), &CHECK);
    assert!(checked.status.success());
    let output = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(output, "receipt.json: nothing is known of what the law of US asks for\n");
    let mut none = sale("standard", "NO", "NOK");
    none["tenant"]["country"]["code"] = Value::Null;
    fs::write(folder.path().join("receipt.json"), none.to_string()).expect("the file is written");
    let checked = run(folder.path(), &CHECK);
    assert_eq!(checked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&checked.stderr).contains("the receipt lacks tenant.country.code"));
}

#[test]
fn render_needs_an_output_or_a_check() {
    let folder = folder(&sale("standard", "NO", "NOK"), FACTS);
    let wrong: [&[&str]; 2] =
        [&["render", "receipt.json"], &["render", "receipt.json", "-o", "x", "--original"]];
    for arguments in wrong {
        assert_eq!(run(folder.path(), arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn template_check_warns_and_fails_for_named_countries() {
    let folder = folder(&sale("standard", "NO", "NOK"), FACTS);
    let check = ["template", "check", "own.toml"];
    assert_golden("template-check", &check, &run(folder.path(), &check));
    let named = ["template", "check", "own.toml", "--country", "no,DE"];
    assert_golden("template-check-country", &named, &run(folder.path(), &named));
    // One that is in Norwegian alone is not meant for other countries.
    let norwegian = format!("language = \"nb\"\n{TEMPLATE}");
    fs::write(folder.path().join("own.toml"), norwegian).expect("the file is written");
    let warned = run(folder.path(), &check);
    let warnings = String::from_utf8_lossy(&warned.stderr);
    assert!(warnings.contains("the law of NO") && !warnings.contains("the law of SE"), "{warnings}");
    assert_eq!(run(folder.path(), &["template", "check", "a4", "--country", "XX"]).status.code(), Some(2));
}

#[test]
fn built_in_templates_pass_for_every_country() {
    let folder = folder(&sale("standard", "NO", "NOK"), FACTS);
    for name in ["a4", "roll-80mm"] {
        let checked = run(folder.path(), &["template", "check", name]);
        assert!(checked.status.success() && checked.stderr.is_empty(), "{checked:?}");
        let every = "AT,BE,BG,CY,CZ,DE,DK,EE,ES,FI,FR,GR,HR,HU,IE,IT,LT,LU,LV,MT,NL,NO,PL,PT,RO,SE,SI,SK,TR";
        let checked = run(folder.path(), &["template", "check", name, "--country", every]);
        assert!(checked.status.success(), "{checked:?}");
    }
}
