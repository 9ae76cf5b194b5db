//! Fonts that a template brings, and the scripts that they are brought for.
//!
//! The fonts are those of the Debian packages fonts-noto-core, fonts-droid-fallback and fonts-lmodern.

mod support;

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use events::Text;
use receipt_pdf::{Rendered, Template, TemplateErrors, Warning, render};
use support::{here, sample, text};

const NOTO: &str = "/usr/share/fonts/truetype/noto";
const HAN: &str = "/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf";

/// A font by its name: Noto's, but for Han.
fn font(name: &str) -> io::Result<Vec<u8>> {
    let path = if name == "Han.ttf" { HAN.into() } else { Path::new(NOTO).join(name) };
    Ok(fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; install fonts-noto-core and fonts-droid-fallback", path.display())
    }))
}

/// A font with cubic outlines.
fn latin_modern() -> Vec<u8> {
    let path = "/usr/share/texmf/fonts/opentype/public/lm/lmroman10-regular.otf";
    fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}; install fonts-lmodern"))
}

const BLOCKS: &str = r#"
[[block]]
type = "text"
size = "14pt"
text = "{{ store.name }}"
"#;

fn load(fonts: &str, read: &dyn Fn(&str) -> io::Result<Vec<u8>>) -> Result<Template, TemplateErrors> {
    Template::load(&format!("[page]\nmargin = \"15mm\"\n\n[fonts]\n{fonts}\n{BLOCKS}"), "own.toml", read)
}

const ALL: &str = r#"fallback = ["NotoSansArabic-Regular.ttf", "NotoSansHebrew-Regular.ttf", "NotoSansThai-Regular.ttf", "NotoSansDevanagari-Regular.ttf", "Han.ttf"]"#;

/// Prints a text alone.
fn print(fonts: &str, words: &str) -> Rendered {
    print_with(&load(fonts, &font).unwrap_or_else(|errors| panic!("{errors}")), words)
}

fn print_with(template: &Template, words: &str) -> Rendered {
    let mut receipt = sample("standard");
    receipt.order_receipt.order.store.name = Text::new(words);
    render(template, &receipt).expect("a PDF")
}

fn run(program: &str, arguments: &[&str], pdf: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    fs::write(file.path(), pdf).expect("the file is written");
    let place = arguments
        .iter()
        .map(|argument| if *argument == "FILE" { file.path().as_os_str() } else { (*argument).as_ref() });
    let output = Command::new(program).args(place).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; install qpdf and poppler-utils"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{program}: {} {errors}", output.status);
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The text that another reader finds, without the marks that it puts around text from right to left.
fn selected(pdf: &[u8], mode: &str) -> String {
    run("qpdf", &["--check", "FILE"], pdf);
    let text = run("pdftotext", &[mode, "FILE", "-"], pdf);
    text.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}')).collect::<String>().trim().to_owned()
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn scripts_are_selected_as_they_were_written() {
    for words in [
        "قميص قطن",
        "قميص (قطن) 2026",
        "שלום עולם",
        "ไทย น้ำดื่ม ผู้ใหญ่",
        "हिन्दी किताब क्षत्रिय",
        "日本茶 100g",
        "한국어 차",
        "咖啡、茶，糖。",
    ] {
        let rendered = print(ALL, words);
        assert_eq!(rendered.warnings, [], "{words}");
        assert_eq!(selected(&rendered.pdf, "-q"), words);
    }
}

/// In the order of the content, which is what a screen reader follows.
#[test]
fn content_is_in_the_order_of_reading() {
    for words in
        ["قميص (قطن) 2026", "Kaffe قهوة 250 g", "חולצה, מידה 42", "Te 日本茶 & שלום ✓", "हिन्दी किताब"]
    {
        let rendered = print(ALL, words);
        assert_eq!(without_spaces(&selected(&rendered.pdf, "-raw")), without_spaces(words));
    }
}

/// The texts of clusters from left to right: pdftotext takes those of several letters apart.
#[test]
fn ligatures_and_marks_say_what_they_stand_for() {
    for (words, clusters) in [("سلام", "ملاس"), ("حَ", "حَ"), ("שׁ", "שׁ"), ("ที่", "ที่"), ("कि", "कि")]
    {
        let rendered = print(ALL, words);
        assert_eq!(rendered.warnings, [], "{words}");
        assert_eq!(text(&rendered.pdf).concat().trim(), clusters);
    }
}

#[test]
fn breaks_lines_in_scripts_without_spaces() {
    let rendered = print(ALL, &"日本茶は「おいしい」。".repeat(12));
    let lines = text(&rendered.pdf).concat();
    assert!(lines.lines().count() > 2, "{lines}");
    for line in lines.lines() {
        assert!(!line.starts_with(['。', '」']) && !line.ends_with('「'), "{line}");
    }
    let word = "กิน".repeat(60);
    let lines = text(&print(ALL, &word).pdf).concat();
    assert!(lines.lines().count() > 1, "{lines}");
    // No vowel is torn from its letter.
    assert!(lines.lines().all(|line| line.starts_with(['ก', 'น'])), "{lines}");
}

#[test]
fn own_fonts_replace_the_built_in_ones() {
    let rendered = print("regular = \"NotoSerif-Regular.ttf\"", "Blåbær 42 Жђ ✓");
    assert_eq!(rendered.warnings, []);
    let fonts = run("pdffonts", &["FILE"], &rendered.pdf);
    assert!(fonts.contains("NotoSerif-Regular") && !fonts.contains("NotoSans-Regular"), "{fonts}");
    assert_eq!(selected(&rendered.pdf, "-q"), "Blåbær 42 Жђ ✓");
    // Nothing is embedded of a font that is not used.
    let fonts = run("pdffonts", &["FILE"], &print(ALL, "Kaffe").pdf);
    assert_eq!(fonts.lines().count(), 3, "{fonts}");
}

#[test]
fn opentype_fonts_with_cubic_outlines_are_embedded() {
    let template = load("regular = \"lm.otf\"", &|_| Ok(latin_modern())).unwrap_or_else(|e| panic!("{e}"));
    let pdf = print_with(&template, "Blåbær office 42").pdf;
    assert!(run("pdffonts", &["FILE"], &pdf).contains("CID Type 0C"));
    assert_eq!(selected(&pdf, "-q"), "Blåbær office 42");
}

/// By veraPDF: every glyph has a width and a character, whatever the script.
#[test]
fn documents_with_own_fonts_are_pdf_a_and_pdf_ua() {
    let words = "قميص (قطن) 42 السلام حَليب שָׁלוֹם ไทย ผู้ใหญ่ हिन्दी क्षत्रिय 日本茶 한국어 −20 → ✓ 🍵";
    let folder = tempfile::tempdir().expect("a folder");
    let read = |name: &str| if name == "lm.otf" { Ok(latin_modern()) } else { font(name) };
    let files = [ALL.to_owned(), format!("regular = \"lm.otf\"\n{ALL}")].map(|fonts| {
        let template = load(&fonts, &read).unwrap_or_else(|errors| panic!("{errors}"));
        let file = folder.path().join(format!("{}.pdf", fonts.len()));
        fs::write(&file, print_with(&template, words).pdf).expect("the file is written");
        file
    });
    for flavour in ["3u", "ua1"] {
        let validator = here().join("../../dev/verapdf/verapdf.sh");
        let output = Command::new(validator).arg(flavour).args(&files).output().expect("veraPDF");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(said.trim_end(), format!("{flavour}: 2 passed, 0 failed"));
    }
}

#[test]
fn characters_that_no_font_has_are_named() {
    let rendered = print(ALL, "Te 🍵 茶");
    assert_eq!(rendered.warnings, [Warning::Character('🍵')]);
    assert_eq!(selected(&rendered.pdf, "-q"), "Te \u{fffd} 茶");
}

/// Sets the embedding permissions of a font.
fn with_permissions(fs_type: u16) -> Vec<u8> {
    let mut bytes = font("NotoSansHebrew-Regular.ttf").expect("a font");
    let tables = u16::from_be_bytes([bytes[4], bytes[5]]).into();
    let record =
        (0..tables).map(|i: usize| 12 + 16 * i).find(|at| &bytes[*at..at + 4] == b"OS/2").expect("OS/2");
    let offset = u32::from_be_bytes(bytes[record + 8..record + 12].try_into().expect("four bytes")) as usize;
    bytes[offset + 8..offset + 10].copy_from_slice(&fs_type.to_be_bytes());
    bytes
}

#[test]
fn check_names_fonts_that_cannot_be_used() {
    let read = |name: &str| match name {
        "missing.ttf" => Err(io::ErrorKind::NotFound.into()),
        "restricted.ttf" => Ok(with_permissions(2)),
        "whole.ttf" => Ok(with_permissions(0x100)),
        "print.ttf" => Ok(with_permissions(4)),
        "web.woff2" => Ok(b"wOF2\0\x01\0\0".to_vec()),
        "huge.ttf" => Ok(vec![0; (32 << 20) + 1]),
        _ => Ok(b"text".to_vec()),
    };
    let fonts = r#"regular = "missing.ttf"
bold = "restricted.ttf"
fallback = [
  "whole.ttf",
  "print.ttf",
  "web.woff2",
  "huge.ttf",
  "text.ttf",
]
italic = "x.ttf""#;
    let errors = load(fonts, &read).expect_err("mistakes").to_string();
    let expected = "\
own.toml:5: the font `missing.ttf` cannot be read: entity not found
own.toml:6: the font `restricted.ttf`: its license forbids embedding (fsType in its OS/2 table): use a font that may be embedded and subset
own.toml:8: the font `whole.ttf`: its license forbids embedding (fsType in its OS/2 table): use a font that may be embedded and subset
own.toml:10: the font `web.woff2`: a web font: convert it to .ttf or .otf
own.toml:11: the font `huge.ttf`: larger than 32 MiB: cut it to the characters that receipts need
own.toml:12: the font `text.ttf`: not a TrueType or OpenType font with outlines
own.toml:14: unknown key `italic`: fonts takes bold, fallback, regular";
    assert_eq!(errors, expected);
}
