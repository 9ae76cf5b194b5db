//! Templates that are wrong, and what is said of them; templates that are right, and what they print.

mod support;

use std::io;

use receipt_pdf::{Template, render};
use support::{file, here, sample, text};

fn read(path: &str) -> io::Result<Vec<u8>> {
    // The kind alone: its words are the same on every system.
    std::fs::read(file("templates").join(path)).map_err(|error| error.kind().into())
}

/// `NAME.toml` is a broken template, `NAME.txt` all that is to be said of it.
#[test]
fn reports_every_mistake_with_its_line() {
    let mut seen = 0;
    for entry in std::fs::read_dir(file("templates")).expect("the folder of broken templates") {
        let path = entry.expect("a file").path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let source = std::fs::read_to_string(&path).expect("a template");
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let message = Template::load(&source, &name, &read).expect_err(&name).to_string();
        let expected = std::fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        assert_eq!(message.trim_end(), expected.trim_end(), "{name}");
        seen += 1;
    }
    assert!(seen >= 8, "{seen} broken templates");
}

#[test]
fn iterates_over_mistakes() {
    let errors = Template::load("[page]\nwidht = \"80mm\"", "t.toml", &read).expect_err("a misspelt key");
    let lines: Vec<usize> = errors.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [1, 2]);
}

#[test]
fn example_of_the_manual_renders() {
    let manual = std::fs::read_to_string(here().join("../../docs/templates.md")).expect("the manual");
    let example =
        manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let logo = |path: &str| match path {
        "logo.png" => read("logo.png"),
        _ => Err(io::ErrorKind::NotFound.into()),
    };
    let template = Template::load(example, "templates.md", &logo).unwrap_or_else(|errors| panic!("{errors}"));
    let rendered = render(&template, &sample("standard")).expect("a PDF");
    assert_eq!(rendered.warnings, []);
    let text = text(&rendered.pdf).concat();
    for expected in ["Kvittering 1001", "Turski «Fonna» 180 cm", "3\u{a0}836,50", "Bytt innen 30 dager"] {
        assert!(text.contains(expected), "{expected} is not in {text}");
    }
}

#[test]
fn template_fixes_language_and_labels() {
    let source = r#"
language = "sv"
[labels.sv]
total = "Att betala"
[[block]]
type = "text"
text = "{{ labels.total }} {{ receipt.grandTotal | money }} {{ receipt.createdAt | date }}"
"#;
    let template = Template::load(source, "t.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
    let pdf = render(&template, &sample("package")).expect("a PDF").pdf;
    assert!(text(&pdf)[0].contains("Att betala 3\u{a0}359,70 2026-11-02"), "{:?}", text(&pdf));
}

#[test]
fn templates_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Template>();
}

#[test]
fn has_no_other_built_in_template() {
    assert!(Template::builtin("a5").is_none());
    for name in Template::BUILTIN {
        assert!(Template::builtin(name).is_some(), "{name}");
    }
}

/// A PNG of a few bytes that says to be of so many pixels.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = png::Encoder::new(&mut bytes, width, height);
    drop(encoder.write_header().expect("a header"));
    bytes
}

#[test]
fn refuses_a_huge_image_by_its_header() {
    for (width, height) in [(60_000, 60_000), (4_001, 1), (1, u32::MAX >> 1)] {
        let template = "[[block]]\ntype = \"image\"\nfile = \"bomb.png\"\n";
        let errors = Template::load(template, "t.toml", &|_| Ok(bomb(width, height))).expect_err("a mistake");
        let expected = "t.toml:3: the image `bomb.png`: larger than 4000 × 4000 pixels: make it smaller";
        assert_eq!(errors.to_string(), expected, "{width} × {height}");
    }
}

#[test]
fn endless_text_names_template_and_line() {
    let template = "[[block]]\ntype = \"text\"\ntext = \"Hei\"\n\n[[block]]\ntype = \"text\"\ntext = \"\"\"\n\
        {% if receipt.voucherNumber == '1001' %}\
        {% for a in range(9000) %}{% for b in range(9000) %}{{ b }}{% endfor %}{% endfor %}\
        {% endif %}\n\"\"\"\n";
    let template = Template::load(template, "shop.toml", &read).unwrap_or_else(|errors| panic!("{errors}"));
    let message = render(&template, &sample("standard")).expect_err("no PDF").to_string();
    assert!(message.contains("line 7 of template shop.toml"), "{message}");
    render(&template, &sample("return")).expect("a PDF of another receipt");
}

#[test]
fn longest_receipt_stays_within_the_limits() {
    let mut receipt = sample("standard");
    let items = receipt.order_receipt.items.clone();
    // About 180 bytes a line: more would not fit into the largest event.
    receipt.order_receipt.items = items.iter().cycle().take(6_000).cloned().collect();
    for name in Template::BUILTIN {
        let template = Template::builtin(name).expect("built in");
        render(template, &receipt).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}
