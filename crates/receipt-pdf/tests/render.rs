//! What a reader of the document finds: its text, what it says of itself, its warnings.

mod support;

use events::{Number, Text};
use lopdf::{Document, Object};
use receipt_pdf::{Language, Look, Template, Warning, render};
use support::{SAMPLES, file, sample, text};

fn builtin(name: &str) -> &'static Template {
    Template::builtin(name).expect("a template that comes with the crate")
}

#[test]
fn samples_match_their_example_files() {
    for template in Template::BUILTIN {
        for name in SAMPLES {
            let pdf = render(builtin(template), &sample(name)).expect("a PDF").pdf;
            let path = file(format!("golden/{template}-{name}.txt"));
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            let actual = text(&pdf).join("\u{c}\n");
            assert_eq!(actual, expected, "{}", path.display());
        }
    }
}

#[test]
fn requested_language_overrides_the_country() {
    let receipt = sample("standard");
    for (language, words) in [
        (None, ["Kvittering", "Bilagsnr."]),
        (Some(Language::Nb), ["Kvittering", "Bilagsnr."]),
        (Some(Language::Sv), ["Kvitto", "Kvittonr"]),
        (Some(Language::En), ["Receipt", "Receipt no."]),
    ] {
        let look = Look { template: builtin("a4"), language, zone: None };
        let pages = text(&look.render(&receipt).expect("a PDF").pdf).concat();
        for word in words {
            assert!(
                pages.lines().any(|line| line.starts_with(word)),
                "{language:?}: {word} is not in\n{pages}"
            );
        }
    }
}

#[test]
fn same_receipt_gives_the_same_bytes() {
    for template in Template::BUILTIN {
        let first = render(builtin(template), &sample("standard")).expect("a PDF").pdf;
        // More sets of characters than are kept.
        for i in 0..300 {
            let mut other = sample("payment");
            let letter = char::from_u32(0x400 + i).unwrap_or('x');
            other.order_receipt.voucher_number = Number::new(format!("{letter}")).expect("a number");
            render(builtin(template), &other).expect("a PDF");
        }
        let again = render(builtin(template), &sample("standard")).expect("a PDF").pdf;
        assert!(first == again, "{template}");
    }
}

#[test]
fn metadata_has_title_author_language_and_time() {
    let pdf = render(builtin("a4"), &sample("package")).expect("a PDF").pdf;
    let document = Document::load_mem(&pdf).expect("a PDF");
    let info = document.trailer.get(b"Info").and_then(Object::as_reference).expect("information");
    let info = document.get_dictionary(info).expect("information");
    let decoded = |key: &[u8]| lopdf::decode_text_string(info.get(key).expect("an entry")).expect("a text");
    assert_eq!(decoded(b"Title"), "Satış makbuzu 3001");
    assert_eq!(decoded(b"Author"), "Ege Spor Eyüpsultan");
    assert_eq!(decoded(b"CreationDate"), "D:20261102091500+00'00'");
    assert!(!info.has(b"GTS_PDFXVersion"));
    let language = document.catalog().and_then(|catalog| catalog.get(b"Lang")).and_then(Object::as_str);
    assert_eq!(language.expect("a language"), b"tr");
}

#[test]
fn warns_once_of_each_missing_glyph() {
    let mut receipt = sample("standard");
    receipt.order_receipt.items[0].name = Text::new("日本茶 🍵🍵").expect("a name");
    let rendered = render(builtin("a4"), &receipt).expect("a PDF");
    let expected = ['日', '本', '茶', '🍵'].map(Warning::Character);
    assert_eq!(rendered.warnings, expected);
    assert!(text(&rendered.pdf)[0].contains("\u{fffd}\u{fffd}\u{fffd} \u{fffd}\u{fffd}"));
    let message = rendered.warnings[0].to_string();
    assert!(message.contains("U+65E5") && message.contains('日'), "{message}");
}

#[test]
fn warns_of_a_number_no_barcode_holds() {
    let mut receipt = sample("standard");
    receipt.order_receipt.voucher_number = Number::new("№ 7").expect("a number");
    let rendered = render(builtin("roll-80mm"), &receipt).expect("a PDF");
    assert!(
        matches!(rendered.warnings[..], [Warning::Code { kind: "barcode", .. }]),
        "{:?}",
        rendered.warnings
    );
}

#[test]
fn hides_failed_settlements_and_marks_pre_payments() {
    let pdf = render(builtin("a4"), &sample("split-payment")).expect("a PDF").pdf;
    let text = text(&pdf).concat();
    assert!(!text.contains("Gavekort"), "{text}");
    assert!(text.contains("Depositum") && text.contains("forskuddsbetalt"), "{text}");
    // Covered by the pre-payment; shown again, it would be counted twice.
    assert!(!text.contains("Visa (depositum)"), "{text}");
}

#[test]
fn prints_labels_of_every_language() {
    let countries = [
        ("NO", "Kvittering"),
        ("SE", "Kvitto"),
        ("DK", "Heraf"),
        ("FI", "Kuitti"),
        ("TR", "Toplam"),
        ("DE", "Receipt"),
    ];
    for ((country, word), language) in countries.into_iter().zip([0, 1, 2, 3, 5, 4]) {
        let mut receipt = sample("standard");
        receipt.tenant.country.code = Number::new(country);
        let pdf = render(builtin("a4"), &receipt).expect("a PDF").pdf;
        assert!(text(&pdf)[0].contains(word), "{country}");
        assert_eq!(Language::of_country(Some(country)), Language::ALL[language]);
    }
}

#[test]
fn computes_a_missing_vat_table() {
    let with = sample("standard");
    let mut without = sample("standard");
    without.order_receipt.order_totals.vat = None;
    let [with, without] =
        [with, without].map(|receipt| text(&render(builtin("a4"), &receipt).expect("a PDF").pdf));
    assert_eq!(with, without);
}

#[test]
fn every_letter_can_be_copied() {
    let letters: String = ('\u{100}'..='\u{17f}').chain('Α'..='Ρ').chain('\u{400}'..='\u{52f}').collect();
    let mut receipt = sample("standard");
    receipt.order_receipt.items[0].name = Text::new(letters.as_str()).expect("a name");
    let rendered = render(builtin("a4"), &receipt).expect("a PDF");
    assert_eq!(rendered.warnings, []);
    let text = text(&rendered.pdf).concat();
    let lost: String = letters.chars().filter(|letter| !text.contains(*letter)).collect();
    assert_eq!(lost, "");
}
