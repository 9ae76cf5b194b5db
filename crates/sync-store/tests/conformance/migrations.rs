//! The texts of the migrations: what runs the version before goes on meanwhile.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What an older version may not live with, as the words begin with which each statement says so.
const TAKES_AWAY: [&str; 12] = [
    "drop ",
    "truncate ",
    " rename ",
    " drop ",
    " alter column ",
    " set not null",
    " add constraint ",
    " add check",
    " set data type",
    "create unique index ",
    "delete ",
    "create trigger ",
];

/// How a migration says what a version must know at least.
const SAYS_SO: &str = "insert into bilag_schema";

fn migrations(database: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let files = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("a file").path());
    let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
    let mut texts: Vec<_> =
        files.map(|path| (name(&path), fs::read_to_string(&path).expect("a text"))).collect();
    texts.sort();
    texts
}

/// The statements of a text, without comments, in lower case, with one space between words.
fn statements(text: &str) -> Vec<String> {
    let code: Vec<_> = text.lines().map(|line| line.split("--").next().unwrap_or_default()).collect();
    let whole = code.join(" ").to_lowercase();
    let words = |statement: &str| statement.split_whitespace().collect::<Vec<_>>().join(" ");
    whole.split(';').map(words).filter(|statement| !statement.is_empty()).collect()
}

/// Why an older version may not live with the statement.
fn takes_away(statement: &str) -> Option<String> {
    let word = TAKES_AWAY.iter().find(|word| match word.strip_prefix(' ') {
        Some(_) => statement.starts_with("alter ") && statement.contains(**word),
        None => statement.starts_with(**word),
    });
    if let Some(word) = word {
        return Some(word.trim().to_owned());
    }
    let adds = statement.starts_with("alter ") && statement.contains(" add column ");
    let needs = adds && statement.contains(" not null") && !statement.contains(" default ");
    needs.then(|| "add column … not null without a default".to_owned())
}

#[test]
fn a_migration_only_adds_or_names_the_version_it_requires() {
    let mut found = 0;
    for database in ["sqlite", "postgres"] {
        for (name, text) in migrations(database) {
            let statements = statements(&text);
            found += statements.len();
            if statements.iter().any(|statement| statement.starts_with(SAYS_SO)) {
                continue;
            }
            for statement in &statements {
                if let Some(why) = takes_away(statement) {
                    panic!("{database}/{name}: `{why}`: an older version may not live with it: {statement}");
                }
            }
        }
    }
    assert!(found > 40, "{found} statements were found");
}

#[test]
fn finds_statements_that_take_away() {
    for (statement, adds) in [
        ("drop table receipt", false),
        ("alter table receipt drop column body", false),
        ("alter table receipt rename column body to bytes", false),
        ("ALTER TABLE receipt\n  ALTER COLUMN body TYPE text", false),
        ("alter table receipt add column seal text not null", false),
        ("create unique index one_voucher on receipt (voucher_number)", false),
        ("-- drop nothing\nalter table receipt add column seal text not null default ''", true),
        ("create table seal (id text primary key not null)", true),
        ("create index receipt_by_seal on receipt (seal)", true),
    ] {
        let statements = statements(statement);
        assert_eq!(statements.iter().all(|statement| takes_away(statement).is_none()), adds, "{statement}");
    }
}

#[test]
fn both_databases_have_the_same_migrations() {
    let names = |database| migrations(database).into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
    assert_eq!(names("sqlite"), names("postgres"));
}
