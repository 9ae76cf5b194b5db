//! From TOML to a checked template, or to all of its mistakes.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use config::{At, Mistake, Report, TomlReader, read_toml};
use minijinja::{Environment, Value};
use toml::de::{DeTable, DeValue};

use super::read_fonts::read_fonts;
use super::read_style::{PLAIN, ReadStyle as _};
use super::texts::{FUNCTIONS, Program, environment, is_program, prelude, unknown_names};
use super::{Template, trial};
use crate::data::{LISTS, VARIABLES};
use crate::image::Source;
use crate::labels::LABELS;
use crate::language::Language;
use crate::layout::Paper;

impl Template {
    /// Reads and checks a template. `file_name` stands before each mistake; `read` gives
    /// the bytes of an image or font, by its path relative to the template.
    pub fn load(
        source: &str,
        file_name: &str,
        read: &dyn Fn(&str) -> io::Result<Vec<u8>>,
    ) -> Result<Self, TemplateErrors> {
        let template =
            read_toml(source, |report, document| Loader::new(report, file_name, read).load(document));
        let template = template.map_err(|mistakes| TemplateErrors::new(file_name, mistakes))?;
        let mistakes = trial::run(&template);
        if mistakes.is_empty() { Ok(template) } else { Err(TemplateErrors::new(file_name, mistakes)) }
    }
}

/// All the mistakes of a template, by line. Displays as one line each: `file:line: message`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateErrors {
    file_name: String,
    mistakes: Vec<Mistake>,
}

impl TemplateErrors {
    fn new(file_name: &str, mut mistakes: Vec<Mistake>) -> Self {
        mistakes.sort();
        mistakes.dedup();
        Self { file_name: file_name.to_owned(), mistakes }
    }

    /// The mistakes, by line.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.mistakes.iter()
    }
}

impl std::error::Error for TemplateErrors {}

impl fmt::Display for TemplateErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, Mistake { line, message }) in self.mistakes.iter().enumerate() {
            let end = if i == 0 { "" } else { "\n" };
            write!(f, "{end}{}:{line}: {message}", self.file_name)?;
        }
        Ok(())
    }
}

/// An image of the template, and the widest that it is printed, in points.
struct Loaded {
    file: String,
    source: Source,
    width: f32,
}

/// What is gathered while a template is read.
pub(super) struct Loader<'a, 's> {
    report: &'a Report<'s>,
    file_name: Arc<str>,
    read: &'a dyn Fn(&str) -> io::Result<Vec<u8>>,
    pub(super) font_size: f32,
    pub(super) line_height: f32,
    languages: Vec<Language>,
    /// The template's own labels, by key.
    labels: BTreeMap<String, [Option<At<String>>; 6]>,
    environments: Vec<(Language, Environment<'static>)>,
    images: Vec<Loaded>,
    programs: usize,
    /// Variables beside those of a receipt: the footer's.
    more: &'static [&'static str],
}

const A4: Paper = Paper { width: 595.276, height: Some(841.89), margin: [51.0; 4] };

/// The angle of a watermark where the template says nothing: it crosses the lines of the page.
const DIAGONAL: f32 = 45.0;

/// In place of the members of a row: the text is a label.
const IN_LABEL: &[&str] = &["labels"];

/// Whether a text could be the name of a variable.
fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

impl<'a, 's> Loader<'a, 's> {
    fn new(report: &'a Report<'s>, file_name: &str, read: &'a dyn Fn(&str) -> io::Result<Vec<u8>>) -> Self {
        Self {
            report,
            file_name: file_name.into(),
            read,
            font_size: PLAIN.size,
            line_height: PLAIN.line_height,
            languages: Language::ALL.to_vec(),
            labels: BTreeMap::new(),
            environments: Vec::new(),
            images: Vec::new(),
            programs: 0,
            more: &[],
        }
    }

    fn load(mut self, document: &'a DeTable<'s>) -> Template {
        let root = TomlReader::new(self.report, document, 1, "a template");
        let language = root.text("language").and_then(|code| {
            let codes = "\"nb\", \"sv\", \"da\", \"fi\", \"en\" or \"tr\"";
            Language::from_code(code.value).or_else(|| root.refuse("language", code.line, codes))
        });
        if let Some(language) = language {
            self.languages = vec![language];
        }
        if let Some(labels) = root.table("labels", "labels") {
            self.read_labels(&labels);
        }
        let page = root.table("page", "the page");
        let paper = page.as_ref().map_or(A4, |page| self.paper(page));
        for language in self.languages.clone() {
            self.environments.push((language, environment(language, self.labels_in(language))));
        }
        self.check_labels();
        let title = root
            .text("title")
            .unwrap_or(At { value: "{{ receipt.title }} {{ receipt.voucherNumber }}", line: 1 });
        let title = self.program(vec![title], &[]);
        let width = paper.body_width();
        let background = page.as_ref().and_then(|page| page.text("background"));
        let background = background.and_then(|file| self.load_image(&file, paper.width));
        let watermark = page.as_ref().and_then(|page| page.text("watermark"));
        let watermark = watermark.map(|text| self.program(vec![text], &[]));
        let angle = page.as_ref().and_then(|page| page.number("watermark-angle", -90.0..=90.0));
        let watermark = watermark.map(|text| (text, angle.unwrap_or(DIAGONAL)));
        page.into_iter().for_each(TomlReader::finish);
        let blocks = root.tables("block", "a block");
        if blocks.is_empty() {
            self.report.add(1, "the template shows nothing: it needs at least one [[block]]");
        }
        let blocks = self.blocks(blocks, width);
        self.more = &["page", "pages"];
        let header = self.blocks(root.tables("header", "a block"), width);
        let footer = self.blocks(root.tables("footer", "a block"), width);
        let fonts = read_fonts(&root, self.read);
        root.finish();

        let mut texts = [const { None }; 6];
        for (language, environment) in self.environments {
            texts[language.index()] = Some(environment);
        }
        let images = match self.report.is_clean() {
            true => self.images.into_iter().map(|image| image.source.printed(image.width)).collect(),
            false => Vec::new(),
        };
        Template {
            paper,
            language,
            title,
            header,
            blocks,
            footer,
            background,
            watermark,
            images,
            fonts,
            texts,
        }
    }

    fn paper(&mut self, page: &TomlReader<'_, '_>) -> Paper {
        let mut paper = A4;
        paper.width = page.length("width").unwrap_or(paper.width);
        let height = page.text("height");
        paper.height = match height {
            Some(At { value: "auto", .. }) => None,
            Some(_) => page.length("height").or(paper.height),
            None => paper.height,
        };
        paper.margin = page.sides("margin").unwrap_or(paper.margin);
        self.font_size = page.size("font-size").unwrap_or(self.font_size);
        // Tighter, and the ring of an Å would touch the line above.
        self.line_height = page.number("line-height", 1.2..=3.0).unwrap_or(self.line_height);
        const LEAST: f32 = 72.0;
        let room = paper.height.map(|height| height - paper.margin[0] - paper.margin[2]);
        if paper.body_width() < LEAST || room.is_some_and(|room| room < LEAST) {
            self.report.add(page.line(), "the page has less than 25 mm between its margins");
            paper = A4;
        }
        paper
    }

    fn read_labels(&mut self, labels: &TomlReader<'_, '_>) {
        for (code, value) in labels.entries() {
            let (Some(language), DeValue::Table(table)) = (Language::from_code(code.value), value) else {
                let message = format!(
                    "unknown language `{}`: labels are given for nb, sv, da, fi, en, tr, as in [labels.nb]",
                    code.value
                );
                self.report.add(code.line, message);
                continue;
            };
            for (key, value) in TomlReader::new(self.report, table, code.line, "labels").entries() {
                match value {
                    DeValue::String(text) if is_program(text) && !is_name(key.value) => {
                        let message = format!(
                            "the label `{}` has variables: its name must be letters, digits and _ alone",
                            key.value
                        );
                        self.report.add(key.line, message);
                    }
                    DeValue::String(text) => {
                        let words = self.labels.entry(key.value.to_owned()).or_default();
                        words[language.index()] =
                            Some(At { value: text.as_ref().to_owned(), line: key.line });
                    }
                    _ => self.report.add(key.line, format!("the label `{}` is a text in quotes", key.value)),
                }
            }
        }
    }

    fn labels_in(&self, language: Language) -> Value {
        let builtin =
            LABELS.iter().map(|(key, words)| ((*key).to_owned(), words[language.index()].to_owned()));
        let own = self
            .labels
            .iter()
            .filter_map(|(key, words)| Some((key.clone(), words[language.index()].as_ref()?.value.clone())));
        Value::from_pairs(builtin.chain(own))
    }

    /// The labels that are texts themselves, with the variables of a receipt.
    fn check_labels(&self) {
        for word in self.labels.values().flatten().flatten().filter(|word| is_program(&word.value)) {
            self.checked(&At { value: &word.value, line: word.line }, IN_LABEL);
        }
    }

    /// What a text needs before it to have its labels evaluated in a language.
    fn prelude(&self, source: &str, language: Language) -> String {
        if !self.labels.values().flatten().flatten().any(|word| is_program(&word.value)) {
            return String::new();
        }
        let used = self.environments.first().and_then(|(_, environment)| {
            Some(environment.template_from_str(source).ok()?.undeclared_variables(true))
        });
        let used = used.unwrap_or_default();
        // `labels[…]` may be any of them.
        let is_used = |key: &str| used.contains("labels") || used.contains(&format!("labels.{key}"));
        prelude(self.labels.iter().filter_map(|(key, words)| {
            let word = words[language.index()].as_ref().filter(|word| is_program(&word.value))?;
            is_used(key).then_some((key.as_str(), word.value.as_str()))
        }))
    }

    pub(super) fn nothing(line: usize) -> At<&'static str> {
        At { value: "", line }
    }

    /// Compiles texts into one program; they come out with U+001F between them.
    pub(super) fn program(&mut self, texts: Vec<At<&str>>, row: &[&str]) -> Program {
        let line = texts.first().map_or(1, |text| text.line);
        let source = texts.iter().map(|text| self.checked(text, row)).collect::<Vec<_>>().join("\u{1f}");
        self.compile(source, line)
    }

    /// Compiles a condition: the program comes out empty where it does not hold.
    pub(super) fn condition(&mut self, when: At<&str>) -> Program {
        let source = format!("{{% if {} %}}1{{% endif %}}", when.value);
        let source = self.checked(&At { value: &source, line: when.line }, &[]);
        self.compile(source, when.line)
    }

    /// Compiles records of `size` texts, with U+001F between texts and U+001E between records.
    pub(super) fn records(&mut self, texts: Vec<At<&str>>, size: usize, line: usize) -> Program {
        let checked: Vec<String> = texts.iter().map(|text| self.checked(text, &[])).collect();
        let records: Vec<String> = checked.chunks(size).map(|record| record.join("\u{1f}")).collect();
        self.compile(records.join("\u{1e}"), line)
    }

    /// Compiles the texts of one row into a program over a list; each row ends with U+001E.
    pub(super) fn each(&mut self, list: &str, row: &[&str], texts: Vec<At<&str>>, line: usize) -> Program {
        let checked: Vec<String> = texts.iter().map(|text| self.checked(text, row)).collect();
        let cells = checked.join("\u{1f}");
        self.compile(format!("{{% for row in {list} %}}{cells}\u{1e}{{% endfor %}}"), line)
    }

    /// The text itself, once it is found to be right; nothing where it is not.
    fn checked(&self, text: &At<&str>, row: &[&str]) -> String {
        let Some((_, environment)) = self.environments.first() else { return String::new() };
        let template = match environment.template_from_str(text.value) {
            Ok(template) => template,
            Err(error) => {
                let line = text.line + error.line().unwrap_or(1).saturating_sub(1);
                self.report.add(
                    line,
                    format!("the text is not right: {}", error.detail().unwrap_or("syntax error")),
                );
                return String::new();
            }
        };
        let unknown = unknown_names(text.value);
        for name in &unknown {
            self.report.add(text.line + name.line, name.message.as_str());
        }
        let mut names: Vec<String> = template.undeclared_variables(true).into_iter().collect();
        names.sort_unstable();
        for name in names.iter().filter(|name| unknown.iter().all(|unknown| unknown.name != *name)) {
            if let Some(message) = self.unknown(name, row) {
                self.report.add(text.line, message);
            }
        }
        text.value.replace(['\u{1e}', '\u{1f}'], "")
    }

    /// What is wrong with a variable's name, if anything.
    fn unknown(&self, name: &str, row: &[&str]) -> Option<String> {
        let (group, member) = name.split_once('.').unwrap_or((name, ""));
        let allowed: Vec<&str> = match group {
            "labels" if row == IN_LABEL => return self.label_in_label(member),
            "labels" => return self.unknown_label(member),
            "row" if !row.is_empty() && row != IN_LABEL => row.to_vec(),
            function if FUNCTIONS.contains(&function) => return None,
            _ if self.more.contains(&group) || LISTS.iter().any(|(list, _)| *list == group) => Vec::new(),
            _ => match VARIABLES.iter().find(|(variable, _)| *variable == group) {
                Some((_, members)) => members.to_vec(),
                None => {
                    let mut known: Vec<&str> = VARIABLES.iter().map(|(name, _)| *name).collect();
                    known.extend(LISTS.iter().map(|(name, _)| *name));
                    known.push("labels");
                    known.extend(self.more);
                    if !row.is_empty() && row != IN_LABEL {
                        known.push("row");
                    }
                    return Some(format!("unknown variable `{group}`: there are {}", known.join(", ")));
                }
            },
        };
        let first = member.split('.').next().unwrap_or_default();
        if allowed.is_empty() || member.is_empty() || (allowed.contains(&first) && first == member) {
            return None;
        }
        Some(format!("unknown variable `{name}`: `{group}` has {}", allowed.join(", ")))
    }

    /// What is wrong with a label's name within a label: it must be one that is no text itself.
    fn label_in_label(&self, key: &str) -> Option<String> {
        let words = self.labels.get(key).into_iter().flatten().flatten();
        match key.is_empty() || words.into_iter().any(|word| is_program(&word.value)) {
            true => {
                Some(format!("the label `{key}` has variables itself: labels use only labels without any"))
            }
            false => self.unknown_label(key),
        }
    }

    fn unknown_label(&self, key: &str) -> Option<String> {
        if key.is_empty() || LABELS.iter().any(|(name, _)| *name == key) {
            return None;
        }
        let words = self.labels.get(key);
        let lacking: Vec<&str> = self
            .languages
            .iter()
            .filter(|language| words.is_none_or(|words| words[language.index()].is_none()))
            .map(|language| language.code())
            .collect();
        (!lacking.is_empty()).then(|| {
            format!(
                "the label `{key}` is missing in {}: add it under [labels.{}]",
                lacking.join(", "),
                lacking[0]
            )
        })
    }

    fn compile(&mut self, source: String, line: usize) -> Program {
        let name = self.programs.to_string();
        self.programs += 1;
        let preludes: Vec<String> =
            self.environments.iter().map(|(language, _)| self.prelude(&source, *language)).collect();
        for ((_, environment), prelude) in self.environments.iter_mut().zip(preludes) {
            if let Err(error) = environment.add_template_owned(name.clone(), prelude + &source) {
                self.report.add(
                    line,
                    format!("the text is not right: {}", error.detail().unwrap_or("syntax error")),
                );
                break;
            }
        }
        Program { name, template: Arc::clone(&self.file_name), line }
    }

    /// The number of an image, loaded once however often it is shown.
    pub(super) fn load_image(&mut self, file: &At<&str>, width: f32) -> Option<usize> {
        if let Some(image) = self.images.iter().position(|image| image.file == file.value) {
            self.images[image].width = self.images[image].width.max(width);
            return Some(image);
        }
        let source = (self.read)(file.value)
            .map_err(|error| format!("the image `{}` cannot be read: {error}", file.value))
            .and_then(|bytes| {
                Source::read(&bytes).map_err(|error| format!("the image `{}`: {error}", file.value))
            });
        match source {
            Ok(source) => {
                self.images.push(Loaded { file: file.value.to_owned(), source, width });
                Some(self.images.len() - 1)
            }
            Err(message) => {
                self.report.add(file.line, message);
                None
            }
        }
    }
}
