//! Every rule is met by the built-in templates, and each is missed where what it asks for is taken away.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::*;
use crate::template::Template;

/// Those with a law of their own, and one that has the EU's alone.
const ASKED: [&str; 6] = ["NO", "SE", "DK", "FI", "TR", "DE"];

fn look(template: &'static Template) -> Look {
    Look { template, language: None, zone: None }
}

fn builtin(name: &str) -> &'static Template {
    Template::builtin(name).expect("a template that comes with the crate")
}

fn sample(country: &str, kind: SampleKind) -> ReceiptSettled {
    legal_sample(country, kind).unwrap_or_else(|| panic!("no sample of {country}"))
}

fn asked(country: &str, event: &ReceiptSettled) -> Vec<(usize, &'static Rule)> {
    let subject = Subject::new(event);
    let is_asked = |rule: &&Rule| rule.countries.contains(&country) && (rule.when)(&subject);
    RULES.iter().enumerate().filter(|(_, rule)| is_asked(rule)).collect()
}

fn has(missing: &[MissingContent], rule: &Rule, by: MissingFrom) -> bool {
    missing.iter().any(|content| std::ptr::eq(content.rule, rule) && content.by == by)
}

#[test]
fn countries_are_those_of_the_rules() {
    let of_rules: BTreeSet<_> = RULES.iter().flat_map(|rule| rule.countries).copied().collect();
    assert_eq!(of_rules, BTreeSet::from(COUNTRIES));
}

#[test]
fn samples_are_what_they_are_called_and_hold_together() {
    use crate::data::DocumentKind::{CreditNote, Invoice, Payment, Return, Sale};
    for country in COUNTRIES {
        let kinds = [Sale, Sale, Invoice, Return, CreditNote, Payment];
        for (kind, expected) in SampleKind::ALL.into_iter().zip(kinds) {
            assert_eq!(Subject::new(&sample(country, kind)).kind, expected, "{country} {kind:?}");
        }
    }
}

#[test]
fn built_in_templates_print_what_every_country_asks_for() {
    let mut missing = Vec::new();
    for name in Template::BUILTIN {
        for country in ASKED {
            for kind in SampleKind::ALL {
                let mut event = sample(country, kind);
                for is_copy in [true, false] {
                    event.order_receipt.is_copy = Some(is_copy);
                    let found = look(builtin(name)).check_content(&event).expect("it is set");
                    missing
                        .extend(found.iter().map(|content| format!("{name} {country} {kind:?}: {content}")));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// What always has a value, or changes what is asked for where it has none.
const NEVER_LACKING: [&str; 13] = [
    "receipt.voucherNumber",
    "receipt.createdAt",
    "receipt.deliveredAt",
    "receipt.vatTotal",
    "delivery.street",
    "items.name",
    "items.quantity",
    "items.total",
    "items.unitPriceNet",
    "vat.net",
    "vat.rate",
    "vat.vat",
    "payments.name",
];

/// Where a variable's value comes from besides.
fn fallbacks(variable: &str) -> &'static [&'static str] {
    match variable {
        "customer.name" => &[
            "orderReceipt.invoiceAddress.displayName",
            "orderReceipt.order.address",
            "orderReceipt.contactPerson",
        ],
        "customer.company" => &["orderReceipt.order.address"],
        _ => &[],
    }
}

/// Takes members out of the event, by paths as the cures write them.
fn take(json: &mut Json, path: &str) {
    match path.split_once('.') {
        None => drop(json.as_object_mut().and_then(|members| members.remove(path))),
        Some((first, rest)) => match first.strip_suffix("[]") {
            Some(list) => json[list].as_array_mut().into_iter().flatten().for_each(|row| take(row, rest)),
            None if json.get(first).is_some_and(|member| !member.is_null()) => take(&mut json[first], rest),
            None => {}
        },
    }
}

#[test]
fn reports_each_member_that_a_receipt_lacks() {
    let mut reported = BTreeSet::new();
    for country in ASKED {
        for kind in SampleKind::ALL {
            let event = sample(country, kind);
            for (i, rule) in asked(country, &event) {
                if rule.form == Form::Word || NEVER_LACKING.contains(&rule.any[0]) {
                    reported.insert(i);
                    continue;
                }
                let mut json = serde_json::to_value(&event).expect("JSON");
                for variable in rule.any {
                    let (member, _) = origin(variable).unwrap_or_else(|| panic!("no origin of {variable}"));
                    take(&mut json, member);
                    fallbacks(variable).iter().for_each(|path| take(&mut json, path));
                }
                let event: ReceiptSettled = serde_json::from_value(json).expect("a receipt");
                let missing = look(builtin("a4")).check_content(&event).expect("it is set");
                assert!(
                    has(&missing, rule, MissingFrom::Receipt),
                    "{country} {kind:?}: {rule:?}\n{missing:?}"
                );
                reported.insert(i);
            }
        }
    }
    let never: Vec<_> = (0..RULES.len()).filter(|i| !reported.contains(i)).map(|i| &RULES[i]).collect();
    assert!(never.is_empty(), "never asked for: {never:?}");
}

/// A built-in template without some variables.
fn without(name: &str, variables: &[String]) -> &'static Template {
    let mut source = Template::builtin_source(name).expect("a source").to_owned();
    for variable in variables {
        let mut kept = String::new();
        let mut rest = &*source;
        while let Some(at) = rest.find(&**variable) {
            let (before, after) = rest.split_at(at);
            let after = &after[variable.len()..];
            let is_whole = !after.starts_with(|c: char| c.is_alphanumeric());
            kept.push_str(before);
            // Numbers are computed with.
            let none = if is_number(variable) { "0" } else { "none" };
            kept.push_str(if is_whole { none } else { variable });
            rest = after;
        }
        source = kept + rest;
    }
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let template = Template::load(&source, name, &none).unwrap_or_else(|errors| panic!("{errors}"));
    Box::leak(Box::new(template))
}

fn is_number(variable: &str) -> bool {
    let numbers = ["quantity", "unitPriceNet", "total", "net", "vat", "rate", "vatRate", "vatTotal"];
    variable.split_once('.').is_some_and(|(_, member)| numbers.contains(&member))
}

#[test]
fn reports_each_variable_that_a_template_does_not_print() {
    let mut templates = std::collections::BTreeMap::new();
    let mut reported = BTreeSet::new();
    for name in Template::BUILTIN {
        for country in ASKED {
            for kind in SampleKind::ALL {
                let event = sample(country, kind);
                for (i, rule) in asked(country, &event) {
                    let variables: Vec<String> = match (rule.form, rule.any[0]) {
                        (Form::Word, "KOPI" | "KOPIA") => vec!["labels.copy".to_owned()],
                        (Form::Word, _) => {
                            ["labels.electronicSaleTitle", "receipt.title"].map(str::to_owned).into()
                        }
                        _ => {
                            let in_source = |variable: &&str| match variable.split_once('.') {
                                Some((list, member)) if is_list(list) => format!("row.{member}"),
                                _ => (*variable).to_owned(),
                            };
                            rule.any.iter().map(in_source).collect()
                        }
                    };
                    let template = *templates
                        .entry((name, variables.clone()))
                        .or_insert_with(|| without(name, &variables));
                    let missing = look(template).check_content(&event).expect("it is set");
                    assert!(
                        has(&missing, rule, MissingFrom::Template),
                        "{name} {country} {kind:?} without {variables:?}: {rule:?}\n{missing:?}"
                    );
                    reported.insert(i);
                }
            }
        }
    }
    assert_eq!(reported.len(), RULES.len());
}

#[test]
fn numbers_of_other_kinds_are_not_taken_for_what_is_asked() {
    let mut event = sample("NO", SampleKind::Invoice);
    event.order_receipt.issuer.as_mut().expect("an issuer").vat_id = events::Text::new("912 345 678");
    event.order_receipt.order.store.organization_number = None;
    let missing = look(builtin("a4")).check_content(&event).expect("it is set");
    let whats: Vec<_> = missing.iter().map(|content| (content.what(), content.by)).collect();
    assert_eq!(whats, [("the seller's organisation number, followed by MVA", MissingFrom::Receipt)]);

    let mut event = sample("TR", SampleKind::Invoice);
    let buyer = event.order_receipt.invoice_address.as_mut().expect("an address");
    buyer.vat_number = events::Text::new("123456789");
    let missing = look(builtin("a4")).check_content(&event).expect("it is set");
    assert_eq!(
        missing.iter().map(MissingContent::what).collect::<Vec<_>>(),
        ["the buyer's VKN (10 digits) or TCKN (11 digits)"]
    );
}

#[test]
fn text_of_the_template_itself_counts() {
    let source = "[[block]]\ntype = \"text\"\ntext = \"Bergstrand Handel AS\"\n";
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let template = Box::leak(Box::new(Template::load(source, "own.toml", &none).expect("a template")));
    let missing = look(template).check_content(&sample("NO", SampleKind::Receipt)).expect("it is set");
    assert!(!missing.iter().any(|content| content.what() == "the seller's name"), "{missing:?}");
    assert!(
        missing.iter().any(|content| content.what() == "the number" && content.by == MissingFrom::Template)
    );
}

#[test]
fn template_that_fails_with_other_values_is_checked_by_the_real_ones() {
    let source = "[[block]]\ntype = \"text\"\ntext = \"{{ {'2002': 'two thousand and two'}[receipt.voucherNumber] | upper }} \
                  {{ receipt.voucherNumber }}\"\n";
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    let template = Template::load(source, "own.toml", &none).unwrap_or_else(|errors| panic!("{errors}"));
    let template = Box::leak(Box::new(template));
    let missing = look(template).check_content(&sample("NO", SampleKind::Receipt)).expect("it is set");
    assert!(!missing.iter().any(|content| content.what() == "the number"), "{missing:?}");
}

/// The source of a template in parts: what comes before the first block, each block, and the rest.
fn parts(source: &str) -> Vec<&str> {
    let body = source.find("\n[[footer]]").unwrap_or(source.len());
    let mut parts: Vec<_> = source[..body].split_inclusive("\n[[block]]").collect();
    parts.push(&source[body..]);
    parts
}

#[test]
fn reports_each_block_that_a_template_lacks() {
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    for name in Template::BUILTIN {
        let source = Template::builtin_source(name).expect("a source");
        let parts = parts(source);
        assert_eq!(parts.concat(), source);
        // Each part but the first begins after its `[[block]]`, which ends the part before.
        for i in 1..parts.len() - 1 {
            let is_table = parts[i].contains("each = ");
            // What no other block says, by another variable either.
            let is_only_here = |rule: &&Rule| {
                let has = |part: &str| {
                    rule.any.iter().any(|variable| {
                        part.contains(&format!("{variable} ")) || part.contains(&format!("{variable}\""))
                    })
                };
                let is_of_list =
                    rule.any.iter().any(|variable| variable.split('.').next().is_some_and(is_list));
                !is_of_list && parts.iter().enumerate().all(|(place, part)| has(part) == (place == i))
            };
            let said = RULES.iter().find(is_only_here).map(|rule| rule.what);
            if !is_table && said.is_none() {
                continue;
            }
            let mut left = parts.clone();
            left.remove(i);
            let left = left.concat().replacen("[[block]]\n[[footer]]", "\n[[footer]]", 1);
            let template =
                Template::load(&left, name, &none).unwrap_or_else(|errors| panic!("{i}: {errors}"));
            let look = look(Box::leak(Box::new(template)));
            let is_reported = ASKED.into_iter().any(|country| {
                SampleKind::ALL.into_iter().any(|kind| {
                    let missing = look.check_content(&sample(country, kind)).expect("it is set");
                    missing.iter().any(|content| content.by == MissingFrom::Template)
                })
            });
            assert!(is_reported, "{name} without block {i}, which says {said:?}:\n{}", parts[i]);
        }
    }
}
