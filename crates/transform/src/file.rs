//! The file of transforms: read from TOML, with the line of each mistake.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use config::{At, Report, TomlFileError, TomlReader, read_toml};

use crate::entry::{Entry, Makes, Source};
use crate::envelope::Envelope;
use crate::filter::{Filter, MAX_FILTER};
use crate::pattern::Pattern;

/// In bytes: thousands of transforms.
const MAX_SIZE: u64 = 4 * 1024 * 1024;

/// All transforms of a file, in its order.
#[derive(Debug)]
pub struct Transforms {
    path: PathBuf,
    entries: Vec<Entry>,
    /// The files that filters are in.
    filters: Vec<PathBuf>,
}

impl Transforms {
    /// Reads the file, and the files of filters beside it.
    ///
    /// # Errors
    /// It cannot be read, or has mistakes.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TomlFileError> {
        let path = path.as_ref();
        let text = config::read_text(path, MAX_SIZE);
        let text = text.map_err(|source| TomlFileError::unreadable(path, source))?;
        Self::read(&text, path)
    }

    /// Reads its text; `path` is where it stands.
    ///
    /// # Errors
    /// It has mistakes: all of them.
    pub fn read(text: &str, path: &Path) -> Result<Self, TomlFileError> {
        let mut filters = Vec::new();
        let entries = read_toml(text, |report, document| {
            let root = TomlReader::new(report, document, 1, "the file");
            let tables = root.tables("transform", "a transform");
            if tables.is_empty() && report.is_clean() {
                root.complain("has no transform: it needs at least one, as in [[transform]]");
            }
            root.finish();
            let mut names = BTreeSet::new();
            tables.into_iter().filter_map(|table| entry(table, path, &mut names, &mut filters)).collect()
        });
        match entries {
            Ok(entries) => Ok(Self { path: path.to_owned(), entries, filters }),
            Err(mistakes) => Err(TomlFileError::mistakes(path, mistakes)),
        }
    }

    /// The index of the first one that is for this message, of those that make one of these events.
    pub fn find(&self, source: &Source<'_>, wanted: &[Makes]) -> Option<usize> {
        self.entries.iter().position(|entry| wanted.contains(&entry.makes) && entry.is_for(source))
    }

    /// All of them.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The file, and those of its filters.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(self.path.as_path()).chain(self.filters.iter().map(PathBuf::as_path))
    }
}

fn entry(
    mut table: TomlReader<'_, '_>,
    path: &Path,
    names: &mut BTreeSet<String>,
    filters: &mut Vec<PathBuf>,
) -> Option<Entry> {
    let name = table.required_text("name").map(At::owned);
    if let Some(At { value: name, line }) = &name {
        let is_name = |sign: char| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-';
        if name.is_empty() || name.len() > 64 || !name.chars().all(is_name) {
            table.refuse::<()>("name", *line, "1 to 64 small letters, digits and hyphens");
        } else if names.insert(name.clone()) {
            table.rename(format!("transform {name}"));
        } else {
            table.refuse::<()>("name", *line, "a name that no other transform has");
        }
    }
    let makes = match table.text("makes") {
        None => Some(Makes::Receipt),
        Some(At { value, line }) => {
            Makes::ALL.into_iter().find(|makes| makes.name() == value).or_else(|| {
                table.refuse("makes", line, &Makes::ALL.map(|makes| format!("\"{makes}\"")).join(" or "))
            })
        }
    };
    let unwrap = unwrap(&table);
    let filter = match (table.text("filter"), table.text("filter_file")) {
        (Some(_), Some(At { line, .. })) => {
            table.report().add(line, "a transform has one of `filter` and `filter_file`, not both");
            None
        }
        // The lines of a text in ''' begin after its quotes.
        (Some(At { value, line }), None) => {
            compile(value, |mistake_line| line + mistake_line, table.report(), "")
        }
        (None, Some(At { value, line })) => {
            let file = path.parent().unwrap_or(Path::new("")).join(value);
            filters.push(file.clone());
            match config::read_text(&file, MAX_FILTER as u64) {
                Ok(code) => compile(&code, |_| line, table.report(), value),
                Err(error) => {
                    table
                        .report()
                        .add(line, format!("the filter {} cannot be read: {error}", file.display()));
                    None
                }
            }
        }
        (None, None) => {
            if unwrap.is_empty() {
                table.complain("has nothing to do: it needs `unwrap`, `filter` or `filter_file`");
            }
            None
        }
    };
    let text = |key| table.text(key).map(|text| text.value.to_owned());
    let entry = Entry {
        name: name.map(|name| name.value).unwrap_or_default(),
        line: table.line(),
        key: text("key").map(|key| Pattern::new(&key)),
        kind: text("type"),
        tenant: text("tenant"),
        unwrap,
        makes: makes.unwrap_or(Makes::Receipt),
        filter,
    };
    table.finish();
    Some(entry)
}

fn unwrap(table: &TomlReader<'_, '_>) -> Vec<Envelope> {
    let Some(At { value, line }) = table.value("unwrap") else { return Vec::new() };
    let wanted =
        || format!("a list of {}", Envelope::ALL.map(|envelope| format!("\"{envelope}\"")).join(", "));
    let names = value.as_array().map(|names| names.iter().map(|name| name.get_ref().as_str()));
    let envelopes: Option<Vec<_>> =
        names.and_then(|names| names.map(|name| Envelope::by_name(name?)).collect());
    match envelopes {
        Some(envelopes) if envelopes.iter().filter(|envelope| **envelope == Envelope::Batch).count() > 1 => {
            table.refuse("unwrap", line, "a list with one \"batch\" at most").unwrap_or_default()
        }
        Some(envelopes) => envelopes,
        None => table.refuse("unwrap", line, &wanted()).unwrap_or_default(),
    }
}

fn compile(code: &str, line: impl Fn(usize) -> usize, report: &Report<'_>, file: &str) -> Option<Filter> {
    match Filter::compile(code) {
        Ok(filter) => Some(filter),
        Err(mistakes) => {
            for mistake in mistakes {
                let at = if file.is_empty() { String::new() } else { format!("{file}:{}: ", mistake.line) };
                report.add(line(mistake.line), format!("{at}{}", mistake.message));
            }
            None
        }
    }
}
