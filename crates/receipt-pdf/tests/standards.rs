//! What veraPDF, which nobody here wrote, says of the documents: PDF/A-3u and PDF/UA-1, every rule.

#[path = "support/generate.rs"]
mod generate;
mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use events::{Hundredths, Item, OrderType, ReceiptSettled, SettlementKind, Text};
use proptest::prelude::prop;
use proptest::sample::select;
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use receipt_pdf::{Language, Look, Template};
use support::{SAMPLES, here, sample};

/// Documents of a folder of their own.
struct Documents {
    folder: tempfile::TempDir,
    files: Vec<PathBuf>,
}

impl Documents {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), files: Vec::new() }
    }

    fn add(&mut self, look: Look, receipt: &ReceiptSettled, factur_x: Option<&str>) {
        let pdf = look.render(receipt, factur_x).expect("a PDF").pdf;
        let file = self.folder.path().join(format!("{}.pdf", self.files.len()));
        std::fs::write(&file, pdf).expect("the file is written");
        self.files.push(file);
    }

    fn follow(&self, flavour: &str) {
        let said = run(&here().join("../../dev/verapdf/verapdf.sh"), &[flavour], &self.files);
        assert_eq!(said.trim_end(), format!("{flavour}: {} passed, 0 failed", self.files.len()));
    }
}

fn run(program: &Path, before: &[&str], files: &[PathBuf]) -> String {
    let output = Command::new(program).args(before).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn look(template: &str, language: Option<Language>) -> Look {
    let template = Template::builtin(template).expect("a template that comes with the crate");
    Look { template, language, zone: None }
}

/// A receipt of some lines that has all that may be on one.
fn full(lines: usize) -> ReceiptSettled {
    let mut event = sample("b2b");
    let receipt = &mut event.order_receipt;
    let item = receipt.items[0].clone();
    receipt.items = (0..lines).map(|_| item.clone()).collect();
    receipt.items[0].name =
        Text::new("(brackets) \\ & <tags> «é» 日本 👩\u{200d}🚀 f\u{301}").expect("a name");
    receipt.is_copy = Some(true);
    for _ in 0..lines.min(60) {
        receipt.settlements.push(receipt.settlements[0].clone());
    }
    event
}

#[test]
fn documents_are_pdf_a_and_pdf_ua() {
    let mut documents = Documents::new();
    for template in Template::BUILTIN {
        for name in SAMPLES {
            documents.add(look(template, None), &sample(name), None);
        }
        for language in Language::ALL {
            documents.add(look(template, Some(language)), &full(3), None);
        }
        for lines in [11, 13, 60, 1_000] {
            documents.add(look(template, None), &full(lines), None);
        }
        let mut refund = sample("standard");
        refund.order_receipt.order_totals.grand_total = Hundredths::new(-100);
        assert_ne!(refund.order_receipt.settlements[0].kind(), SettlementKind::Invoice);
        documents.add(look(template, None), &refund, Some("<invoice>æ</invoice>"));
    }
    documents.follow("3u");
    documents.follow("ua1");
}

#[test]
fn qpdf_finds_the_embedded_invoice() {
    let mut documents = Documents::new();
    let xml = "<invoice>æ</invoice>";
    documents.add(look("a4", None), &sample("b2b"), Some(xml));
    let qpdf = Path::new("qpdf");
    run(qpdf, &["--check"], &documents.files);
    assert!(run(qpdf, &["--list-attachments"], &documents.files).contains("factur-x.xml"));
    assert_eq!(run(qpdf, &["--show-attachment=factur-x.xml"], &documents.files), xml);
    let objects = run(qpdf, &["--json"], &documents.files);
    assert!(objects.contains(r#""/AFRelationship": "/Alternative""#), "the same invoice, for machines");
}

/// Receipts of any length, with names of any characters.
#[test]
fn documents_of_generated_receipts_are_pdf_a_and_pdf_ua() {
    const RECEIPTS: usize = 24;
    let kinds = select(vec![OrderType::Sale, OrderType::Return, OrderType::Payment]);
    let names = prop::collection::vec("\\PC{1,120}|[a-zæøå]{1,60}", 1..60);
    let receipts = (kinds, names, 0..30_usize, -9_000_000..9_000_000_i64, 0..9_000_i64);
    let mut runner = TestRunner::deterministic();
    let mut documents = Documents::new();
    for _ in 0..RECEIPTS {
        let (kind, names, payments, total, rate) =
            receipts.new_tree(&mut runner).expect("a receipt").current();
        let mut event = sample("b2b");
        let receipt = &mut event.order_receipt;
        receipt.order.kind = kind;
        let item = receipt.items[0].clone();
        let named = |name: String| Item {
            name: Text::new(name).unwrap_or_else(|| item.name.clone()),
            total: Hundredths::new(total),
            vat_rate: Hundredths::new(rate),
            ..item.clone()
        };
        receipt.items = names.into_iter().map(named).collect();
        receipt.order_totals.grand_total = Hundredths::new(total);
        receipt.order_totals.vat = None;
        let settlement = receipt.settlements[0].clone();
        receipt.settlements.extend(std::iter::repeat_n(settlement, payments));
        for template in Template::BUILTIN {
            documents.add(look(template, None), &event, None);
        }
    }
    documents.follow("3u");
    documents.follow("ua1");
}

/// Templates of all that a template may have, each with several receipts.
#[test]
fn documents_of_generated_templates_are_pdf_a_and_pdf_ua() {
    const TEMPLATES: usize = 16;
    let mut runner = TestRunner::deterministic();
    let sources =
        std::iter::repeat_with(|| generate::template().new_tree(&mut runner).expect("a template").current());
    let load = |source: String| Template::load(&source, "generated.toml", &generate::read).ok();
    let mut documents = Documents::new();
    for template in sources.filter_map(load).take(TEMPLATES) {
        let look = Look { template: Box::leak(Box::new(template)), language: None, zone: None };
        for receipt in [sample("return"), sample("payment"), sample("long"), full(3)] {
            documents.add(look, &receipt, None);
        }
    }
    documents.follow("3u");
    documents.follow("ua1");
}

/// Blocks of every type, each alone, with and without what they may have around them.
#[test]
fn documents_of_any_template_are_pdf_a_and_pdf_ua() {
    let blocks = [
        "type = \"rule\"",
        "type = \"space\"",
        "type = \"text\"\ntext = \"\"",
        "type = \"text\"\ntext = \"Hei −20 °C ✓\"",
        "type = \"heading\"\ntext = \"Hei\"",
        "type = \"pairs\"\nrows = [{ label = \"\", value = \"1\" }, { label = \"A\", value = \"{{ receipt.till }}\" }]",
        "type = \"totals\"\nwidth = \"60mm\"\nrows = [{ label = \"A\", value = \"1\", bold = true }]",
        "type = \"table\"\neach = \"items\"\nheader = false\ncolumns = [{ text = \"{{ row.name }}\" }]",
        "type = \"table\"\neach = \"items\"\ncolumns = [{ text = \"{{ row.name }}\" }, { text = \"\", hide-empty = true }]",
        "type = \"columns\"\ncolumns = [{ blocks = [] }, { blocks = [{ type = \"heading\", text = \"A\" }, \
         { type = \"table\", each = \"vat\", columns = [{ title = \"A\", text = \"{{ row.rate }}\" }] }] }]",
        "type = \"image\"\nfile = \"logo.png\"",
        "type = \"image\"\nfile = \"logo.png\"\nalt = \"\"",
        "type = \"qr\"\ntext = \"1\"",
        "type = \"barcode\"\ntext = \"1\"",
        "type = \"ean13\"\ntext = \"400638133393\"",
    ];
    let around = "[page]\nbackground = \"logo.png\"\nwatermark = \"KOPI\"\n\
                  [[header]]\ntype = \"heading\"\ntext = \"Side\"\n[[footer]]\ntype = \"text\"\ntext = \"{{ page }}\"\n";
    let mut documents = Documents::new();
    for source in blocks.map(|block| format!("[[block]]\n{block}\n")) {
        for source in [source.clone(), format!("{around}{source}")] {
            let read = |_: &str| std::fs::read(here().join("tests/templates/logo.png"));
            let template = Template::load(&source, "t.toml", &read);
            let template = template.unwrap_or_else(|errors| panic!("{source}\n{errors}"));
            let look = Look { template: Box::leak(Box::new(template)), language: None, zone: None };
            documents.add(look, &sample("long"), None);
        }
    }
    documents.follow("3u");
    documents.follow("ua1");
}
