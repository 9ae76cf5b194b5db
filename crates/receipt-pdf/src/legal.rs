//! What the law asks a document to say, and who does not say it: the receipt, or its template.
//!
//! What a template prints is found out by printing: a receipt whose values are nowhere else on the page is set as the
//! real one is, and the values are looked for in the texts of its pages. So it does not matter how a template comes to
//! print them.

mod mark;
mod rules;
mod sample;

use std::fmt;

use chrono::{NaiveDate, NaiveTime};
use events::ReceiptSettled;
use minijinja::Value;

use crate::data::Variables;
use crate::error::RenderError;
use crate::language::Language;
use crate::layout::Ink;
use crate::numbers;
use crate::render::{LaidOut, Look, lay_out};
use rules::{Form, RULES, Rule, Subject, origin};

pub use sample::{SampleKind, legal_sample};

/// The countries whose law is known, by ISO 3166-1 alpha-2 code; of other members of the EU, its directive.
pub const COUNTRIES: [&str; 29] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "TR",
];

/// Something that the law asks for and a document does not say.
#[derive(Clone, Copy, Debug)]
pub struct MissingContent {
    rule: &'static Rule,
    /// Who does not say it.
    pub by: MissingFrom,
}

/// Who does not say what the law asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MissingFrom {
    /// The receipt, and the facts of its tenant and store.
    Receipt,
    /// The template: the receipt says it.
    Template,
}

impl MissingContent {
    /// Whether both are of the same rule, and of the same document's part.
    pub fn is_same(&self, other: &Self) -> bool {
        std::ptr::eq(self.rule, other.rule) && self.by == other.by
    }

    /// The regulation that asks for it.
    pub fn source(&self) -> &'static str {
        self.rule.source
    }

    /// What it is: `the due date`.
    pub fn what(&self) -> &'static str {
        self.rule.what
    }

    /// The members of the event that say it, with the keys of a tenant's facts that stand in for them: one is enough.
    /// Of a list's members the list has `[]`.
    pub fn members(&self) -> impl Iterator<Item = (&'static str, Option<&'static str>)> {
        self.rule.any.iter().filter_map(|variable| origin(variable))
    }

    /// The template's variables that print it: one is enough.
    pub fn variables(&self) -> &'static [&'static str] {
        self.rule.any
    }

    /// What to do about it.
    pub fn cure(&self) -> String {
        match self.by {
            MissingFrom::Receipt => {
                // Where a tenant's facts can say it, that is the shortest way.
                let best = self.members().find(|(_, key)| key.is_some()).or_else(|| self.members().next());
                let (member, key) = best.unwrap_or_default();
                match key {
                    Some(key) => format!("send {member}, or set {key} in the tenant's facts"),
                    None => format!("send {member}"),
                }
            }
            MissingFrom::Template => {
                let variable = self.rule.any.first().copied().unwrap_or_default();
                let (list, member) = variable.split_once('.').unwrap_or_default();
                let filter = match self.rule.form {
                    Form::Word if variable.starts_with("KOPI") => {
                        return "print {{ labels.copy }} when receipt.isCopy, in the language of the country"
                            .into();
                    }
                    Form::Word => return "print {{ receipt.title }}, in the language of the country".into(),
                    Form::Text => "",
                    Form::Money => " | money",
                    Form::Quantity => " | quantity",
                    Form::Percent => " | percent",
                    Form::Date => " | date",
                    Form::Time => " | time",
                };
                if is_list(list) {
                    format!("print {{{{ row.{member}{filter} }}}} in a table of {list}")
                } else {
                    format!("print {{{{ {variable}{filter} }}}}")
                }
            }
        }
    }
}

/// `the receipt lacks the due date (bokføringsforskriften § 5-1-1): send …`.
impl fmt::Display for MissingContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.by {
            MissingFrom::Receipt => "the receipt lacks",
            MissingFrom::Template => "the template does not print",
        };
        write!(f, "{who} {} ({}): {}", self.what(), self.source(), self.cure())
    }
}

impl Look {
    /// What the law of the tenant's country asks the receipt's document to say, and it does not; nothing where no such law
    /// is known. What a picture shows, is not seen.
    ///
    /// # Errors
    /// See [`RenderError`].
    pub fn check_content(self, receipt: &ReceiptSettled) -> Result<Vec<MissingContent>, RenderError> {
        let country = receipt.tenant.country.code.as_deref().unwrap_or_default();
        let language = self.language.unwrap_or_else(|| self.template.language(Some(country)));
        let print = |receipt: &ReceiptSettled| {
            let page = Printed::new(&lay_out(self.template, Some(language), self.zone, receipt)?);
            Ok((page, Variables::new(receipt, language, self.zone).root()))
        };
        let real = print(receipt)?;
        // A template that computes with what a value says, may fail with another.
        let marked = print(&mark::marked(receipt)).unwrap_or_else(|_: RenderError| real.clone());
        let document = Document { real, marked, currency: &receipt.tenant.country.currency };
        let subject = Subject::new(receipt);
        let asked = RULES.iter().filter(|rule| rule.countries.contains(&country) && (rule.when)(&subject));
        let mut missing: Vec<_> = asked.filter_map(|rule| document.missing(rule)).collect();
        missing.sort_by_key(|content| content.by);
        Ok(missing)
    }
}

/// A receipt's document, and that of the same receipt with marked values: what is printed, and the variables.
struct Document<'a> {
    real: (Printed, Value),
    marked: (Printed, Value),
    currency: &'a str,
}

impl Document<'_> {
    fn missing(&self, rule: &'static Rule) -> Option<MissingContent> {
        let missing = |by| Some(MissingContent { rule, by });
        if rule.form == Form::Word {
            let is_printed = rule.any.iter().any(|word| self.marked.0.has_word(word));
            return if is_printed { None } else { missing(MissingFrom::Template) };
        }
        let is_said = |variable: &&&str| {
            let values = said(&self.real.1, variable);
            values.is_some_and(|values| values.iter().all(|value| (rule.accepts)(&value.to_string())))
        };
        let mut variables = rule.any.iter().filter(is_said).peekable();
        if variables.peek().is_none() {
            return missing(MissingFrom::Receipt);
        }
        let is_printed = variables.any(|variable| {
            let all = |(page, values): &(Printed, Value), has: fn(&Printed, Form, &Value, &str) -> bool| {
                let values = said(values, variable);
                values.is_some_and(|values| {
                    values.iter().all(|value| has(page, rule.form, value, self.currency))
                })
            };
            all(&self.marked, Printed::has) || all(&self.real, Printed::has_literally)
        });
        if is_printed { None } else { missing(MissingFrom::Template) }
    }
}

fn is_list(name: &str) -> bool {
    crate::data::LISTS.iter().any(|(list, _)| *list == name)
}

/// A variable's value; of a list, that of each row. `None` where it has none, or a row has none.
fn said(values: &Value, variable: &str) -> Option<Vec<Value>> {
    let (group, member) = variable.split_once('.')?;
    let group_value = values.get_attr(group).ok()?;
    let of = |value: &Value| {
        let value = value.get_attr(member).ok()?;
        let is_empty = value.is_none() || value.is_undefined() || value.as_str() == Some("");
        (!is_empty).then_some(value)
    };
    if !is_list(group) {
        return of(&group_value).map(|value| vec![value]);
    }
    let rows = group_value.try_iter().ok()?;
    // Lines that VAT is charged on need no reason why not.
    let is_asked = |row: &Value| {
        variable != "items.exemption" || row.get_attr("vatRate").is_ok_and(|rate| rate.as_i64() == Some(0))
    };
    let rows: Option<Vec<_>> = rows.filter(is_asked).map(|row| of(&row)).collect();
    rows.filter(|rows| !rows.is_empty())
}

/// The texts of a document's pages.
#[derive(Clone)]
struct Printed {
    /// Without blanks, in small letters, a text below the other.
    lines: String,
    /// Letters and digits alone, in small letters, of all texts: some are wrapped.
    letters: String,
    /// Words in small letters.
    words: Vec<String>,
}

impl Printed {
    fn new(laid_out: &LaidOut) -> Self {
        let mut printed = Self { lines: String::new(), letters: String::new(), words: Vec::new() };
        for mark in laid_out.pages.iter().flat_map(|page| &page.marks) {
            let Ink::Text { text, .. } = &mark.ink else { continue };
            printed.lines.push_str(&without_blanks(text));
            printed.lines.push('\n');
            printed.letters.push_str(&letters(text));
            let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
            printed.words.extend(words.map(str::to_lowercase));
        }
        printed
    }

    fn has_word(&self, word: &str) -> bool {
        let word = word.to_lowercase();
        self.words.contains(&word)
    }

    /// Whether the value is printed, in the form of any language.
    fn has(&self, form: Form, value: &Value, currency: &str) -> bool {
        let number = |print: &dyn Fn(i64, Language) -> String| {
            let number = value.as_i64().map(i64::abs);
            number.is_some_and(|number| {
                Language::ALL.into_iter().any(|language| self.has_line(&print(number, language)))
            })
        };
        match form {
            Form::Text => {
                let text = letters(&value.to_string());
                !text.is_empty() && self.letters.contains(&text)
            }
            Form::Money => number(&|number, language| numbers::money(number, currency, language)),
            Form::Quantity | Form::Percent => number(&numbers::quantity),
            Form::Date => {
                const OTHERS: [&str; 5] = ["%Y-%m-%d", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y"];
                let day = value.as_str().and_then(|text| text.get(..10)?.parse::<NaiveDate>().ok());
                let formats = Language::ALL.map(|language| language.conventions().date);
                let has = |day: NaiveDate| {
                    formats.iter().chain(&OTHERS).any(|format| self.has_line(&day.format(format).to_string()))
                };
                day.is_some_and(has)
            }
            Form::Time => {
                let time = value.as_str().and_then(|text| text.get(11..19)?.parse::<NaiveTime>().ok());
                let formats = Language::ALL.map(|language| language.conventions().time);
                time.is_some_and(|time| {
                    formats.iter().any(|format| self.has_line(&time.format(format).to_string()))
                })
            }
            Form::Word => false,
        }
    }

    /// Whether the template itself says the value of this receipt: one that is too long to be there by chance.
    fn has_literally(&self, form: Form, value: &Value, currency: &str) -> bool {
        const LONG: usize = 6;
        form == Form::Text
            && letters(&value.to_string()).chars().count() >= LONG
            && self.has(form, value, currency)
    }

    fn has_line(&self, text: &str) -> bool {
        self.lines.contains(&without_blanks(text))
    }
}

fn without_blanks(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests;
