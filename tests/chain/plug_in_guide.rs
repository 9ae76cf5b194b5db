//! The steps of `docs/plug-in.md` as a first-time reader runs them: every command as printed,
//! in order, in an empty folder, with the test's own broker and stand-ins.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use bilag_tests::{TestEnv, binary, sample, unset_settings};

/// The steps' heading, and the next one.
const STEPS: (&str, &str) = ("## Steps", "\n## ");

/// `bilag`: a long-running command runs in the background until the next one replaces it.
const BILAG: &str = r#"#!/bin/bash
set -euo pipefail
[ "$1" = consume ] || exec BINARY "$@"
runs() { grep -qa bilag "/proc/$(cat running)/cmdline" 2>/dev/null; }
if [ -e running ]; then
    kill -TERM "$(cat running)"
    while runs; do sleep 0.1; done
fi
count() { grep -c ' consuming ' consumers.log || true; }
touch consumers.log
before=$(count)
BINARY "$@" >>consumers.log 2>&1 </dev/null &
echo $! >running
for _ in $(seq 600); do
    [ "$(count)" -lt $((before + 3)) ] || exit 0
    runs || break
    sleep 0.1
done
tail -n 20 consumers.log >&2
exit 1
"#;

/// `rabbitmqctl`: the same through the management API, for the test's own user and vhost.
const RABBITMQCTL: &str = r#"#!/bin/bash
set -euo pipefail
put() { curl -sSf -u guest:guest -H 'Content-Type: application/json' -X PUT "MANAGEMENT/api/$1" -d "${2//\\/\\\\}"; }
[ "$2" = bilag ] || { echo "another user: $2" >&2; exit 1; }
case "$1" in
add_user) put users/USER '{"password": "PASSWORD", "tags": ""}' ;;
set_permissions) put permissions/VHOST/USER "{\"configure\": \"$3\", \"write\": \"$4\", \"read\": \"$5\"}" ;;
set_topic_permissions) put topic-permissions/VHOST/USER "{\"exchange\": \"$3\", \"write\": \"$4\", \"read\": \"$5\"}" ;;
set_user_tags) put users/USER "{\"password\": \"PASSWORD\", \"tags\": \"$3\"}" ;;
*) echo "not known here: $1" >&2; exit 1 ;;
esac
"#;

/// The repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the repository")
}

fn executable(path: &Path, text: &str) {
    fs::write(path, text).expect("written");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("executable");
}

/// Each step's number and commands.
fn steps() -> Vec<(String, String)> {
    let guide = fs::read_to_string(root().join("docs/plug-in.md")).expect("the guide");
    let (_, rest) = guide.split_once(STEPS.0).expect("the steps");
    let (steps, _) = rest.split_once(STEPS.1).expect("a heading after them");
    let (mut step, mut found) = (String::new(), Vec::new());
    let (mut block, mut inside) = (String::new(), false);
    for line in steps.lines() {
        if let Some((number, _)) = line.strip_prefix("**").and_then(|line| line.split_once(". ")) {
            step = number.to_owned();
        }
        match (line, inside) {
            ("```sh", false) => inside = true,
            ("```", true) => {
                found.push((step.clone(), std::mem::take(&mut block)));
                inside = false;
            }
            (line, true) => block.extend([line, "\n"]),
            _ => {}
        }
    }
    found
}

/// The name of the test's vhost, and of its user.
fn vhost_name(env: &TestEnv) -> &str {
    env.vhost.url.rsplit_once('/').expect("a vhost").1
}

/// A fresh environment, and the test's values for the placeholders of the guide.
struct GuideEnv {
    env: TestEnv,
    replaced: Vec<(String, String)>,
}

impl GuideEnv {
    async fn new() -> Self {
        let env = TestEnv::new().await;
        let (vhost, sandbox) = (&env.vhost, &env.sandbox);
        let at = vhost.url.rsplit_once('@').expect("a login").1.to_owned();
        let user = vhost_name(&env);
        let replaced = [
            ("bilag:PASSWORD@rabbit.example:5672/%2f", format!("{user}:PASSWORD@{at}")),
            ("http://rabbit.example:15672", vhost.management.clone()),
            ("/var/lib/bilag/bilag.db", env.folder().join("newcomer.db").display().to_string()),
            ("https://apitest.omnium.no", sandbox.base_url()),
            ("https://erp.example/invoice-service", sandbox.invoice_service_url()),
            ("https://shop-oms.example", sandbox.oms_url()),
            ("=…", "=newcomer".to_owned()),
        ];
        let replaced = replaced.map(|(printed, here)| (printed.to_owned(), here)).to_vec();
        let guide = Self { env, replaced };
        guide.prepare();
        guide
    }

    /// Puts the commands on the path, and links the repository's samples.
    fn prepare(&self) {
        let env = &self.env;
        let (tools, samples) = (env.folder().join("tools"), env.folder().join("tests/samples"));
        fs::create_dir(&tools).and_then(|()| fs::create_dir(env.folder().join("tests"))).expect("made");
        executable(&tools.join("bilag"), &BILAG.replace("BINARY", &binary().display().to_string()));
        let ctl = RABBITMQCTL.replace("MANAGEMENT", &env.vhost.management);
        let ctl = ctl.replace("VHOST", vhost_name(env)).replace("USER", vhost_name(env));
        executable(&tools.join("rabbitmqctl"), &ctl);
        std::os::unix::fs::symlink(root().join("tests/samples"), samples).expect("linked");
    }

    /// A step's commands as printed, with the placeholders replaced.
    fn script(&self, commands: &str) -> String {
        let here = |text: &str, (printed, here): &(String, String)| text.replace(printed, here);
        self.replaced.iter().fold(commands.to_owned(), |text, replaced| here(&text, replaced))
    }
}

/// Step, command, and the text that its output must eventually contain.
const SHOWN: [(&str, &str, &str); 6] = [
    ("1", "pdfinfo out.pdf", "Pages"),
    ("4", "bilag topology check", "no differences"),
    ("5", "bilag sync list", "skipped"),
    ("6", "bilag sync show 1001", "would create invoice rcpt-1001"),
    ("7", "bilag sync list", "complete"),
    ("8", "bilag packages list", "no packages in"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_command_of_the_guide_works_as_printed() {
    let guide = GuideEnv::new().await;
    let steps = steps();
    let numbers: Vec<&str> = steps.iter().map(|(number, _)| &**number).collect();
    assert_eq!(numbers, ["1", "2", "3", "4", "5", "6", "7", "8"], "each step has its commands");
    let mut script = String::from("set -euo pipefail\ntrap 'kill \"$(cat running)\"' EXIT\n");
    script.push_str(
        "shows() { for _ in $(seq 600); do text=$(eval \"$1\" 2>&1 || true); [[ $text != *\"$2\"* ]] || return 0; sleep 0.1; done; echo \"$1 does not show $2: $text\" >&2; exit 1; }\n",
    );
    for (number, commands) in &steps {
        script.push_str(&format!("echo '--- step {number}' >&2\n"));
        for line in guide.script(commands).lines() {
            script.push_str(&format!("{line}\n"));
            // The events were published a moment ago.
            if line.starts_with("bilag publish") {
                let looked = SHOWN.iter().find(|(step, _, _)| step == number).expect("it shows something");
                script.push_str(&format!("shows '{}' '{}'\n", looked.1, looked.2));
            }
        }
        for (_, command, shown) in SHOWN.iter().filter(|(step, _, _)| step == number) {
            script.push_str(&format!("shows '{command}' '{shown}'\n"));
        }
    }
    let folder = guide.env.folder();
    guide.env.file("november.jsonl", sample("receipt-standard.json").to_string());
    guide.env.file("steps.sh", &script);
    let path = format!("{}:{}", folder.join("tools").display(), std::env::var("PATH").expect("a path"));
    let mut bash = Command::new("bash");
    unset_settings(&mut bash);
    let ran = bash.arg("steps.sh").current_dir(folder).env("PATH", path).env("HOME", folder).output();
    let ran = ran.expect("bash");
    let (reported, error) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    let log = fs::read_to_string(folder.join("consumers.log")).unwrap_or_default();
    assert!(ran.status.success(), "{error}\n{reported}\n{log}");
    let summary = guide.env.sandbox.omnium.summary();
    assert!(summary.violations.is_empty() && summary.invoices.contains_key("rcpt-1001"), "{summary:?}");
}
