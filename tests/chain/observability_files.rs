//! Alert rules and dashboard: well formed, in line with the documentation, and accepted by `promtool`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const RULES: &str = "deploy/observability/prometheus-rules.yaml";
const RULES_TEST: &str = "deploy/observability/prometheus-rules.test.yaml";
const DASHBOARD: &str = "deploy/observability/grafana-dashboard.json";

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(file)
}

fn read(file: &str) -> String {
    fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The expressions of the alerts, and those of the dashboard.
pub fn alerts_and_dashboard() -> (Vec<String>, Vec<String>) {
    let alerts = read(RULES)
        .lines()
        .filter_map(|line| line.trim().strip_prefix("expr: ").map(str::to_owned))
        .collect();
    (alerts, panels().iter().flat_map(expressions).collect())
}

/// Bilag's metrics in the expressions.
pub fn metrics_in(expressions: &[String]) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = expressions.iter().flat_map(|expression| expression.split(|c| !is_part(c)));
    let ours = |word: &&str| ["bilag_", "messaging_", "http_"].iter().any(|ours| word.starts_with(ours));
    words.filter(ours).map(str::to_owned).collect()
}

fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).expect("the dashboard is JSON")
}

/// Its panels, without row headings.
fn panels() -> Vec<Value> {
    let panels = dashboard()["panels"].as_array().expect("panels").clone();
    panels.into_iter().filter(|panel| panel["type"] != "row").collect()
}

fn expressions(panel: &Value) -> Vec<String> {
    let targets = panel["targets"].as_array().expect("targets");
    targets.iter().map(|target| target["expr"].as_str().expect("an expression").to_owned()).collect()
}

/// Runs Prometheus's checker, which must succeed.
fn promtool(arguments: &[&str]) {
    let ran = Command::new("promtool").args(arguments).output();
    let ran = ran.unwrap_or_else(|error| {
        panic!("promtool does not run ({error}): install Debian's package prometheus, or run `make test`")
    });
    let printed =
        [ran.stdout, ran.stderr].map(|printed| String::from_utf8_lossy(&printed).into_owned()).concat();
    assert!(ran.status.success(), "promtool {arguments:?}:\n{printed}");
}

#[test]
fn alert_rules_pass_promtool_tests() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", &path(RULES).to_string_lossy()]);
    promtool(&["test", "rules", &path(RULES_TEST).to_string_lossy()]);
}

#[test]
fn promtool_accepts_every_dashboard_expression() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut rules = "groups:\n- name: dashboard\n  rules:\n".to_owned();
    for (number, expression) in panels().iter().flat_map(expressions).enumerate() {
        let expression = expression.replace("$__rate_interval", "5m").replace("$__range", "1h");
        let expression = serde_json::to_string(&expression).expect("a text");
        rules.push_str(&format!("  - record: dashboard:panel:{number}\n    expr: {expression}\n"));
    }
    let file = folder.path().join("dashboard.yaml");
    fs::write(&file, rules).expect("written");
    promtool(&["check", "rules", &file.to_string_lossy()]);
}

/// The definition of each alert, by its name.
fn alerts() -> BTreeMap<String, String> {
    let rules = read(RULES);
    let alerts = rules.split("- alert: ").skip(1);
    alerts
        .filter_map(|alert| alert.split_once('\n'))
        .map(|(name, rest)| (name.trim().to_owned(), rest.to_owned()))
        .collect()
}

#[test]
fn every_alert_is_documented_tested_and_names_a_command() {
    let (operations, tests) = (read("docs/operations.md"), read(RULES_TEST));
    let alerts = alerts();
    assert!(alerts.len() >= 8, "{alerts:?}");
    let anchors: Vec<_> = operations
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(',', "").replace(' ', "-"))
        .collect();
    for (name, alert) in &alerts {
        assert!(operations.contains(&format!("| `{name}` |")), "docs/operations.md does not document {name}");
        assert!(tests.contains(&format!("alertname: {name}\n")), "{RULES_TEST} does not test {name}");
        for part in ["severity: ", "summary: ", "description: ", "runbook_url: ", "for: "] {
            assert!(alert.contains(part), "{name} has no {part}");
        }
        assert!(alert.contains("`bilag ") || alert.contains("`systemctl "), "{name} names no command");
        let (_, anchor) = alert.split_once("docs/operations.md#").expect("a link into the handbook");
        let anchor = anchor.lines().next().unwrap_or_default().trim();
        assert!(anchors.iter().any(|known| known == anchor), "{name}: docs/operations.md has no #{anchor}");
    }
    let reported = operations.lines().filter_map(|line| line.strip_prefix("| `Bilag")?.split_once('`'));
    for (name, _) in reported {
        assert!(
            alerts.contains_key(&format!("Bilag{name}")),
            "docs/operations.md: no rule is called Bilag{name}"
        );
    }
}

#[test]
fn dashboard_is_valid_for_grafana() {
    let dashboard = dashboard();
    assert!(dashboard["schemaVersion"].as_u64() >= Some(36), "a schema of Grafana 9 or later");
    assert!(dashboard["uid"].is_string() && dashboard["title"].is_string() && dashboard["id"].is_null());
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    assert!(
        variables.iter().any(|variable| variable["type"] == "datasource" && variable["name"] == "datasource")
    );
    let all = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<_> = all.iter().map(|panel| panel["id"].as_u64().expect("an id")).collect();
    assert_eq!(ids.len(), all.len(), "each panel has an id of its own");
    let mut taken = BTreeSet::new();
    for panel in all {
        let title = panel["title"].as_str().expect("a title");
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap_or_else(|| panic!("{title}: {name}"));
        assert!(at("x") + at("w") <= 24, "{title} is beyond the right edge");
        for (x, y) in
            (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(taken.insert((x, y)), "{title} lies on another panel");
        }
    }
    for panel in panels() {
        let title = &panel["title"];
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        assert!(panel["description"].is_string(), "{title} says what it shows");
        assert!(!expressions(&panel).is_empty(), "{title}");
    }
}
