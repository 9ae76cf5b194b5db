//! What other programs say of the documents: qpdf finds nothing wrong, and text can be selected.

mod support;

use std::path::Path;
use std::process::Command;

use receipt_pdf::{Template, render};
use support::{SAMPLES, sample, text};

/// Gives a program a file and returns what it wrote.
fn run(program: &str, before: &[&str], file: &Path, after: &[&str]) -> String {
    let output = Command::new(program)
        .args(before)
        .arg(file)
        .args(after)
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; install qpdf and poppler-utils"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{program}: {} {errors}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn other_readers_extract_the_same_text() {
    for template in Template::BUILTIN {
        for name in SAMPLES {
            let template = Template::builtin(template).expect("a template that comes with the crate");
            let pdf = render(template, &sample(name)).expect("a PDF").pdf;
            let file = tempfile::NamedTempFile::new().expect("a temporary file");
            std::fs::write(file.path(), &pdf).expect("the file is written");
            run("qpdf", &["--check"], file.path(), &[]);
            let selected = run("pdftotext", &["-raw"], file.path(), &["-"]);
            let mut ours: Vec<&str> = Vec::new();
            let texts = text(&pdf);
            texts.iter().for_each(|page| ours.extend(page.split_whitespace()));
            let mut theirs: Vec<&str> = selected.split_whitespace().collect();
            ours.sort_unstable();
            theirs.sort_unstable();
            assert_eq!(theirs, ours, "{name}");
        }
    }
}
