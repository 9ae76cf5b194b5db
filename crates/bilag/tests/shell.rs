//! `bilag completions` in a real bash, and the pages of `bilag man` by mandoc.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn bilag() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_bilag"))
}

fn output(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    let script = r#"
        set -e
        source <(bilag completions bash)
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        function=$(complete -p bilag | sed 's/.*-F \([^ ]*\).*/\1/')
        previous=${COMP_WORDS[COMP_CWORD - 1]}
        "$function" bilag "${COMP_WORDS[COMP_CWORD]}" "$previous"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", bilag().parent().expect("a folder").display());
    let ran =
        output(Command::new("bash").args(["--norc", "-c", script, "bash"]).args(words).env("PATH", path));
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8_lossy(&ran.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    assert_eq!(offered(&["bilag", "dea"]), ["dead"]);
    assert_eq!(offered(&["bilag", "dead", "red"]), ["redrive"]);
    assert_eq!(offered(&["bilag", "dead", "list", "--gro"]), ["--group"]);
    let stages = offered(&["bilag", "consume", "re"]);
    assert!(
        ["receipt", "render"].iter().all(|stage| stages.iter().any(|known| known == stage)),
        "{stages:?}"
    );
}

#[test]
fn each_shell_has_a_script() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = output(Command::new(bilag()).args(["completions", shell]));
        assert!(ran.status.success() && String::from_utf8_lossy(&ran.stdout).contains("redrive"), "{shell}");
    }
    assert_eq!(output(Command::new(bilag()).args(["completions", "csh"])).status.code(), Some(2));
}

#[test]
fn manual_has_a_page_per_command_without_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let pages = folder.path().join("man1");
    let secret = [("BILAG_AMQP_URL", "amqp://nobody:a-secret@127.0.0.1/%2f")];
    let ran = output(Command::new(bilag()).arg("man").arg(&pages).envs(secret));
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let mut files: Vec<_> =
        fs::read_dir(&pages).expect("pages").map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    for name in ["bilag.1", "bilag-consume.1", "bilag-dead-redrive.1", "bilag-topology-apply.1"] {
        assert!(files.contains(&pages.join(name)), "{name}: {files:?}");
    }
    let page = fs::read_to_string(pages.join("bilag-consume.1")).expect("a page");
    assert!(page.contains("BILAG_AMQP_URL"), "{page}");
    assert!(!page.contains("a-secret"), "the environment is not printed");
    let lint = output(Command::new("mandoc").args(["-T", "lint", "-W", "error"]).args(&files));
    assert!(lint.status.success(), "{}", String::from_utf8_lossy(&lint.stdout));
    let shown = output(Command::new("mandoc").args(["-T", "utf8"]).arg(pages.join("bilag-dead-redrive.1")));
    // Bold is each character twice, with a backspace between.
    let text = String::from_utf8_lossy(&shown.stdout).chars().fold(String::new(), |mut text, next| {
        if next == '\u{8}' {
            text.pop();
        } else {
            text.push(next);
        }
        text
    });
    assert!(text.contains("bilag dead redrive [--rate]"), "{text}");
}
