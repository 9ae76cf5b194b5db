//! Every command that the documents show is one that the command line takes.

use std::path::Path;

use clap::Parser;

use super::Cli;

const DOCUMENTS: [&str; 13] = [
    "README.md",
    "SECURITY.md",
    "deploy/README.md",
    "docs/accounts.md",
    "docs/console.md",
    "docs/notifications.md",
    "docs/operations.md",
    "docs/plug-in.md",
    "docs/reasons.md",
    "docs/templates.md",
    "docs/tenants.md",
    "docs/upgrading.md",
    "docs/webhooks.md",
];

/// The words of a line of a shell, up to a comment or to where its output goes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next().filter(|first| !['#', '|', '>'].contains(first)) {
        let (word, after) = match first {
            '\'' | '"' => rest[1..].split_once(first).expect("a quote ends"),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// Each line that begins with `bilag` in the blocks of commands of a document.
fn commands(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.flat_map(str::lines).map(str::trim).filter(|line| line.starts_with("bilag "))
}

#[test]
fn every_command_in_the_documents_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = 0;
    for document in DOCUMENTS {
        let text = std::fs::read_to_string(root.join(document)).expect("the document is there");
        for line in commands(&text) {
            found += 1;
            if let Err(error) = Cli::try_parse_from(words(line)) {
                panic!("{document}: {line}\n{error}");
            }
        }
    }
    assert!(found > 50, "{found} commands were found");
}
