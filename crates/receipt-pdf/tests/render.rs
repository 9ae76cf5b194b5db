//! What a reader of the document finds: its text, what it says of itself, its warnings.

mod support;

use events::{Hundredths, Number, Text, VatRow};
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
            let actual = text(&pdf).join("\u{c}\n");
            if std::env::var_os("BILAG_WRITE_GOLDEN").is_some() {
                std::fs::write(&path, &actual).expect("the example file is written");
            }
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            assert_eq!(actual, expected, "{}", path.display());
        }
    }
}

#[test]
fn requested_language_overrides_the_country() {
    let receipt = sample("standard");
    for (language, words) in [
        (None, ["Elektronisk salgskvittering", "Bilagsnr."]),
        (Some(Language::Nb), ["Elektronisk salgskvittering", "Bilagsnr."]),
        (Some(Language::Sv), ["Kvitto", "Kvittonr"]),
        (Some(Language::En), ["Receipt", "Receipt no."]),
    ] {
        let look = Look { template: builtin("a4"), language, zone: None };
        let pages = text(&look.render(&receipt, None).expect("a PDF").pdf).concat();
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
    assert_eq!(decoded(b"Title"), "Bilgi fişi 3001");
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
    assert!(["U+65E5", "日", "[fonts]"].iter().all(|part| message.contains(part)), "{message}");
}

#[test]
fn prints_signs_and_ligatures() {
    let mut receipt = sample("standard");
    receipt.order_receipt.items[0].name = Text::new("Tåler −20 °C → +40 °C ✓ ≤ 5 ﬁl, ⌀ 8").expect("a name");
    let rendered = render(builtin("a4"), &receipt).expect("a PDF");
    assert_eq!(rendered.warnings, []);
    let text = text(&rendered.pdf).concat();
    assert!(text.contains("Tåler −20 °C → +40 °C ✓ ≤ 5 fil, ⌀ 8"), "{text}");
}

#[test]
fn embeds_symbols_only_where_they_are_used() {
    let mut receipt = sample("standard");
    let faces = |receipt: &events::ReceiptSettled| {
        let pdf = render(builtin("a4"), receipt).expect("a PDF").pdf;
        let document = Document::load_mem(&pdf).expect("a PDF");
        let page = *document.get_pages().values().next().expect("a page");
        let fonts = document.get_page_fonts(page).expect("fonts");
        fonts.into_keys().map(|name| String::from_utf8_lossy(&name).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(faces(&receipt), ["B", "R"]);
    receipt.order_receipt.items[0].name = Text::new("Is ★").expect("a name");
    assert_eq!(faces(&receipt), ["B", "R", "S"]);
}

#[test]
fn number_no_barcode_holds_is_printed_as_a_qr_code() {
    let height = |pdf: &[u8]| {
        let document = Document::load_mem(pdf).expect("a PDF");
        let page = *document.get_pages().get(&1).expect("a page");
        let page = document.get_dictionary(page).expect("a page");
        let sides = page.get(b"MediaBox").and_then(Object::as_array).expect("a size");
        sides[3].as_float().expect("a height")
    };
    let with_barcode = height(&render(builtin("roll-80mm"), &sample("standard")).expect("a PDF").pdf);
    for number in ["№ 7", "Ø-1001", "019a3c5e-7d2f-7b60-a1c4-5e8f9b2d3a71"] {
        let mut receipt = sample("standard");
        receipt.order_receipt.voucher_number = Number::new(number).expect("a number");
        let rendered = render(builtin("roll-80mm"), &receipt).expect("a PDF");
        assert!(!rendered.warnings.iter().any(|warning| matches!(warning, Warning::Code { .. })), "{number}");
        assert!(height(&rendered.pdf) > with_barcode + 20.0, "{number}");
    }
}

#[test]
fn warns_of_a_code_that_is_left_out() {
    let receipt = sample("standard");
    let cases = [
        ("barcode", "text = \"№ {{ receipt.voucherNumber }}\"\nfallback = \"none\"", "barcode"),
        ("ean13", "text = \"{{ receipt.voucherNumber }}\"", "EAN-13 barcode"),
        ("swiss-qr", "account = \"CH5800791123000889012\"\ncreditor = { name = \"A\" }", "Swiss QR code"),
    ];
    for (code, keys, expected) in cases {
        let template = format!("[[block]]\ntype = \"{code}\"\n{keys}\n");
        let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        let template = Template::load(&template, "t.toml", &none).unwrap_or_else(|errors| panic!("{errors}"));
        let warnings = render(&template, &receipt).expect("a PDF").warnings;
        assert!(
            matches!(warnings[..], [Warning::Code { kind, line: 1, .. }] if kind == expected),
            "{code}: {warnings:?}"
        );
    }
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
        ("NO", "Elektronisk salgskvittering"),
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
fn return_names_the_receipt_that_it_is_of() {
    for template in Template::BUILTIN {
        let mut receipt = sample("return");
        receipt.order_receipt.referenced_voucher_number = Number::new("1001");
        let page = text(&render(builtin(template), &receipt).expect("a PDF").pdf).concat();
        let lines: Vec<_> = page.lines().collect();
        let at = lines.iter().position(|line| line.starts_with("Gjelder kvittering")).expect("a label");
        assert!(lines[at..=at + 1].concat().ends_with("1001"), "{template}: {page}");
        assert!(!page.contains("Betaling for"), "{template}: {page}");
    }
}

#[test]
fn exchange_that_pays_out_has_an_amount_to_refund_and_no_thanks() {
    for template in Template::BUILTIN {
        let mut receipt = sample("standard");
        let order = &mut receipt.order_receipt;
        let back = &mut order.items[0];
        for amount in [&mut back.quantity, &mut back.total, &mut back.vat_amount] {
            *amount = Hundredths::new(-amount.get());
        }
        let total: i64 = order.items.iter().map(|item| item.total.get()).sum();
        let vat: i64 = order.items.iter().map(|item| item.vat_amount.get()).sum();
        order.order_totals.grand_total = Hundredths::new(total);
        order.order_totals.vat_total = Hundredths::new(vat);
        order.order_totals.vat = None;
        order.settlement_total = Some(Hundredths::new(total));
        order.settlements[0].amount = Hundredths::new(total);
        assert_eq!(total, -316_150);
        let page = text(&render(builtin(template), &receipt).expect("a PDF").pdf).concat();
        assert!(page.contains("Til gode NOK") && page.contains("3\u{a0}161,50"), "{template}: {page}");
        for wrong in ["-3\u{a0}161,50", "\u{2212}3\u{a0}161,50", "Totalt NOK", "Takk for handelen"] {
            assert!(!page.contains(wrong), "{template}: {wrong}: {page}");
        }
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
fn amounts_of_eleven_digits_stand_on_one_line_below_whole_titles() {
    let mut receipt = sample("standard");
    receipt.order_receipt.order_totals.vat = Some(vec![VatRow {
        rate: Hundredths::new(2500),
        net: Hundredths::new(888_887_829_225),
        vat: Hundredths::new(222_221_957_307),
    }]);
    for template in Template::BUILTIN {
        let pages = text(&render(builtin(template), &receipt).expect("a PDF").pdf).concat();
        let amounts =
            ["8 888 878 292,25", "2 222 219 573,07", "11 111 097 865,32"].map(|a| a.replace(' ', "\u{a0}"));
        for whole in amounts.iter().map(String::as_str).chain(["Mva.-sats"]) {
            assert!(pages.lines().any(|line| line == whole), "{template}: {whole} is not in\n{pages}");
        }
    }
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
